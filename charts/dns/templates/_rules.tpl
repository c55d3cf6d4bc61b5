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
{{- if not .Values.config.dryRun -}}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
{{- end -}}

{{- /* Nodes, whose addresses NodePort and headless Services and pods may lead to; they belong to no namespace. */ -}}
{{- define "dns.nodeRules" -}}
{{- $types := .Values.config.serviceTypeFilter | default (list "NodePort") -}}
{{- $lead := or (has "NodePort" $types) (has "ClusterIP" $types) -}}
{{- if or (has "pod" .Values.config.source) (and (has "service" .Values.config.source) $lead) -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
{{- end -}}
{{- end -}}
