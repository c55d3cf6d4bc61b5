{{- /* Refuses what cannot work, in words. The schema leaves to it what depends on several values. */ -}}
{{- define "cni.guard" -}}
{{- include "common.guard" . -}}
{{- include "cni.originalGuard" . -}}
{{- $config := .Values.config -}}
{{- if kindIs "string" .Values.updateStrategy -}}
{{- fail (printf "updateStrategy is a map here: {type: %s}" .Values.updateStrategy) -}}
{{- end -}}
{{- if not ($config.clusterName | default (include "common.cluster" .)) -}}
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
{{- include "common.monitoringGuard" . -}}
{{- if and .Values.webhook.enabled (ne $config.capacity "resource") -}}
{{- fail "webhook.enabled needs config.capacity resource: pods would ask for what no node has" -}}
{{- end -}}
{{- end -}}

{{- /* Beside the original, two daemons would give the pods of one node addresses, and each takes the other's interfaces for
left over. Helm sees the cluster when it installs and upgrades; elsewhere this says nothing, and renders nothing anywhere.
Who chooses nodes keeps the two apart himself. */ -}}
{{- define "cni.originalGuard" -}}
{{- $original := lookup "apps/v1" "DaemonSet" "kube-system" .Values.takeOver.name | default dict -}}
{{- $owner := index (($original.metadata).annotations | default dict) "meta.helm.sh/release-name" -}}
{{- $chosen := or .Values.affinity (omit .Values.nodeSelector "kubernetes.io/os" "kubernetes.io/arch") -}}
{{- if and $original (ne $owner .Release.Name) (not $chosen) -}}
{{- $how := printf "kubectl -n kube-system delete daemonset %s --cascade=orphan, then takeOver.enabled=true" .Values.takeOver.name -}}
{{- fail (printf "the DaemonSet kube-system/%s is there, and two of them would spoil each other's pods. To take its place while pods run: %s (docs/migrating-from-amazon-vpc-cni-k8s.md). On other nodes than its own: nodeSelector or affinity" .Values.takeOver.name $how) -}}
{{- end -}}
{{- end -}}
