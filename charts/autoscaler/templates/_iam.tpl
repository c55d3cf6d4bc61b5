{{- /*
files/iam-policy.json for these settings: groups by name, and by each spec of tags, are all that may be changed; with a
queue of interruptions, that queue may be read and lifecycle actions answered.
*/ -}}
{{- define "autoscaler.iamPolicy" -}}
{{- $statements := list -}}
{{- range (.Files.Get "files/iam-policy.json" | fromJson).Statement -}}
{{- if eq .Sid "Look" -}}{{- $statements = append $statements . -}}{{- end -}}
{{- end -}}
{{- $actions := list "autoscaling:SetDesiredCapacity" "autoscaling:TerminateInstanceInAutoScalingGroup" -}}
{{- if .Values.config.interruptionQueue -}}
{{- $actions = concat (list "autoscaling:CompleteLifecycleAction" "autoscaling:RecordLifecycleActionHeartbeat") $actions -}}
{{- end -}}
{{- with .Values.config.nodes -}}
{{- $arns := list -}}
{{- range . -}}
{{- $arns = append $arns (printf "arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/%s" (splitn ":" 3 .)._2) -}}
{{- end -}}
{{- $statements = append $statements (dict "Sid" "ChangeGroupsByName" "Effect" "Allow" "Action" $actions "Resource" ($arns | uniq)) -}}
{{- end -}}
{{- range $number, $spec := .Values.config.nodeGroupAutoDiscovery -}}
{{- $all := "arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/*" -}}
{{- $statement := dict "Effect" "Allow" "Action" $actions "Resource" (list $all) -}}
{{- $_ := set $statement "Sid" (printf "ChangeGroupsByTag%s" (ternary (toString (add $number 1)) "" (gt $number 0))) -}}
{{- $_ := set $statement "Condition" (include "autoscaler.tagCondition" $spec | fromJson) -}}
{{- $statements = append $statements $statement -}}
{{- end -}}
{{- with .Values.config.interruptionQueue -}}
{{- $arn := include "autoscaler.queueArn" . -}}
{{- $queue := dict "Sid" "ReadInterruptions" "Effect" "Allow" "Action" (list "sqs:DeleteMessage" "sqs:ReceiveMessage") "Resource" (list $arn) -}}
{{- $statements = append $statements $queue -}}
{{- end -}}
{{- toPrettyJson (dict "Version" "2012-10-17" "Statement" $statements) -}}
{{- end -}}

{{- /* The condition that a group has all tags of asg:tag=KEY[=VALUE][,KEY...]. */ -}}
{{- define "autoscaler.tagCondition" -}}
{{- $condition := dict -}}
{{- range splitList "," (trimPrefix "asg:tag=" .) -}}
{{- $pair := splitn "=" 2 . -}}
{{- $key := printf "aws:ResourceTag/%s" $pair._0 -}}
{{- if contains "=" . -}}
{{- $_ := set $condition "StringEquals" (set (get $condition "StringEquals" | default dict) $key $pair._1) -}}
{{- else -}}
{{- $_ := set $condition "Null" (set (get $condition "Null" | default dict) $key "false") -}}
{{- end -}}
{{- end -}}
{{- toJson $condition -}}
{{- end -}}

{{- /* The ARN of a queue by its URL, https://sqs.REGION.amazonaws.com/ACCOUNT/NAME; any queue of that name for other URLs. */ -}}
{{- define "autoscaler.queueArn" -}}
{{- $url := urlParse . -}}
{{- $path := splitList "/" (trimAll "/" $url.path) -}}
{{- $region := regexFind "^sqs\\.[a-z0-9-]+\\." $url.host | trimPrefix "sqs." | trimSuffix "." | default "*" -}}
{{- $account := regexFind "^[0-9]{12}$" (first $path) | default "*" -}}
{{- printf "arn:aws:sqs:%s:%s:%s" $region $account (last $path) -}}
{{- end -}}
