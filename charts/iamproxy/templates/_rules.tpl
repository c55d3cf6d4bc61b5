{{- /* Who the pods are and what their namespaces allow; the Events that tell what became of it. With web identity
also tokens of any ServiceAccount, which is why that right is granted only where it is used. `get` is for
`addons iamproxy check --offline`. */ -}}
{{- define "iamproxy.rules" -}}
- apiGroups: [""]
  resources: [pods, namespaces]
  verbs: [get, list, watch]
{{ include "common.eventRules" . }}
{{- if eq .Values.config.credentialSource "web-identity" }}
- apiGroups: [""]
  resources: [serviceaccounts/token]
  verbs: [create]
{{- end }}
{{- end -}}
