{{- /* The name of the node comes with the environment, different on every node. */ -}}
{{- define "iamproxy.settings" -}}
{{ include "common.settings" . }}
{{- end -}}
