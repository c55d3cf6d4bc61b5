{{- /* The image: digest before tag before the chart's appVersion; `global.image` fills what the chart leaves open. */ -}}
{{- define "common.image" -}}
{{- $image := merge (deepCopy .Values.image) ((.Values.global).image | default dict) -}}
{{- $repository := required "image.repository is required: registry and name of an image of this project" $image.repository -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- /* A pod that needs nothing of its node: the "restricted" Pod Security Standard. */ -}}
{{- define "common.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "common.containerSecurityContext" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
readOnlyRootFilesystem: true
{{- end -}}

{{- /* Probes; the argument is the port, by name or number. Slow starts (a large cluster to list) are the startup probe's: two minutes. The
first question whether a pod is ready mostly comes too early, and a rollout waits for the second one at each of its pods. */ -}}
{{- define "common.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: {{ . }}}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /healthz, port: {{ . }}}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: {{ . }}}
  periodSeconds: 3
  timeoutSeconds: 5
  failureThreshold: 10
{{- end -}}

{{- /*
The pod of a daemon. Its argument is a dict: `root` is the root; `onEveryNode` is true for the pod of a DaemonSet, which
is in the network of its node. All others are optional lines of one chart:
  podSecurityContext         in place of those of the "restricted" Pod Security Standard
  containerSecurityContext   likewise
  args, env                  come before those of the user
  initContainers             likewise
  labels                     come after those of the user
  affinity                   comes with the one by which replicas keep apart; `affinity` of the user replaces both
  volumeMounts, volumes      likewise
Where pods of every node listen they claim no port: it would be promised to one pod alone, and a pod and its successor
share it. Probes then name its number.
*/ -}}
{{- define "common.podTemplate" -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- include "common.podLabels" $root | nindent 4 }}
    {{- with .labels }}
    {{- . | nindent 4 }}
    {{- end }}
  annotations:
    {{- $checksum := dict "checksum/config" (include "common.config" $root | sha256sum) }}
    {{- toYaml (merge $checksum $root.Values.podAnnotations) | nindent 4 }}
spec:
  serviceAccountName: {{ include "common.serviceAccountName" $root }}
  automountServiceAccountToken: true
  enableServiceLinks: false
  {{- if .onEveryNode }}
  hostNetwork: true
  {{- end }}
  {{- include "common.nameResolution" $root | nindent 2 }}
  terminationGracePeriodSeconds: {{ $root.Values.terminationGracePeriodSeconds }}
  {{- with include "common.imagePullSecrets" $root }}
  {{- . | nindent 2 }}
  {{- end }}
  securityContext:
    {{- $security := .podSecurityContext | default (include "common.podSecurityContext" $root) }}
    {{- include "common.overlaid" (list $security $root.Values.podSecurityContext) | nindent 4 }}
  {{- if .onEveryNode }}
  {{- include "common.nodeScheduling" $root | nindent 2 }}
  {{- else }}
  {{- include "common.scheduling" (list $root (default "" .affinity)) | nindent 2 }}
  {{- end }}
  {{- if or .initContainers $root.Values.initContainers }}
  initContainers:
    {{- with .initContainers }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with $root.Values.initContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
  containers:
    - name: {{ $root.Chart.Name }}
      image: {{ include "common.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args:
        - {{ $root.Chart.Name }}
        - --config=/etc/aws-addons/config.yaml
        {{- with .args }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- with $root.Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- $own := printf "%s\n%s" (default "" .env) (include "common.ownPod" $root) | trim }}
      {{- with include "common.environment" (list $root $own) | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- if not .onEveryNode }}
      ports:
        - name: http
          containerPort: {{ $root.Values.port }}
      {{- end }}
      {{- include "common.probes" (ternary $root.Values.port "http" (default false .onEveryNode)) | nindent 6 }}
      resources:
        {{- toYaml $root.Values.resources | nindent 8 }}
      securityContext:
        {{- $security := .containerSecurityContext | default (include "common.containerSecurityContext" $root) }}
        {{- include "common.overlaid" (list $security $root.Values.securityContext) | nindent 8 }}
      volumeMounts:
        {{- include "common.configMount" $root | nindent 8 }}
        {{- include "common.volumeMounts" (list $root .volumeMounts) | nindent 8 }}
    {{- with $root.Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "common.configVolume" $root | nindent 4 }}
    {{- include "common.volumes" (list $root .volumes) | nindent 4 }}
{{- end -}}

{{- /* Who the daemon is: the holder of its Lease, and the object of the Events about what is in its way. */ -}}
{{- define "common.ownPod" -}}
{{- range $name, $path := dict "POD_NAME" "metadata.name" "POD_NAMESPACE" "metadata.namespace" "POD_UID" "metadata.uid" }}
- name: {{ $name }}
  valueFrom:
    fieldRef:
      fieldPath: {{ $path }}
{{- end }}
{{- end -}}

{{- /* How pods look up names. */ -}}
{{- define "common.nameResolution" -}}
dnsPolicy: {{ .Values.dnsPolicy }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Lines of the chart, and what the user has in their place, key by key; null takes a line away. */ -}}
{{- define "common.overlaid" -}}
{{- $lines := first . | fromYaml -}}
{{- range $key, $value := last . -}}
{{- $_ := set $lines $key $value -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := unset $lines $key -}}
{{- end -}}
{{- end -}}
{{- toYaml $lines -}}
{{- end -}}

{{- define "common.imagePullSecrets" -}}
{{- with concat .Values.imagePullSecrets ((.Values.global).imagePullSecrets | default list) -}}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{- /* The environment of a container: arguments are the root and lines that come before those of the user. */ -}}
{{- define "common.environment" -}}
{{- $root := first . -}}
{{- $own := last . -}}
{{- if or $own $root.Values.extraEnv }}
env:
  {{- with $own }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- with $root.Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- with $root.Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* The settings file of the daemon. */ -}}
{{- define "common.configMount" -}}
- name: config
  mountPath: /etc/aws-addons
  readOnly: true
{{- end -}}

{{- define "common.configVolume" -}}
- name: config
  configMap:
    name: {{ include "common.fullname" . }}
{{- end -}}

{{- /* A place for temporary files, since the root is read-only, lines of the chart, and what the user has besides:
arguments are the root and those lines. */ -}}
{{- define "common.volumeMounts" -}}
- name: tmp
  mountPath: /tmp
{{- with last . }}
{{ . }}
{{- end }}
{{- with (first .).Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "common.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: 16Mi
{{- with last . }}
{{ . }}
{{- end }}
{{- with (first .).Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* How important pods are, and on which nodes they may run. */ -}}
{{- define "common.placement" -}}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Where the pods of every node may run. */ -}}
{{- define "common.nodeScheduling" -}}
{{- include "common.placement" . }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Where replicas may run: arguments are the root and lines of the chart. Without `affinity` they keep away from each
other's node. */ -}}
{{- define "common.scheduling" -}}
{{- $root := first . -}}
{{- include "common.placement" $root }}
{{- with $root.Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
affinity:
{{- with $root.Values.affinity }}
  {{- toYaml . | nindent 2 }}
{{- else }}
  {{- with last . }}
  {{- . | nindent 2 }}
  {{- end }}
  podAntiAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      - weight: 100
        podAffinityTerm:
          topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              {{- include "common.selectorLabels" $root | nindent 14 }}
{{- end }}
{{- end -}}
