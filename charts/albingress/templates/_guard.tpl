{{- /* Refuses what cannot work, in words. The schema leaves to it what depends on several values. */ -}}
{{- define "albingress.guard" -}}
{{- include "common.guard" . -}}
{{- if kindIs "string" .Values.ingressClass -}}
{{- fail (printf "ingressClass is a map here: {name: %s}" .Values.ingressClass) -}}
{{- end -}}
{{- $config := .Values.config -}}
{{- if not ($config.clusterName | default (include "common.cluster" .)) -}}
{{- fail "config.clusterName is required: all that is made in AWS is named and tagged with it, and the IAM policy is limited to that tag" -}}
{{- end -}}
{{- include "common.monitoringGuard" . -}}
{{- if and .Values.webhook.enabled (eq (int .Values.port) (int .Values.webhook.port)) -}}
{{- fail (printf "port and webhook.port are both %d: the webhook needs a port each" (int .Values.port)) -}}
{{- end -}}
{{- if and .Values.secrets.all .Values.secrets.names -}}
{{- fail "secrets.names and secrets.all exclude each other: the names are for when not all may be read" -}}
{{- end -}}
{{- if and .Values.ingressClass.params (not .Values.ingressClass.create) -}}
{{- fail "ingressClass.params needs ingressClass.create: the class names the parameters" -}}
{{- end -}}
{{- if and $config.backendSecurityGroup (not $config.enableBackendSecurityGroup) -}}
{{- fail "config.backendSecurityGroup needs config.enableBackendSecurityGroup: the group would serve nobody" -}}
{{- end -}}
{{- end -}}
