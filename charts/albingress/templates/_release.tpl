{{- define "albingress.releaseClusterName" -}}
{{ include "common.clusterName" . }}-release
{{- end -}}

{{- /* `metadata` of the Job's roles: arguments are the root and the kind. */ -}}
{{- define "albingress.releaseRole" -}}
{{- if eq (last .) "Role" -}}
{{ include "common.uninstallMetadata" (list (first .) "release" "pre-delete") }}
{{- else -}}
name: {{ include "albingress.releaseClusterName" (first .) }}
{{ include "common.uninstallHook" (list (first .) "pre-delete") }}
{{- end -}}
{{- end -}}
