{{- /* The pods of the node and the node itself; what is told to them. Patches cannot be limited to the own node by rules:
a ValidatingAdmissionPolicy does that, see ownnode.yaml. */ -}}
{{- define "cni.rules" -}}
- apiGroups: [""]
  resources: [pods, nodes]
  verbs: [get, list, watch]
{{- if eq .Values.config.capacity "resource" }}
- apiGroups: [""]
  resources: [nodes/status]
  verbs: [patch]
{{- end }}
{{- if .Values.config.exhaustionTaint }}
- apiGroups: [""]
  resources: [nodes]
  verbs: [patch]
{{- end }}
{{- if .Values.config.customNetworkCfg }}
- apiGroups: [crd.k8s.amazonaws.com]
  resources: [eniconfigs]
  verbs: [get, list, watch]
{{- end }}
{{ include "common.eventRules" . }}
{{- end -}}

{{- /* The sweep of interfaces that instances left behind: one node has the Lease. */ -}}
{{- define "cni.leaderRules" -}}
{{ include "common.leaderRules" . }}
{{- end -}}
