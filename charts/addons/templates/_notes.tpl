{{- /* The workload of an add-on, as kubectl names it. */ -}}
{{- define "addons.workload" -}}
{{- $kind := ternary "daemonset" "deployment" (has .Chart.Name (list "cni" "iamproxy")) -}}
{{- $name := include "common.fullname" . -}}
{{- if (.Values.takeOver).enabled -}}{{- $name = .Values.takeOver.name -}}{{- end -}}
{{- printf "%s/%s" $kind $name -}}
{{- end -}}

{{- /* Which IAM role the pods of an add-on have, as far as its values tell. */ -}}
{{- define "addons.role" -}}
{{- $account := index .Values.serviceAccount.annotations "eks.amazonaws.com/role-arn" -}}
{{- $annotated := index .Values.podAnnotations "iam.amazonaws.com/role" -}}
{{- if $account -}}
{{ $account }}
{{- else if $annotated -}}
{{ $annotated }}, from iamproxy
{{- else -}}
none is named: EKS Pod Identity, or the role of the node
{{- end -}}
{{- end -}}
