{{- /* The IAM policy of files/iam-policy.json, narrowed to what `config` is limited to. A zone filter is an ending. */ -}}
{{- define "dns.iamPolicy" -}}
{{- $policy := .Files.Get "files/iam-policy.json" | fromJson -}}
{{- $zones := list -}}
{{- range .Values.config.zoneIdFilter -}}
{{- $zones = append $zones (printf "arn:aws:route53:::hostedzone/*%s" (trimPrefix "/hostedzone/" .)) -}}
{{- end -}}
{{- $names := include "dns.recordNames" . | fromJsonArray -}}
{{- range $policy.Statement -}}
{{- if and $zones (ne .Sid "FindZones") -}}
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
