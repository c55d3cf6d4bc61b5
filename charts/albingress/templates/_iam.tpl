{{- /* files/iam-policy.json for these settings: limited to the tag of the cluster, without what is never asked. */ -}}
{{- define "albingress.iamPolicy" -}}
{{- $policy := .Files.Get "files/iam-policy.json" | replace "\"example\"" (include "common.cluster" . | toJson) | fromJson -}}
{{- if not .Values.config.enableWafv2 -}}
{{- $left := list -}}
{{- range $policy.Statement -}}
{{- if ne .Sid "AttachWebAcls" -}}{{- $left = append $left . -}}{{- end -}}
{{- end -}}
{{- $_ := set $policy "Statement" $left -}}
{{- end -}}
{{- toPrettyJson $policy -}}
{{- end -}}
