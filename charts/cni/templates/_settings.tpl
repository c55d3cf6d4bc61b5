{{- /* The name of the node comes with the environment, different on every node. */ -}}
{{- define "cni.settings" -}}
{{ include "common.settings" . }}
leaseName: {{ include "common.fullname" . }}
leaseNamespace: {{ .Release.Namespace }}
webhookListen: {{ printf ":%v" .Values.webhook.port | quote }}
webhookName: {{ include "common.webhookName" . }}
{{- end -}}
