{{- /* The add-ons, and what their originals are called. */ -}}
{{- define "addons.charts" -}}
albingress: [aws-load-balancer-controller, awsLoadBalancerController]
autoscaler: [cluster-autoscaler, clusterAutoscaler]
cni: [aws-vpc-cni, amazon-vpc-cni-k8s, aws-node]
dns: [external-dns, externalDns, externaldns]
iamproxy: [kube2iam, kiam]
{{- end -}}

{{- /* Refuses what cannot be meant, in words. The schema leaves values that are not known to it: Helm would only say that they
are not allowed, and not what was meant. */ -}}
{{- define "addons.guard" -}}
{{- $charts := include "addons.charts" . | fromYaml -}}
{{- include "addons.unknownGuard" (list .Values $charts) -}}
{{- $global := include "addons.globalKeys" . | fromYaml -}}
{{- include "addons.keysGuard" (list "global." .Values.global $global) -}}
{{- include "addons.keysGuard" (list "global.image." .Values.global.image $global.image) -}}
{{- include "addons.keysGuard" (list "global.monitoring." .Values.global.monitoring $global.monitoring) -}}
{{- include "addons.keysGuard" (list "global.dashboards." .Values.global.dashboards $global.dashboards) -}}
{{- if not .Subcharts -}}
{{- fail (printf "nothing is chosen: set one or more of %s.enabled to true" (keys $charts | sortAlpha | join ".enabled, ")) -}}
{{- end -}}
{{- include "addons.namesGuard" . -}}
{{- include "addons.portsGuard" . -}}
{{- end -}}

{{- /* What may stand below `global`. */ -}}
{{- define "addons.globalKeys" -}}
image: {repository: "", tag: "", digest: ""}
imagePullSecrets: ""
clusterName: ""
region: ""
awsEndpointUrl: ""
monitoring: {enabled: "", namespace: "", labels: ""}
dashboards: {enabled: "", namespace: "", labels: ""}
{{- end -}}

{{- /* Keys at the root: names of originals, values of an add-on that stand too high, and slips. */ -}}
{{- define "addons.unknownGuard" -}}
{{- $charts := last . -}}
{{- range $key, $_ := first . -}}
{{- if not (has $key (concat (keys $charts) (list "global"))) -}}
{{- range $chart, $names := $charts -}}
{{- if has $key $names -}}
{{- fail (printf "%s is %s here, and its values are others: docs/migrating-from-* has the table" $key $chart) -}}
{{- end -}}
{{- end -}}
{{- if has $key (list "image" "imagePullSecrets" "clusterName" "region" "awsEndpointUrl" "monitoring" "dashboards") -}}
{{- fail (printf "%s stands below global here (global.%s), or below the name of one add-on (dns.%s)" $key $key $key) -}}
{{- end -}}
{{- $near := include "addons.nearest" (list $key (concat (keys $charts | sortAlpha) (list "global"))) -}}
{{- $else := printf "values of an add-on stand below its name, such as dns.%s" $key -}}
{{- fail (printf "%s is no value of this chart: %s" $key (ternary (printf "%s is what was meant?" $near) $else (ne $near ""))) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Arguments are what stands before the keys, a map of values, and a map with the keys that it may have. */ -}}
{{- define "addons.keysGuard" -}}
{{- $before := first . -}}
{{- $known := last . -}}
{{- range $key, $_ := index . 1 -}}
{{- if not (hasKey $known $key) -}}
{{- $near := include "addons.nearest" (list $key (keys $known | sortAlpha)) -}}
{{- $meant := ternary (printf ": %s%s is what was meant?" $before $near) (printf ": there are %s" (keys $known | sortAlpha | join ", ")) (ne $near "") -}}
{{- fail (printf "%s%s is no value of this chart%s" $before $key $meant) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* A release is called so that two add-ons would have objects of one name, the account of the pods among them. */ -}}
{{- define "addons.namesGuard" -}}
{{- $seen := dict -}}
{{- range $chart, $root := .Subcharts -}}
{{- $name := include "common.fullname" $root -}}
{{- with index $seen $name -}}
{{- fail (printf "the objects of %s and %s would both be called %s: call the release otherwise, or set %s.fullnameOverride" . $chart $name $chart) -}}
{{- end -}}
{{- $_ := set $seen $name $chart -}}
{{- end -}}
{{- end -}}

{{- /* Two daemons of every node listen in its network. */ -}}
{{- define "addons.portsGuard" -}}
{{- if and .Subcharts.cni .Subcharts.iamproxy -}}
{{- $cni := int .Subcharts.cni.Values.port -}}
{{- $iamproxy := .Subcharts.iamproxy.Values -}}
{{- range $key, $port := dict "port" $iamproxy.port "config.appPort" $iamproxy.config.appPort -}}
{{- if eq $cni (int $port) -}}
{{- fail (printf "cni.port and iamproxy.%s are both %d: they listen in one network, that of the node" $key $cni) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
