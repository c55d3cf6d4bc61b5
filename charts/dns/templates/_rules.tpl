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
{{- if has "ingress" .Values.config.source -}}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [list, watch]
{{ end -}}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}

{{- /* Nodes, whose addresses are those of NodePort Services; they belong to no namespace. */ -}}
{{- define "dns.nodeRules" -}}
{{- if has "service" .Values.config.source -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
{{- end -}}
{{- end -}}
