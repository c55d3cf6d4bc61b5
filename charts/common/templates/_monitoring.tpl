{{- /* Health, metrics and the status page, inside the cluster: arguments are the root and the pods' port, by name or
number. */ -}}
{{- define "common.service" -}}
{{- $root := first . -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "common.annotatedMetadata" (list $root $root.Values.service.annotations) | nindent 2 }}
spec:
  selector:
    {{- include "common.selectorLabels" $root | nindent 4 }}
  ports:
    - name: http
      port: {{ $root.Values.port }}
      targetPort: {{ last . }}
{{- end -}}

{{- define "common.serviceMonitor" -}}
{{- with .Values.serviceMonitor -}}
{{- if include "common.isMonitored" $ -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "common.monitoringMetadata" (list $ .) | nindent 2 }}
spec:
  selector:
    matchLabels:
      {{- include "common.selectorLabels" $ | nindent 6 }}
  namespaceSelector:
    matchNames: [{{ $.Release.Namespace }}]
  endpoints:
    - port: http
      path: /metrics
      {{- with .interval }}
      interval: {{ . }}
      {{- end }}
      {{- with .scrapeTimeout }}
      scrapeTimeout: {{ . }}
      {{- end }}
      {{- with .relabelings }}
      relabelings:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .metricRelabelings }}
      metricRelabelings:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* A group of alerts: arguments are the root and the rules, as Prometheus takes them. Each is told where it is
explained. */ -}}
{{- define "common.prometheusRule" -}}
{{- $root := first . -}}
{{- $rules := last . | fromYamlArray -}}
{{- range $rules -}}
{{- $_ := set .annotations "runbook" (printf "docs/troubleshooting.md, %s" .alert) -}}
{{- end -}}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  {{- include "common.monitoringMetadata" (list $root $root.Values.prometheusRule) | nindent 2 }}
spec:
  groups:
    - name: {{ include "common.clusterName" $root }}
      rules:
        {{- toYaml $rules | nindent 8 }}
{{- end -}}

{{- /* The dashboards of a chart, for the sidecar of Grafana, which finds them by a label. */ -}}
{{- define "common.dashboards" -}}
{{- $shared := (.Values.global).dashboards | default dict -}}
{{- with .Values.dashboards -}}
{{- if or .enabled $shared.enabled -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "common.fullname" $ }}-dashboards
  namespace: {{ .namespace | default $shared.namespace | default $.Release.Namespace }}
  labels:
    {{- toYaml (merge (dict) .labels ($shared.labels | default dict) (dict "grafana_dashboard" "1") (include "common.labels" $ | fromYaml)) | nindent 4 }}
  {{- with .annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
data:
  {{- range $path, $text := $.Files.Glob "dashboards/*.json" }}
  {{ base $path }}: |
    {{- $text | toString | trim | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* The labels by which Prometheus tells the pods of a release from others. */ -}}
{{- define "common.scraped" -}}
{{- printf "namespace=%q,service=%q" .Release.Namespace (include "common.fullname" .) -}}
{{- end -}}

{{- /* `metadata` of what Prometheus finds by a namespace and labels of its own: arguments are the root and the values
that say which. */ -}}
{{- define "common.monitoringMetadata" -}}
{{- $root := first . -}}
{{- $shared := ($root.Values.global).monitoring | default dict -}}
{{- with last . -}}
name: {{ include "common.fullname" $root }}
namespace: {{ .namespace | default $shared.namespace | default $root.Release.Namespace }}
labels:
  {{- toYaml (merge (include "common.labels" $root | fromYaml) .labels ($shared.labels | default dict)) | nindent 2 }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
{{- end -}}

{{- /* Objects of the user's own; templates in them are rendered. */ -}}
{{- define "common.extraObjects" -}}
{{- range .Values.extraObjects }}
---
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end -}}

{{- /* True for an hour after such a decision. The first one makes its series, which `increase` does not count. */ -}}
{{- define "common.decided" -}}
{{- $decisions := printf "addons_decisions_total{%s}" . -}}
{{- printf "increase(%s[1h]) > 0 or %s unless %s offset 1h" $decisions $decisions $decisions -}}
{{- end -}}
