{{- /* Refuses what cannot work, in words. The schema leaves to it what depends on several values. */ -}}
{{- define "cni.guard" -}}
{{- include "common.guard" . -}}
{{- $config := .Values.config -}}
{{- if kindIs "string" .Values.updateStrategy -}}
{{- fail (printf "updateStrategy is a map here: {type: %s}" .Values.updateStrategy) -}}
{{- end -}}
{{- if and $config.snat (not (kindIs "invalid" $config.externalsnat)) -}}
{{- fail "config.externalsnat cannot go with config.snat, which says more exactly what is wanted" -}}
{{- end -}}
{{- if has $config.vethPrefix (list "eth" "lo" "vlan" "ens") -}}
{{- fail (printf "config.vethPrefix %s: other links are called so" $config.vethPrefix) -}}
{{- end -}}
{{- range $config.excludeSnatCidrs -}}
{{- if include "common.hasHostBits" . -}}
{{- fail (printf "config.excludeSnatCidrs %s: bits are set behind the length of the network" .) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.prometheusRule.enabled (not .Values.serviceMonitor.enabled) -}}
{{- fail "serviceMonitor.enabled is required when prometheusRule.enabled is true: alerts need its metrics" -}}
{{- end -}}
{{- if and .Values.webhook.enabled (ne $config.capacity "resource") -}}
{{- fail "webhook.enabled needs config.capacity resource: pods would ask for what no node has" -}}
{{- end -}}
{{- end -}}
