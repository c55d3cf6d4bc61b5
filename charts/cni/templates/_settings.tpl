{{- /* The name of the node comes with the environment, different on every node. */ -}}
{{- define "cni.settings" -}}
{{ include "common.settings" . }}
webhookName: {{ include "cni.webhookName" . }}
{{- end -}}

{{- /* What belongs to the webhook. */ -}}
{{- define "cni.webhookName" -}}
{{ include "common.fullname" . | trunc 55 | trimSuffix "-" }}-webhook
{{- end -}}

{{- /* The labels by which the pods of the webhook are found: none of the DaemonSet's. */ -}}
{{- define "cni.webhookSelector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}-webhook
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
