{{- /* The settings file of a daemon: `config`, and what the chart decides itself. */ -}}
{{- define "common.config" -}}
{{- $ours := dict
  "leaderElect" true
  "leaderElectName" (include "common.fullname" .)
  "leaderElectNamespace" .Release.Namespace
  "listen" (printf ":%v" .Values.port)
-}}
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
