{{- /* What is read of the cluster: pods with what they need and who owns them, nodes, and budgets. */ -}}
{{- define "autoscaler.readRules" -}}
- apiGroups: [""]
  resources: [namespaces, nodes, persistentvolumeclaims, persistentvolumes, pods, replicationcontrollers]
  verbs: [list, watch]
- apiGroups: [apps]
  resources: [daemonsets, replicasets, statefulsets]
  verbs: [list, watch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [list, watch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list, watch]
- apiGroups: [storage.k8s.io]
  resources: [csinodes, storageclasses]
  verbs: [list, watch]
{{- end -}}

{{- /* What is written: taints, cordon and annotation of nodes; pods are evicted, and never deleted. */ -}}
{{- define "autoscaler.writeRules" -}}
{{ include "autoscaler.drainRules" . }}
{{ include "common.eventRules" . }}
{{- end -}}

{{- /* What a drain writes. */ -}}
{{- define "autoscaler.drainRules" -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [get, patch]
- apiGroups: [""]
  resources: [pods/eviction]
  verbs: [create]
{{- end -}}

{{- /* Whoever rolls groups of a matrix writes it down for the daemon, which only reads it. */ -}}
{{- define "autoscaler.rollRules" -}}
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [aws-addons-autoscaler-rolls]
  verbs: [get, patch]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [create]
{{- end -}}

{{- /* Its ConfigMaps: memory and status are its own, rolls are of `addons autoscaler matrix roll`, the priorities are the
user's. The request of a `create` has no name that a rule could match. */ -}}
{{- define "autoscaler.configMapRules" -}}
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [{{ include "common.fullname" . }}-intents, {{ .Values.config.statusConfigMapName }}]
  verbs: [get{{ if not .Values.config.dryRun }}, patch{{ end }}]
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [aws-addons-autoscaler-rolls]
  verbs: [list, watch]
{{- if has "priority" .Values.config.expander }}
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [cluster-autoscaler-priority-expander]
  verbs: [list, watch]
{{- end }}
{{- if not .Values.config.dryRun }}
- apiGroups: [""]
  resources: [configmaps]
  verbs: [create]
{{- end }}
{{- end -}}

{{- /* Whether the original still acts is told by its Lease. */ -}}
{{- define "autoscaler.originalRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [cluster-autoscaler]
  verbs: [get]
{{- end -}}
