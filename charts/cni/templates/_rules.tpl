{{- /* The pods of the node, and one of them afresh where two have one name; the nodes, with which it shares subnets; what
is told to them. Rules cannot limit patches to the own node: a ValidatingAdmissionPolicy does that, see ownnode.yaml. */ -}}
{{- define "cni.rules" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
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
  verbs: [list, watch]
{{- end }}
{{ include "common.eventRules" . }}
{{- end -}}

{{- /* The sweep of interfaces that instances left behind: one node has the Lease. */ -}}
{{- define "cni.leaderRules" -}}
{{ include "common.leaderRules" . }}
{{- end -}}
