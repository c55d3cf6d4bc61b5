{{- /* Whether there is anything to take away at uninstall, and whether it is wanted. */ -}}
{{- define "iamproxy.cleansUp" -}}
{{- if and .Values.cleanup.enabled (eq .Values.config.interceptor "nft") }}yes{{ end -}}
{{- end -}}

{{- /* `metadata` of what the Job needs: there before it, and gone after it, whatever became of it. */ -}}
{{- define "iamproxy.cleanupMetadata" -}}
name: {{ include "common.hookName" (list . "cleanup") }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "common.labels" . | nindent 2 }}
annotations:
  helm.sh/hook: pre-delete
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded,hook-failed
{{- end -}}
