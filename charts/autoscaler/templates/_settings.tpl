{{- define "autoscaler.settings" -}}
{{ include "common.leaderSettings" . }}
{{- end -}}

{{- /* Where it keeps its ConfigMaps. */ -}}
{{- define "autoscaler.namespace" -}}
{{- .Values.config.namespace | default .Release.Namespace -}}
{{- end -}}
