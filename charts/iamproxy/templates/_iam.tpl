{{- /* files/iam-policy.json for these settings: the roles below the base ARN, or the one that is assumed first. */ -}}
{{- define "iamproxy.iamPolicy" -}}
{{- $policy := .Files.Get "files/iam-policy.json" | fromJson -}}
{{- $statement := first $policy.Statement -}}
{{- with .Values.config.baseRoleArn }}
{{- $_ := set $statement "Resource" (list (printf "%s/*" (trimSuffix "/" .))) -}}
{{- end -}}
{{- with .Values.config.assumeRoleArn }}
{{- $_ := set $statement "Resource" (list .) -}}
{{- end -}}
{{- if .Values.config.sessionTags }}
{{- $_ := set $statement "Action" (list "sts:AssumeRole" "sts:TagSession") -}}
{{- end -}}
{{- toPrettyJson $policy -}}
{{- end -}}
