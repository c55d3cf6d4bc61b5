{{- /* A container gets the capability it adds only when its user is root. */ -}}
{{- define "iamproxy.podSecurityContext" -}}
runAsUser: 0
runAsGroup: 0
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "iamproxy.containerSecurityContext" -}}
{{- if .Values.privileged -}}
privileged: true
{{- else -}}
privileged: false
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
  {{- if eq .Values.config.interceptor "nft" }}
  add: [NET_ADMIN]
  {{- end }}
{{- end }}
readOnlyRootFilesystem: true
{{- end -}}

{{- /* Until the node boots again, a pod and its successor accept each other's session tokens. */ -}}
{{- define "iamproxy.args" -}}
- --token-key-file=/run/aws-addons-iamproxy/token.key
{{- end -}}

{{- define "iamproxy.env" -}}
- name: ADDONS_IAMPROXY_NODE
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
{{- end -}}

{{- define "iamproxy.volumeMounts" -}}
- name: run
  mountPath: /run/aws-addons-iamproxy
{{- if .Values.cni.enabled }}
- name: cni
  mountPath: {{ dir .Values.config.cniSocket }}
  readOnly: true
{{- end }}
{{- end -}}

{{- define "iamproxy.volumes" -}}
- name: run
  hostPath:
    path: /run/aws-addons-iamproxy
    type: DirectoryOrCreate
{{- if .Values.cni.enabled }}
- name: cni
  hostPath:
    path: {{ dir .Values.config.cniSocket }}
    type: DirectoryOrCreate
{{- end }}
{{- end -}}
