{{- /* Health, metrics and the status page, inside the cluster: arguments are the root and the pods' port, by name or
number. */ -}}
{{- define "common.service" -}}
{{- $root := first . -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "common.metadata" $root | nindent 2 }}
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
{{- if .enabled -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "common.monitoringMetadata" (list $ .labels) | nindent 2 }}
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
  {{- include "common.monitoringMetadata" (list $root $root.Values.prometheusRule.labels) | nindent 2 }}
spec:
  groups:
    - name: {{ include "common.clusterName" $root }}
      rules:
        {{- toYaml $rules | nindent 8 }}
{{- end -}}

{{- /* The labels by which Prometheus tells the pods of a release from others. */ -}}
{{- define "common.scraped" -}}
{{- printf "namespace=%q,service=%q" .Release.Namespace (include "common.fullname" .) -}}
{{- end -}}

{{- /* `metadata` of what Prometheus finds by labels of its own: arguments are the root and those labels. */ -}}
{{- define "common.monitoringMetadata" -}}
{{- $root := first . -}}
name: {{ include "common.fullname" $root }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- toYaml (merge (include "common.labels" $root | fromYaml) (last .)) | nindent 2 }}
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
