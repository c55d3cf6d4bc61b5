{{- /* By which labels the DaemonSet knows its pods. One that is taken over keeps its own: they are immutable. */ -}}
{{- define "cni.selectorLabels" -}}
{{- if .Values.takeOver.enabled -}}
{{- toYaml .Values.takeOver.matchLabels -}}
{{- else -}}
{{- include "common.selectorLabels" . -}}
{{- end -}}
{{- end -}}

{{- /* A container gets the capabilities it adds only when its user is root. */ -}}
{{- define "cni.podSecurityContext" -}}
runAsUser: 0
runAsGroup: 0
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- /* NET_ADMIN for links, routes, rules and nftables; SYS_ADMIN to enter the network namespaces of pods; NET_RAW to see what
the original left in the old flavour of iptables. */ -}}
{{- define "cni.containerSecurityContext" -}}
privileged: false
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
  add: [NET_ADMIN, NET_RAW, SYS_ADMIN]
readOnlyRootFilesystem: true
{{- end -}}

{{- define "cni.env" -}}
- name: ADDONS_CNI_NODE
  valueFrom:
    fieldRef:
      fieldPath: spec.nodeName
{{- end -}}

{{- /* What the daemon sees of its node: the runtime's folders, its own state, and the pods' namespaces as they come and
go. The settings of the kernel are those of the host's network, which a container may not write at /proc/sys. */ -}}
{{- define "cni.volumeMounts" -}}
- name: cni-bin
  mountPath: {{ .Values.config.cniBinDir }}
- name: cni-conf
  mountPath: {{ .Values.config.cniConfDir }}
- name: run
  mountPath: /run/aws-addons
- name: netns
  mountPath: /var/run/netns
  mountPropagation: HostToContainer
- name: sysctl
  mountPath: /host/proc/sys/net
- name: xtables-lock
  mountPath: /run/xtables.lock
{{- if .Values.takeOver.enabled }}
- name: original
  mountPath: {{ dir .Values.config.backingStore }}
{{- end }}
{{- end -}}

{{- define "cni.volumes" -}}
- name: cni-bin
  hostPath:
    path: {{ .Values.host.cniBinDir }}
    type: DirectoryOrCreate
- name: cni-conf
  hostPath:
    path: {{ .Values.host.cniConfDir }}
    type: DirectoryOrCreate
- name: run
  hostPath:
    path: /run/aws-addons
    type: DirectoryOrCreate
- name: netns
  hostPath:
    path: /var/run/netns
    type: DirectoryOrCreate
- name: sysctl
  hostPath:
    path: /proc/sys/net
    type: Directory
- name: xtables-lock
  hostPath:
    path: /run/xtables.lock
    type: FileOrCreate
{{- if .Values.takeOver.enabled }}
- name: original
  hostPath:
    path: {{ dir .Values.config.backingStore }}
    type: DirectoryOrCreate
{{- end }}
{{- end -}}

{{- /* Copies the plugin to the node before the daemon starts: the runtime calls it there. */ -}}
{{- define "cni.install" -}}
- name: install
  image: {{ include "common.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args: [cni, install, --config=/etc/aws-addons/config.yaml]
  {{- with include "common.environment" (list . "") | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  resources:
    {{- toYaml .Values.resources | nindent 4 }}
  securityContext:
    allowPrivilegeEscalation: false
    capabilities:
      drop: [ALL]
    readOnlyRootFilesystem: true
  volumeMounts:
    {{- include "common.configMount" . | nindent 4 }}
    {{- include "common.volumeMounts" (list . "") | nindent 4 }}
    - name: cni-bin
      mountPath: {{ .Values.config.cniBinDir }}
{{- end -}}

{{- /* Where the daemon of the pod's node listens. */ -}}
{{- define "cni.testEnv" -}}
- name: NODE_ADDRESS
  valueFrom:
    fieldRef:
      fieldPath: status.hostIP
{{- end -}}
