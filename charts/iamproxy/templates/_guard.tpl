{{- /* Refuses what cannot work, in words. The schema leaves to it what depends on several values. */ -}}
{{- define "iamproxy.guard" -}}
{{- include "common.guard" . -}}
{{- $config := .Values.config -}}
{{- if kindIs "string" .Values.updateStrategy -}}
{{- fail (printf "updateStrategy is a map here: {type: %s}" .Values.updateStrategy) -}}
{{- end -}}
{{- if not (or $config.baseRoleArn $config.autoDiscoverBaseArn) -}}
{{- fail "config.baseRoleArn is required, such as arn:aws:iam::123456789012:role/pods/, or config.autoDiscoverBaseArn" -}}
{{- end -}}
{{- if eq (int .Values.port) (int $config.appPort) -}}
{{- fail (printf "port and config.appPort are both %d: pods and the status page need a port each" (int .Values.port)) -}}
{{- end -}}
{{- $ttl := include "common.seconds" $config.iamRoleSessionTtl | float64 -}}
{{- if or (lt $ttl 300.0) (gt $ttl 21600.0) -}}
{{- fail (printf "config.iamRoleSessionTtl %s: not between 5m and 6h" $config.iamRoleSessionTtl) -}}
{{- end -}}
{{- range $config.adminNetworks -}}
{{- if include "common.hasHostBits" . -}}
{{- fail (printf "config.adminNetworks %s: bits are set behind the length of the network" .) -}}
{{- end -}}
{{- end -}}
{{- if and (eq $config.credentialSource "web-identity") (or $config.sessionTags $config.assumeRoleArn) -}}
{{- fail "config.sessionTags and config.assumeRoleArn cannot go with config.credentialSource web-identity" -}}
{{- end -}}
{{- include "iamproxy.filesGuard" . -}}
{{- if and (include "common.isMonitored" .) (eq $config.interceptor "nft") (not $config.adminNetworks) -}}
{{- fail "config.adminNetworks is required when serviceMonitor.enabled or global.monitoring.enabled is true: the networks that Prometheus is in" -}}
{{- end -}}
{{- include "common.monitoringGuard" . -}}
{{- end -}}

{{- /* What lies in files has to be mounted. */ -}}
{{- define "iamproxy.filesGuard" -}}
{{- if and .Values.cni.enabled (not .Values.config.cniSocket) -}}
{{- fail "config.cniSocket is required when cni.enabled is true" -}}
{{- end -}}
{{- if and .Values.config.policyFile (not .Values.extraVolumeMounts) -}}
{{- fail (printf "config.policyFile %s has to be mounted: extraVolumes and extraVolumeMounts" .Values.config.policyFile) -}}
{{- end -}}
{{- end -}}
