{{- /* files/iam-policy.json for these settings: limited to the tag of the cluster, without what is never asked. */ -}}
{{- define "cni.iamPolicy" -}}
{{- $policy := .Files.Get "files/iam-policy.json" | replace "\"example\"" (include "common.cluster" . | toJson) | fromJson -}}
{{- $config := .Values.config -}}
{{- $never := list -}}
{{- if or (has $config.snat (list "always" "never")) (not (kindIs "invalid" $config.externalsnat)) -}}
{{- $never = list "ec2:DescribeRouteTables" "ec2:GetManagedPrefixListEntries" -}}
{{- end -}}
{{- $look := first $policy.Statement -}}
{{- $asked := list -}}
{{- range $look.Action -}}
{{- if not (has . $never) -}}{{- $asked = append $asked . -}}{{- end -}}
{{- end -}}
{{- $_ := set $look "Action" $asked -}}
{{- toPrettyJson $policy -}}
{{- end -}}
