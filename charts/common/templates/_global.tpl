{{- /* What an umbrella chart shares with all of its charts, as `global`: each stands where a chart says nothing itself. */ -}}

{{- /* The name of the cluster, of daemons with a setting for it. */ -}}
{{- define "common.cluster" -}}
{{- .Values.config.clusterName | default (.Values.global).clusterName | default "" -}}
{{- end -}}

{{- /* Settings of the daemon: a chart whose daemon knows the name of the cluster has a value for it. */ -}}
{{- define "common.sharedSettings" -}}
{{- $global := .Values.global | default dict -}}
{{- $shared := dict "awsRegion" $global.region "awsEndpointUrl" $global.awsEndpointUrl -}}
{{- if hasKey .Values.config "clusterName" -}}
{{- $_ := set $shared "clusterName" $global.clusterName -}}
{{- end -}}
{{- range $key, $value := $shared -}}
{{- if $value }}
{{ $key }}: {{ $value | quote }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Whether Prometheus is told of the pods, and whether of alerts. */ -}}
{{- define "common.isMonitored" -}}
{{- if or .Values.serviceMonitor.enabled ((.Values.global).monitoring).enabled }}yes{{ end -}}
{{- end -}}

{{- define "common.hasAlerts" -}}
{{- if or .Values.prometheusRule.enabled ((.Values.global).monitoring).enabled }}yes{{ end -}}
{{- end -}}

{{- define "common.monitoringGuard" -}}
{{- if and (include "common.hasAlerts" .) (not (include "common.isMonitored" .)) -}}
{{- fail "serviceMonitor.enabled is required when prometheusRule.enabled is true: alerts need its metrics" -}}
{{- end -}}
{{- end -}}
