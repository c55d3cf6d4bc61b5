{{- define "albingress.settings" -}}
{{ include "common.leaderSettings" . }}
webhookListen: {{ printf ":%v" .Values.webhook.port | quote }}
webhookName: {{ include "common.webhookName" . }}
{{- end -}}

{{- /* Whether pods are given readiness gates: not where nobody would meet them. */ -}}
{{- define "albingress.hasWebhook" -}}
{{- if and .Values.webhook.enabled .Values.config.enablePodReadinessGateInject (not .Values.config.dryRun) -}}true{{- end -}}
{{- end -}}
