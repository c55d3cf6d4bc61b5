{{- /* What the chosen sources read; {"cluster": rules for nodes, "namespaced": rules for all else}, as YAML. */ -}}
{{- define "dns.rules" -}}
{{- $reads := dict
  "service" (dict "" (list "services") "discovery.k8s.io" (list "endpointslices"))
  "ingress" (dict "networking.k8s.io" (list "ingresses"))
-}}
{{- $groups := dict -}}
{{- range $source := .Values.config.source -}}
{{- range $group, $resources := get $reads $source -}}
{{- $_ := set $groups $group (concat (get $groups $group | default list) $resources | uniq | sortAlpha) -}}
{{- end -}}
{{- end -}}
namespaced:
  {{- range $group := keys $groups | sortAlpha }}
  - apiGroups: [{{ $group | quote }}]
    resources: {{ get $groups $group | toJson }}
    verbs: [list, watch]
  {{- end }}
  - apiGroups: [events.k8s.io]
    resources: [events]
    verbs: [create, patch]
cluster:
  {{- if has "service" .Values.config.source }}
  - apiGroups: [""]
    resources: [nodes]
    verbs: [list, watch]
  {{- end }}
{{- end -}}
