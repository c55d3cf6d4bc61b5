{{- define "albingress.settings" -}}
{{ include "common.leaderSettings" . }}
{{- end -}}
