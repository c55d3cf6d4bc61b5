{{- /* What is read and written of the Ingresses themselves, in their namespaces. */ -}}
{{- define "albingress.rules" -}}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [list, watch{{ if not .Values.config.dryRun }}, patch{{ end }}]
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [elbv2.k8s.aws]
  resources: [targetgroupbindings]
  verbs: [list, watch{{ if not .Values.config.dryRun }}, patch{{ end }}]
{{- if not .Values.config.dryRun }}
- apiGroups: [networking.k8s.io]
  resources: [ingresses/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [pods/status]
  verbs: [patch]
- apiGroups: [elbv2.k8s.aws]
  resources: [targetgroupbindings/status]
  verbs: [patch]
{{ include "common.eventRules" . }}
{{- end }}
{{- if .Values.secrets.all }}
- apiGroups: [""]
  resources: [secrets]
  verbs: [list, watch]
{{- end }}
{{- end -}}

{{- /* What belongs to no namespace. */ -}}
{{- define "albingress.clusterRules" -}}
- apiGroups: [networking.k8s.io]
  resources: [ingressclasses]
  verbs: [list, watch]
- apiGroups: [elbv2.k8s.aws]
  resources: [ingressclassparams]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [nodes, namespaces]
  verbs: [list, watch]
{{- end -}}

{{- /* The Secrets of OpenID clients, each by its name. */ -}}
{{- define "albingress.secretRules" -}}
- apiGroups: [""]
  resources: [secrets]
  resourceNames:
    {{- toYaml . | nindent 4 }}
  verbs: [list, watch]
{{- end -}}

{{- /* Whether the original still acts is told by its Lease. */ -}}
{{- define "albingress.originalRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [aws-load-balancer-controller-leader]
  verbs: [get]
{{- end -}}

{{- /* What the webhook reads in the namespaces of the Ingresses; it writes nothing there. */ -}}
{{- define "albingress.webhookRules" -}}
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch]
- apiGroups: [elbv2.k8s.aws]
  resources: [targetgroupbindings]
  verbs: [list, watch]
{{- end -}}

{{- /* What it reads that belongs to no namespace. */ -}}
{{- define "albingress.webhookClusterRules" -}}
- apiGroups: [networking.k8s.io]
  resources: [ingressclasses]
  verbs: [list, watch]
- apiGroups: [elbv2.k8s.aws]
  resources: [ingressclassparams]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
{{- end -}}
