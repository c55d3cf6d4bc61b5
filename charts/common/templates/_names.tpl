{{- /* The name of everything in a release, as `helm create` makes it: release and chart, at most 63 characters. */ -}}
{{- define "common.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* The name of objects without a namespace: the namespace is in it, so that equal releases do not collide. */ -}}
{{- define "common.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "common.fullname" .) -}}
{{- end -}}

{{- define "common.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "common.fullname" .) -}}
{{- else -}}
{{- required "serviceAccount.name is required when serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- /* Name and instance only, and no value changes them: the selector of a workload is immutable. */ -}}
{{- define "common.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* The labels of every object; what the user adds with commonLabels never replaces ours. */ -}}
{{- define "common.labels" -}}
{{- $ours := dict
  "app.kubernetes.io/name" .Chart.Name
  "app.kubernetes.io/instance" .Release.Name
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/managed-by" .Release.Service
  "app.kubernetes.io/component" .Chart.Name
  "app.kubernetes.io/part-of" "aws-addons"
  "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
-}}
{{- toYaml (merge $ours .Values.commonLabels) -}}
{{- end -}}

{{- /* The labels of the pods: without the version of the chart, which must not restart them. */ -}}
{{- define "common.podLabels" -}}
{{- $ours := merge (include "common.selectorLabels" . | fromYaml) (dict
  "app.kubernetes.io/component" .Chart.Name
  "app.kubernetes.io/part-of" "aws-addons"
) -}}
{{- toYaml (merge $ours .Values.podLabels .Values.commonLabels) -}}
{{- end -}}

{{- /* The name of what a hook makes: arguments are the root and what it is for. At most 63 characters, as its pods have
it as a label. */ -}}
{{- define "common.hookName" -}}
{{- $for := last . -}}
{{- printf "%s-%s" (include "common.fullname" (first .) | trunc (int (sub 62 (len $for))) | trimSuffix "-") $for -}}
{{- end -}}

{{- /* The labels of a hook's pods, which are none of the workload's, and none that the Service leads to: arguments are
the root and what the hook is for. */ -}}
{{- define "common.hookPodLabels" -}}
{{- $root := first . -}}
{{- $ours := dict
  "app.kubernetes.io/name" (printf "%s-%s" $root.Chart.Name (last .))
  "app.kubernetes.io/instance" $root.Release.Name
  "app.kubernetes.io/component" $root.Chart.Name
  "app.kubernetes.io/part-of" "aws-addons"
-}}
{{- toYaml (merge $ours $root.Values.podLabels $root.Values.commonLabels) -}}
{{- end -}}

{{- /* `metadata` of an object with annotations of the user: arguments are the root and those. */ -}}
{{- define "common.annotatedMetadata" -}}
{{ include "common.metadata" (first .) }}
{{- with last . }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* `metadata` of an object named after the release, in its namespace. */ -}}
{{- define "common.metadata" -}}
name: {{ include "common.fullname" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "common.labels" . | nindent 2 }}
{{- end -}}
