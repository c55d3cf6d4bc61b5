{{- /* Whether there is anything to take away at uninstall, and whether it is wanted. */ -}}
{{- define "iamproxy.cleansUp" -}}
{{- if and .Values.cleanup.enabled (eq .Values.config.interceptor "nft") }}yes{{ end -}}
{{- end -}}

{{- /* At most 63 characters, of which the Job's pods have it as a label. */ -}}
{{- define "iamproxy.cleanupName" -}}
{{- printf "%s-cleanup" (include "common.fullname" . | trunc 55 | trimSuffix "-") -}}
{{- end -}}

{{- /* `metadata` of what the Job needs: there before it, and gone after it, whatever became of it. */ -}}
{{- define "iamproxy.cleanupMetadata" -}}
name: {{ include "iamproxy.cleanupName" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "common.labels" . | nindent 2 }}
annotations:
  helm.sh/hook: pre-delete
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded,hook-failed
{{- end -}}

{{- /* Its pods are none of the DaemonSet's, and none that the Service leads to. */ -}}
{{- define "iamproxy.cleanupPodLabels" -}}
{{- $ours := dict
  "app.kubernetes.io/name" (printf "%s-cleanup" .Chart.Name)
  "app.kubernetes.io/instance" .Release.Name
  "app.kubernetes.io/component" .Chart.Name
  "app.kubernetes.io/part-of" "aws-addons"
-}}
{{- toYaml (merge $ours .Values.podLabels .Values.commonLabels) -}}
{{- end -}}
