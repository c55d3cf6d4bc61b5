{{- /* Refuses, in words, what cannot work of the values of the matrix. */ -}}
{{- define "autoscaler.matrixGuard" -}}
{{- $matrix := .Values.matrix -}}
{{- if kindIs "map" $matrix.file -}}
{{- fail "matrix.file is the text of the file, not what stands in it: --set-file matrix.file=FILE, or a block after `file: |`" -}}
{{- end -}}
{{- if and $matrix.file $matrix.existingConfigMap -}}
{{- fail "matrix.file and matrix.existingConfigMap: only one of them can be the file" -}}
{{- end -}}
{{- if include "autoscaler.hasMatrix" . -}}
{{- include "autoscaler.matrixFileGuard" . -}}
{{- if and $matrix.prune.enabled (ne $matrix.command "apply") -}}
{{- fail "matrix.prune.enabled needs matrix.command: apply, so that groups that are new are there before others go" -}}
{{- end -}}
{{- if and $matrix.roll.enabled (ne $matrix.command "apply") -}}
{{- fail "matrix.roll.enabled needs matrix.command: apply, so that groups launch what the file asks for before instances go" -}}
{{- end -}}
{{- if not (or .Values.serviceAccount.create $matrix.serviceAccount.name) -}}
{{- fail "matrix.serviceAccount.name is required when serviceAccount.create is false: the Job is not to have the rights of the daemon" -}}
{{- end -}}
{{- if eq (include "autoscaler.matrixAccount" .) (include "common.serviceAccountName" .) -}}
{{- fail (printf "matrix.serviceAccount.name: %s is the account of the daemon, whose rights are others" $matrix.serviceAccount.name) -}}
{{- end -}}
{{- else if or $matrix.roll.enabled $matrix.prune.enabled $matrix.schedule (eq $matrix.command "apply") -}}
{{- fail "matrix.file or matrix.existingConfigMap is required: it is what the other values of matrix are about" -}}
{{- end -}}
{{- if and $matrix.schedule (not (regexMatch "^(@(yearly|annually|monthly|weekly|daily|midnight|hourly)|[^ =]+( +[^ =]+){4})$" $matrix.schedule)) -}}
{{- fail (printf "matrix.schedule: %q is not five fields as cron has them, such as 0 6 * * 1-5, or @daily" $matrix.schedule) -}}
{{- end -}}
{{- if and (or $matrix.timeZone $matrix.suspend) (not $matrix.schedule) -}}
{{- fail "matrix.schedule is required for matrix.timeZone and matrix.suspend: without it a Job runs once, and at once" -}}
{{- end -}}
{{- end -}}

{{- /* What a file says wrong is told by the Job, with its line; here, whether it is one, and of this cluster. */ -}}
{{- define "autoscaler.matrixFileGuard" -}}
{{- with .Values.matrix.file -}}
{{- $read := fromYaml . -}}
{{- if hasKey $read "Error" -}}
{{- fail (printf "matrix.file is no YAML: %s" $read.Error) -}}
{{- end -}}
{{- if and $read.cluster (ne (toString $read.cluster) (include "common.cluster" $)) -}}
{{- fail (printf "matrix.file is of cluster %q, and config.clusterName is %q: its groups would be in neither's care" (toString $read.cluster) (include "common.cluster" $)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
