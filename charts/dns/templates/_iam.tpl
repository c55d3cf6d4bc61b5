{{- /*
The IAM policy of files/iam-policy.json, narrowed to what `config` is limited to, and widened by what it needs
beyond that: tags of zones, roles. A zone filter is an ending.
*/ -}}
{{- define "dns.iamPolicy" -}}
{{- $policy := .Files.Get "files/iam-policy.json" | fromJson -}}
{{- $zones := list -}}
{{- range .Values.config.zoneIdFilter -}}
{{- $zones = append $zones (printf "arn:aws:route53:::hostedzone/*%s" (trimPrefix "/hostedzone/" .)) -}}
{{- end -}}
{{- $names := include "dns.recordNames" . | fromJsonArray -}}
{{- if .Values.config.awsZoneTags -}}
{{- $tags := dict "Sid" "ReadTags" "Effect" "Allow" "Action" (list "route53:ListTagsForResources") -}}
{{- $_ := set $tags "Resource" (list "arn:aws:route53:::hostedzone/*") -}}
{{- $_ := set $policy "Statement" (append $policy.Statement $tags) -}}
{{- end -}}
{{- $arns := values (.Values.config.awsZoneRole | default dict) -}}
{{- with append $arns (.Values.config.awsAssumeRole | default "") | compact | uniq | sortAlpha -}}
{{- $roles := dict "Sid" "AssumeRoles" "Effect" "Allow" "Action" (list "sts:AssumeRole") "Resource" . -}}
{{- $_ := set $policy "Statement" (append $policy.Statement $roles) -}}
{{- end -}}
{{- range $policy.Statement -}}
{{- if and $zones (has .Sid (list "ReadRecords" "ChangeRecords" "ReadTags")) -}}
{{- $_ := set . "Resource" $zones -}}
{{- end -}}
{{- if and $names (eq .Sid "ChangeRecords") -}}
{{- $key := "route53:ChangeResourceRecordSetsNormalizedRecordNames" -}}
{{- $_ := set . "Condition" (dict "ForAllValues:StringLike" (dict $key $names)) -}}
{{- end -}}
{{- end -}}
{{- toPrettyJson $policy -}}
{{- end -}}

{{- /*
The names of all records that may be written under `domainFilter`, as patterns: the domain itself, the TXT that
owns it (its first label grows by the record type and the affixes), and everything below. A filter that starts
with a dot covers only what is below.
*/ -}}
{{- define "dns.recordNames" -}}
{{- $prefix := .Values.config.txtPrefix -}}
{{- $suffix := .Values.config.txtSuffix -}}
{{- if not (contains "%{record_type}" (print $prefix $suffix)) -}}
{{- $prefix = print $prefix "*-" -}}
{{- end -}}
{{- $names := list -}}
{{- range .Values.config.domainFilter -}}
{{- $domain := trimAll "." . -}}
{{- if not (hasPrefix "." .) -}}
{{- $labels := splitn "." 2 $domain -}}
{{- $owner := printf "%s%s%s.%s" $prefix $labels._0 $suffix ($labels._1 | default "") | trimSuffix "." -}}
{{- $names = append (append $names $domain) ($owner | replace "%{record_type}" "*") -}}
{{- end -}}
{{- $names = append $names (printf "*.%s" $domain) -}}
{{- end -}}
{{- $names | toJson | lower -}}
{{- end -}}
