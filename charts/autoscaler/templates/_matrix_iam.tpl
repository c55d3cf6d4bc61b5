{{- /*
files/iam-policy-matrix.json for these settings: what `plan` reads is always there, the rest as far as something is changed.
Stacks and groups are those whose names begin with the cluster's; the roles that are handed over may be named.
*/ -}}
{{- define "autoscaler.matrixPolicy" -}}
{{- $of := dict "Plan" "plan" "EmptyGroups" "drain" "ReadStacks" "prune" "RollGroups" "roll" -}}
{{- $wanted := list "plan" -}}
{{- if and (eq .Values.matrix.command "apply") (not .Values.config.dryRun) -}}{{- $wanted = append $wanted "apply" -}}{{- end -}}
{{- if include "autoscaler.matrixDrains" . -}}{{- $wanted = append $wanted "drain" -}}{{- end -}}
{{- if include "autoscaler.matrixRolls" . -}}{{- $wanted = append $wanted "roll" -}}{{- end -}}
{{- if and .Values.matrix.prune.enabled (not .Values.config.dryRun) -}}{{- $wanted = append $wanted "prune" -}}{{- end -}}
{{- if or .Values.matrix.roll.enabled .Values.matrix.prune.enabled -}}{{- $_ := set $of "LookAtGroups" "plan" -}}{{- end -}}
{{- $text := .Files.Get "files/iam-policy-matrix.json" | replace "example-" (include "autoscaler.stackPrefix" .) -}}
{{- $statements := list -}}
{{- range ($text | fromJson).Statement -}}
{{- if has (get $of .Sid | default "apply") $wanted -}}
{{- if and (eq .Sid "HandOverRolesOfNodes") $.Values.matrix.nodeRoles -}}{{- $_ := set . "Resource" $.Values.matrix.nodeRoles -}}{{- end -}}
{{- $statements = append $statements . -}}
{{- end -}}
{{- end -}}
{{- toPrettyJson (dict "Version" "2012-10-17" "Statement" $statements) -}}
{{- end -}}

{{- /* What the names of stacks and groups begin with: the cluster, with dashes for all signs that CloudFormation does not
take, behind a letter. */ -}}
{{- define "autoscaler.stackPrefix" -}}
{{- $prefix := regexReplaceAll "[^A-Za-z0-9-]" (include "common.cluster" .) "-" -}}
{{- ternary $prefix (printf "k-%s" $prefix) (regexMatch "^[A-Za-z]" $prefix) }}-
{{- end -}}
