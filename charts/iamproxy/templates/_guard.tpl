{{- /* Refuses what cannot work, in words: Helm can be told to skip the schema. */ -}}
{{- define "iamproxy.guard" -}}
{{- if not (or .Values.config.baseRoleArn .Values.config.autoDiscoverBaseArn) -}}
{{- fail "config.baseRoleArn is required, such as arn:aws:iam::123456789012:role/pods/, or config.autoDiscoverBaseArn" -}}
{{- end -}}
{{- if eq (int .Values.port) (int .Values.config.appPort) -}}
{{- fail (printf "port and config.appPort are both %d: pods and the status page need a port each" (int .Values.port)) -}}
{{- end -}}
{{- if and .Values.cni.enabled (not .Values.config.cniSocket) -}}
{{- fail "config.cniSocket is required when cni.enabled is true" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled (eq .Values.config.interceptor "nft") (not .Values.config.adminNetworks) -}}
{{- fail "config.adminNetworks is required when serviceMonitor.enabled is true: the networks that Prometheus is in" -}}
{{- end -}}
{{- if and .Values.prometheusRule.enabled (not .Values.serviceMonitor.enabled) -}}
{{- fail "serviceMonitor.enabled is required when prometheusRule.enabled is true: alerts need its metrics" -}}
{{- end -}}
{{- end -}}
