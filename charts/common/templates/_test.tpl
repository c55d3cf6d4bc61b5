{{- /*
A pod that `helm test` runs: made anew each time, gone when it succeeds; when it fails it stays, and Helm prints its log.
Its argument is a dict:
  root, name                 the root, and what the pod is called after the release
  args                       the arguments of the container, a list; `command`, another one, replaces its program
  asDaemon                   true for a pod with the settings, further flags, environment, annotations, init
                             containers and ServiceAccount of the daemon's; without it the pod has no access to the
                             API server
  annotations                more annotations, a map
  env                        variables for a pod that is not as the daemon's, lines
*/ -}}
{{- define "common.testPod" -}}
{{- $root := .root -}}
{{- $given := ternary $root.Values.podAnnotations (dict) (default false .asDaemon) -}}
{{- $hook := dict
  "helm.sh/hook" "test"
  "helm.sh/hook-delete-policy" "before-hook-creation,hook-succeeded"
  "helm.sh/hook-output-log-policy" "hook-failed"
-}}
apiVersion: v1
kind: Pod
metadata:
  name: {{ include "common.hookName" (list $root .name) }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "common.hookPodLabels" (list $root .name) | nindent 4 }}
  annotations:
    {{- toYaml (merge $hook (default dict .annotations) $given) | nindent 4 }}
spec:
  restartPolicy: Never
  {{- /* Helm waits for 5 minutes, if not told otherwise. */}}
  activeDeadlineSeconds: 285
  {{- if .asDaemon }}
  serviceAccountName: {{ include "common.serviceAccountName" $root }}
  {{- end }}
  automountServiceAccountToken: {{ default false .asDaemon }}
  enableServiceLinks: false
  {{- with include "common.imagePullSecrets" $root }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- include "common.nameResolution" $root | nindent 2 }}
  securityContext:
    {{- $security := include "common.podSecurityContext" $root }}
    {{- include "common.overlaid" (list $security $root.Values.podSecurityContext) | nindent 4 }}
  {{- include "common.nodeScheduling" $root | nindent 2 }}
  {{- if .asDaemon }}
  {{- with $root.Values.initContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
  containers:
    - name: {{ .name }}
      image: {{ include "common.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      {{- with .command }}
      command:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with concat (default list .args) (ternary $root.Values.extraArgs list (default false .asDaemon)) }}
      args:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- if .asDaemon }}
      {{- with include "common.environment" (list $root "") | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- else if .env }}
      env:
        {{- .env | nindent 8 }}
      {{- end }}
      resources:
        {{- toYaml $root.Values.resources | nindent 8 }}
      securityContext:
        {{- $security := include "common.containerSecurityContext" $root }}
        {{- include "common.overlaid" (list $security $root.Values.securityContext) | nindent 8 }}
      volumeMounts:
        {{- if .asDaemon }}
        {{- include "common.configMount" $root | nindent 8 }}
        {{- end }}
        {{- include "common.volumeMounts" (list $root "") | nindent 8 }}
  volumes:
    {{- if .asDaemon }}
    {{- include "common.configVolume" $root | nindent 4 }}
    {{- end }}
    {{- include "common.volumes" (list $root "") | nindent 4 }}
{{- end -}}
