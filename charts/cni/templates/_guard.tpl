{{- /* Refuses what cannot work, in words. The schema leaves to it what depends on several values. */ -}}
{{- define "cni.guard" -}}
{{- include "common.guard" . -}}
{{- $config := .Values.config -}}
{{- if kindIs "string" .Values.updateStrategy -}}
{{- fail (printf "updateStrategy is a map here: {type: %s}" .Values.updateStrategy) -}}
{{- end -}}
{{- if not $config.clusterName -}}
{{- fail "config.clusterName is required: interfaces are tagged with it, and the IAM policy is limited to that tag" -}}
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
{{- if and $config.enablePrefixDelegation (kindIs "float64" $config.warmPrefixTarget) (eq (int $config.warmPrefixTarget) 0) -}}
{{- if not (or $config.warmIpTarget $config.minimumIpTarget) -}}
{{- fail "config.warmPrefixTarget 0: one of the targets must be more than 0 with prefixes" -}}
{{- end -}}
{{- end -}}
{{- range $key, $path := dict "socket" $config.socket "stateDir" $config.stateDir -}}
{{- if not (regexMatch "^/run/aws-addons/[^/]" $path) -}}
{{- fail (printf "config.%s %s: not below /run/aws-addons, the folder of the node that is mounted" $key $path) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.takeOver.enabled (eq (dir $config.backingStore) "/") -}}
{{- fail (printf "config.backingStore %s: not in a folder of its own" $config.backingStore) -}}
{{- end -}}
{{- if and .Values.eniConfig.create (not $config.customNetworkCfg) -}}
{{- fail "eniConfig.create needs config.customNetworkCfg: nobody would read the ENIConfigs" -}}
{{- end -}}
{{- if and .Values.webhook.enabled (eq (int .Values.port) (int .Values.webhook.port)) -}}
{{- fail (printf "port and webhook.port are both %d: the webhook needs a port each" (int .Values.port)) -}}
{{- end -}}
{{- if and .Values.prometheusRule.enabled (not .Values.serviceMonitor.enabled) -}}
{{- fail "serviceMonitor.enabled is required when prometheusRule.enabled is true: alerts need its metrics" -}}
{{- end -}}
{{- if and .Values.webhook.enabled (ne $config.capacity "resource") -}}
{{- fail "webhook.enabled needs config.capacity resource: pods would ask for what no node has" -}}
{{- end -}}
{{- end -}}
