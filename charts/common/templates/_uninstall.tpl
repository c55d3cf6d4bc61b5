{{- /*
What is done at uninstall: a Job, and `metadata` of what it needs, which is there before it and gone after it, whatever
became of it. The argument of the Job is a dict:
  root, name                 the root, and what the Job is called after the release
  when                       `pre-delete`, before anything is deleted, or `post-delete`, when all is
  account                    its ServiceAccount
  args                       the arguments of the container, a list
  tells                      true where its log is for people also when all went well
  inHostNetwork              true where pods may get no network any more
*/ -}}
{{- define "common.uninstallJob" -}}
{{- $root := .root -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "common.hookName" (list $root .name) }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "common.labels" $root | nindent 4 }}
  annotations:
    helm.sh/hook: {{ .when }}
    helm.sh/hook-weight: "1"
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
    helm.sh/hook-output-log-policy: {{ ternary "hook-succeeded,hook-failed" "hook-failed" (default false .tells) }}
spec:
  {{- /* Helm waits for 5 minutes, if not told otherwise; the rest is for pulling the image. */}}
  activeDeadlineSeconds: 285
  backoffLimit: 2
  podFailurePolicy:
    rules:
      - action: FailJob
        onExitCodes: {operator: In, values: [2, 3]}
  ttlSecondsAfterFinished: 3600
  template:
    metadata:
      labels:
        {{- include "common.hookPodLabels" (list $root .name) | nindent 8 }}
      {{- with $root.Values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      restartPolicy: Never
      serviceAccountName: {{ .account }}
      automountServiceAccountToken: true
      enableServiceLinks: false
      {{- if .inHostNetwork }}
      hostNetwork: true
      {{- end }}
      {{- with include "common.imagePullSecrets" $root }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- include "common.nameResolution" $root | nindent 6 }}
      securityContext:
        {{- include "common.podSecurityContext" $root | nindent 8 }}
      {{- include "common.nodeScheduling" $root | nindent 6 }}
      containers:
        - name: {{ .name }}
          image: {{ include "common.image" $root | quote }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args:
            {{- toYaml .args | nindent 12 }}
          {{- with include "common.environment" (list $root "") | trim }}
          {{- . | nindent 10 }}
          {{- end }}
          resources:
            requests:
              cpu: 20m
              memory: 80Mi
            limits:
              memory: 160Mi
          securityContext:
            {{- include "common.containerSecurityContext" $root | nindent 12 }}
          volumeMounts:
            {{- include "common.volumeMounts" (list $root "") | nindent 12 }}
      volumes:
        {{- include "common.volumes" (list $root "") | nindent 8 }}
{{- end -}}

{{- /* Arguments are the root, what the Job is called after the release, and when it runs. */ -}}
{{- define "common.uninstallMetadata" -}}
name: {{ include "common.hookName" (list (index . 0) (index . 1)) }}
namespace: {{ (first .).Release.Namespace }}
{{ include "common.uninstallHook" (list (first .) (last .)) }}
{{- end -}}

{{- /* Labels and annotations alone: arguments are the root, and when it runs. */ -}}
{{- define "common.uninstallHook" -}}
labels:
  {{- include "common.labels" (first .) | nindent 2 }}
annotations:
  helm.sh/hook: {{ last . }}
  helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded,hook-failed
{{- end -}}
