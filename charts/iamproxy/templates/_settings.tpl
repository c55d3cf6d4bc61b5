{{- /* What the chart decides itself. The name of the node comes with the environment, different on every node. */ -}}
{{- define "iamproxy.settings" -}}
listen: {{ printf ":%v" .Values.port | quote }}
{{- end -}}
