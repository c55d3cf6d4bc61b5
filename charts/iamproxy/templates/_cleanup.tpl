{{- /* Whether there is anything to take away at uninstall, and whether it is wanted. */ -}}
{{- define "iamproxy.cleansUp" -}}
{{- if and .Values.cleanup.enabled (eq .Values.config.interceptor "nft") }}yes{{ end -}}
{{- end -}}
