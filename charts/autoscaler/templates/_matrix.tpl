{{- /* The Job that looks after an ASG matrix: everything of it is `-matrix` after the name of the release. */ -}}

{{- /* Whether there is a file, and so a Job. */ -}}
{{- define "autoscaler.hasMatrix" -}}
{{- if or .Values.matrix.file .Values.matrix.existingConfigMap }}yes{{ end -}}
{{- end -}}

{{- /* Whether nodes are drained, so that the Job needs rights in the cluster. */ -}}
{{- define "autoscaler.matrixDrains" -}}
{{- if and (or .Values.matrix.roll.enabled .Values.matrix.prune.enabled) (not .Values.config.dryRun) }}yes{{ end -}}
{{- end -}}

{{- /* Whether groups are rolled, which is written down for the daemon. */ -}}
{{- define "autoscaler.matrixRolls" -}}
{{- if and .Values.matrix.roll.enabled (not .Values.config.dryRun) }}yes{{ end -}}
{{- end -}}

{{- /* At most 52 characters: names of CronJobs have no more, and a Job has a hash behind it. */ -}}
{{- define "autoscaler.matrixName" -}}
{{ include "common.fullname" . | trunc 45 | trimSuffix "-" }}-matrix
{{- end -}}

{{- define "autoscaler.matrixMetadata" -}}
name: {{ include "autoscaler.matrixName" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "common.labels" . | nindent 2 }}
{{- end -}}

{{- define "autoscaler.matrixAccount" -}}
{{- .Values.matrix.serviceAccount.name | default (include "autoscaler.matrixName" .) -}}
{{- end -}}

{{- define "autoscaler.matrixSubjects" -}}
- kind: ServiceAccount
  name: {{ include "autoscaler.matrixAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{- define "autoscaler.matrixConfigMap" -}}
{{- .Values.matrix.existingConfigMap | default (include "autoscaler.matrixName" .) -}}
{{- end -}}

{{- /* What is done, one after the other: a step that fails keeps the later ones from beginning. */ -}}
{{- define "autoscaler.matrixSteps" -}}
{{- with .Values.matrix -}}
- name: {{ .command }}
  args: [{{ .command }}{{ if eq .command "apply" }}, --show-plan, --parallel={{ .parallel }}{{ end }}]
{{- if .roll.enabled }}
- name: roll
  args: [roll, --batch={{ .roll.batch }}]
{{- end }}
{{- if .prune.enabled }}
- name: prune
  args: [prune, --yes, --most={{ .prune.most }}]
{{- end }}
{{- end }}
{{- end -}}

{{- /* The container of a step: arguments are the root and the step. Settings are those of the daemon, so that a dry run of
one is a dry run of the other. */ -}}
{{- define "autoscaler.matrixContainer" -}}
{{- $root := first . -}}
{{- $step := last . -}}
- name: {{ $step.name }}
  image: {{ include "common.image" $root | quote }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  args:
    - autoscaler
    - matrix
    - {{ first $step.args }}
    - /etc/aws-addons-matrix/matrix.yaml
    {{- range rest $step.args }}
    - {{ . }}
    {{- end }}
    - --exit-zero
    - --config=/etc/aws-addons/config.yaml
    - --namespace={{ include "autoscaler.namespace" $root }}
    - --output=table
    {{- with $root.Values.extraArgs }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with include "common.environment" (list $root "") | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  resources:
    {{- toYaml $root.Values.matrix.resources | nindent 4 }}
  securityContext:
    {{- $security := include "common.containerSecurityContext" $root }}
    {{- include "common.overlaid" (list $security $root.Values.securityContext) | nindent 4 }}
  volumeMounts:
    {{- include "common.configMount" $root | nindent 4 }}
    - name: matrix
      mountPath: /etc/aws-addons-matrix
      readOnly: true
    {{- include "common.volumeMounts" (list $root "") | nindent 4 }}
{{- end -}}

{{- define "autoscaler.matrixPod" -}}
{{- $steps := include "autoscaler.matrixSteps" . | fromYamlArray -}}
metadata:
  labels:
    {{- include "common.hookPodLabels" (list . "matrix") | nindent 4 }}
  {{- with .Values.matrix.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  restartPolicy: Never
  serviceAccountName: {{ include "autoscaler.matrixAccount" . }}
  automountServiceAccountToken: {{ not (empty (include "autoscaler.matrixDrains" .)) }}
  enableServiceLinks: false
  {{- /* Longer than a call to AWS and an eviction that are under way. */}}
  terminationGracePeriodSeconds: 90
  {{- with include "common.imagePullSecrets" . }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- include "common.nameResolution" . | nindent 2 }}
  securityContext:
    {{- include "common.overlaid" (list (include "common.podSecurityContext" .) .Values.podSecurityContext) | nindent 4 }}
  {{- include "common.nodeScheduling" . | nindent 2 }}
  {{- with initial $steps }}
  initContainers:
    {{- range . }}
    {{- include "autoscaler.matrixContainer" (list $ .) | nindent 4 }}
    {{- end }}
  {{- end }}
  containers:
    {{- include "autoscaler.matrixContainer" (list . (last $steps)) | nindent 4 }}
  volumes:
    {{- include "common.configVolume" . | nindent 4 }}
    - name: matrix
      configMap:
        name: {{ include "autoscaler.matrixConfigMap" . }}
        items: [{key: {{ .Values.matrix.key | quote }}, path: matrix.yaml}]
    {{- include "common.volumes" (list . "") | nindent 4 }}
{{- end -}}

{{- /* The spec of a Job. That its node goes, for instance by its own hand, does not count as a failure; what is wrong with
the file stays wrong, and a stack that cannot be made needs somebody. */ -}}
{{- define "autoscaler.matrixJob" -}}
activeDeadlineSeconds: {{ .Values.matrix.activeDeadlineSeconds }}
backoffLimit: {{ .Values.matrix.backoffLimit }}
podFailurePolicy:
  rules:
    - action: Ignore
      onPodConditions: [{type: DisruptionTarget, status: "True"}]
    - action: FailJob
      onExitCodes: {operator: In, values: [1]}
    - action: FailJob
      onExitCodes: {containerName: {{ .Values.matrix.command }}, operator: In, values: [3]}
template:
  {{- include "autoscaler.matrixPod" . | nindent 2 }}
{{- end -}}

{{- /* The name of a Job that runs once: nothing of a Job can be changed, so each that does something else, or with another
file or other settings, is another one. */ -}}
{{- define "autoscaler.matrixJobName" -}}
{{- $all := printf "%s\n%s\n%s\n%s" (include "autoscaler.matrixJob" .) (include "common.config" .) .Values.matrix.file .Values.matrix.trigger -}}
{{- printf "%s-%s" (include "autoscaler.matrixName" .) (sha256sum $all | trunc 10) -}}
{{- end -}}
