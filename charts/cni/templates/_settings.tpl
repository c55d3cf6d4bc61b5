{{- /* The name of the node comes with the environment, different on every node. */ -}}
{{- define "cni.settings" -}}
{{ include "common.settings" . }}
leaseName: {{ include "common.fullname" . }}
leaseNamespace: {{ .Release.Namespace }}
webhookListen: {{ printf ":%v" .Values.webhook.port | quote }}
webhookName: {{ include "cni.webhookName" . }}
{{- end -}}

{{- /* What belongs to the webhook; at most 63 characters. */ -}}
{{- define "cni.webhookName" -}}
{{ include "common.fullname" . | trunc 55 | trimSuffix "-" }}-webhook
{{- end -}}

{{- /* The labels by which the pods of the webhook are found: none of the DaemonSet's. */ -}}
{{- define "cni.webhookSelector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}-webhook
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* As whom the webhook speaks to the API server: an account with other rights than the daemon's, if the chart makes
them. */ -}}
{{- define "cni.webhookAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- include "cni.webhookName" . -}}
{{- else -}}
{{- .Values.webhook.serviceAccountName | default (include "common.serviceAccountName" .) -}}
{{- end -}}
{{- end -}}

{{- /* The name of what belongs to no namespace and may have no colon in its name: arguments are the root and a name. */ -}}
{{- define "cni.clusterWide" -}}
{{- printf "%s.%s" (last .) ((first .).Release.Namespace | default "default") -}}
{{- end -}}
