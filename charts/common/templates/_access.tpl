{{- define "common.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "common.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- toYaml (merge (include "common.labels" . | fromYaml) .Values.serviceAccount.labels) | nindent 4 }}
  {{- with .Values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end -}}
{{- end -}}

{{- /* The subject of every binding. */ -}}
{{- define "common.subjects" -}}
- kind: ServiceAccount
  name: {{ include "common.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{- /* Rules for the whole cluster, bound: arguments are the root and the rules. */ -}}
{{- define "common.clusterRole" -}}
{{- $root := first . }}
{{- include "common.clusterRoleOf" (list $root (include "common.clusterName" $root) (last .) (include "common.subjects" $root)) }}
{{- end -}}

{{- /* The same for somebody else than the daemon: arguments are the root, a name, the rules and who. */ -}}
{{- define "common.clusterRoleOf" -}}
{{- $root := index . 0 }}
{{- $name := index . 1 }}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ $name }}
  labels:
    {{- include "common.labels" $root | nindent 4 }}
rules:
  {{- index . 2 | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ $name }}
  labels:
    {{- include "common.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ $name }}
subjects:
  {{- index . 3 | nindent 2 }}
{{- end -}}

{{- /* Rules for one namespace, bound: arguments are the root, a suffix of the name, the namespace and the rules. In a
namespace of others the name tells the release's own, as a release of the same name may be in another. */ -}}
{{- define "common.role" -}}
{{- include "common.roleOf" (append . (include "common.subjects" (first .))) -}}
{{- end -}}

{{- /* The same for somebody else than the daemon: the fifth argument is who. */ -}}
{{- define "common.roleOf" -}}
{{- $root := index . 0 }}
{{- $namespace := index . 2 }}
{{- $release := ternary (include "common.fullname" $root) (include "common.clusterName" $root) (eq $namespace $root.Release.Namespace) }}
{{- $name := printf "%s-%s" $release (index . 1) }}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $name }}
  namespace: {{ $namespace }}
  labels:
    {{- include "common.labels" $root | nindent 4 }}
rules:
  {{- index . 3 | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $name }}
  namespace: {{ $namespace }}
  labels:
    {{- include "common.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $name }}
subjects:
  {{- index . 4 | nindent 2 }}
{{- end -}}

{{- /* Leadership: one named Lease. The request of a `create` has no name that a rule could match. */ -}}
{{- define "common.leaderRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "common.fullname" . }}]
  verbs: [get, patch]
{{- end -}}

{{- /* What a daemon tells: on objects that it reads, and on its own pod. */ -}}
{{- define "common.eventRules" -}}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end -}}
