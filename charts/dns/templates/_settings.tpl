{{- /* What the chart decides itself: where the daemon listens, and by which Lease one replica leads. */ -}}
{{- define "dns.settings" -}}
leaderElect: true
leaderElectName: {{ include "common.fullname" . }}
leaderElectNamespace: {{ .Release.Namespace }}
listen: {{ printf ":%v" .Values.port | quote }}
{{- end -}}
