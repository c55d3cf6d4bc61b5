{{- /* The settings file of a daemon: `config`, and what the chart decides itself, its `<chart>.settings`. */ -}}
{{- define "common.config" -}}
{{- $ours := include (printf "%s.settings" .Chart.Name) . | fromYaml -}}
{{- toYaml (merge $ours .Values.config) -}}
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
