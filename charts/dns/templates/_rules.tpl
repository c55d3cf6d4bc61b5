{{- /* What the chosen sources read, and the Events that tell what became of it. */ -}}
{{- define "dns.rules" -}}
{{- if has "service" .Values.config.source -}}
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
{{ end }}
{{- $types := .Values.config.serviceTypeFilter | default (list "ClusterIP") -}}
{{- if or (has "pod" .Values.config.source) (and (has "service" .Values.config.source) (has "ClusterIP" $types)) -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
{{ end }}
{{- if has "ingress" .Values.config.source -}}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [list, watch]
{{ end }}
{{- if has "crd" .Values.config.source -}}
- apiGroups: [externaldns.k8s.io]
  resources: [dnsendpoints]
  verbs: [list, watch]
{{ end }}
{{- if and (has "crd" .Values.config.source) (not .Values.config.dryRun) -}}
- apiGroups: [externaldns.k8s.io]
  resources: [dnsendpoints/status]
  verbs: [patch]
{{ end }}
{{- range $source, $resource := dict "gateway-httproute" "httproutes" "gateway-grpcroute" "grpcroutes" -}}
{{- if has $source $.Values.config.source -}}
- apiGroups: [gateway.networking.k8s.io]
  resources: [{{ $resource }}]
  verbs: [list, watch]
{{ end }}
{{- end -}}
{{- if not .Values.config.dryRun -}}
{{- include "common.eventRules" . -}}
{{- end -}}
{{- end -}}

{{- /* What lies outside the namespace of the sources: nodes, whose addresses NodePort and headless Services and
pods may lead to; Gateways, which may be anywhere, and the namespaces that they choose by label. */ -}}
{{- define "dns.clusterRules" -}}
{{- $source := .Values.config.source -}}
{{- $types := .Values.config.serviceTypeFilter | default (list "NodePort") -}}
{{- $lead := or (has "NodePort" $types) (has "ClusterIP" $types) -}}
{{- if or (has "node" $source) (has "pod" $source) (and (has "service" $source) $lead) -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
{{ end }}
{{- if or (has "gateway-httproute" $source) (has "gateway-grpcroute" $source) -}}
- apiGroups: [gateway.networking.k8s.io]
  resources: [gateways]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
{{ end }}
{{- end -}}
