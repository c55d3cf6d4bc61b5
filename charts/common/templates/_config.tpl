{{- /* The settings file of a daemon: what the chart decides itself, its `<chart>.settings`, `config`, and what is shared. */ -}}
{{- define "common.config" -}}
{{- $ours := include (printf "%s.settings" .Chart.Name) . | fromYaml -}}
{{- toYaml (merge $ours .Values.config (include "common.sharedSettings" . | fromYaml)) -}}
{{- end -}}

{{- /* What every chart decides itself: where the daemon listens. */ -}}
{{- define "common.settings" -}}
listen: {{ printf ":%v" .Values.port | quote }}
{{- end -}}

{{- /* What a chart with replicas decides besides: by which Lease one of them leads. */ -}}
{{- define "common.leaderSettings" -}}
{{ include "common.settings" . }}
leaderElect: true
leaderElectName: {{ include "common.fullname" . }}
leaderElectNamespace: {{ .Release.Namespace }}
{{- end -}}

{{- define "common.configMap" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "common.metadata" . | nindent 2 }}
data:
  config.yaml: |
    {{- include "common.config" . | nindent 4 }}
{{- end -}}
