{{- /* Refuses what cannot work, in words. The schema leaves to it what depends on several values. */ -}}
{{- define "autoscaler.guard" -}}
{{- include "common.guard" . -}}
{{- $config := .Values.config -}}
{{- if not ($config.clusterName | default (include "common.cluster" .)) -}}
{{- fail "config.clusterName is required: the status and all messages name the cluster by it" -}}
{{- end -}}
{{- if not (or $config.nodes $config.nodeGroupAutoDiscovery) -}}
{{- $tags := printf "k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/%s" (include "common.cluster" .) -}}
{{- fail (printf "config.nodeGroupAutoDiscovery or config.nodes is required: [\"asg:tag=%s\"] finds all groups with these two tags" $tags) -}}
{{- end -}}
{{- range $config.nodeGroupAutoDiscovery -}}
{{- if not (regexMatch "^asg:tag=[^=,]+(=[^,]*)?(,[^=,]+(=[^,]*)?)*$" .) -}}
{{- fail (printf "config.nodeGroupAutoDiscovery: %q is not asg:tag=KEY[=VALUE][,KEY...], such as asg:tag=k8s.io/cluster-autoscaler/enabled" .) -}}
{{- end -}}
{{- end -}}
{{- range $key, $range := dict "coresTotal" $config.coresTotal "memoryTotal" $config.memoryTotal -}}
{{- $limits := splitn ":" 2 $range -}}
{{- if gt (int64 $limits._0) (int64 $limits._1) -}}
{{- fail (printf "config.%s: %s is more than %s: the least stands first" $key $limits._0 $limits._1) -}}
{{- end -}}
{{- end -}}
{{- $named := list -}}
{{- range $config.nodes -}}
{{- $limits := splitn ":" 3 . -}}
{{- if has $limits._2 $named -}}
{{- fail (printf "config.nodes: the group %s is named twice" $limits._2) -}}
{{- end -}}
{{- $named = append $named $limits._2 -}}
{{- if gt (int64 $limits._0) (int64 $limits._1) -}}
{{- fail (printf "config.nodes: %s is more than %s in %q: the least stands first" $limits._0 $limits._1 .) -}}
{{- end -}}
{{- end -}}
{{- if eq (include "common.fullname" .) "cluster-autoscaler" -}}
{{- fail "a release called cluster-autoscaler would have the Lease of the original and take it for a stranger's: call it autoscaler, or set fullnameOverride" -}}
{{- end -}}
{{- include "common.monitoringGuard" . -}}
{{- include "autoscaler.matrixGuard" . -}}
{{- end -}}
