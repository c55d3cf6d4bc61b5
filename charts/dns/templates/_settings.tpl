{{- define "dns.settings" -}}
{{ include "common.leaderSettings" . }}
{{- end -}}
