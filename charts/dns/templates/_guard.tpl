{{- /* Refuses what cannot work, in words: Helm can be told to skip the schema. */ -}}
{{- define "dns.guard" -}}
{{- if and (ne .Values.config.registry "noop") (not .Values.config.txtOwnerId) -}}
{{- fail "config.txtOwnerId is required: a name for this cluster that no other has which writes to the same zones" -}}
{{- end -}}
{{- if not .Values.config.source -}}
{{- fail "config.source is required: at least one kind of object to read names from, such as service or ingress" -}}
{{- end -}}
{{- end -}}
