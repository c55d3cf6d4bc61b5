{{- /* An admission webhook beside the daemon, whatever it gives to pods: values are those of `webhook`. */ -}}

{{- /* What belongs to the webhook; at most 63 characters. */ -}}
{{- define "common.webhookName" -}}
{{ include "common.fullname" . | trunc 55 | trimSuffix "-" }}-webhook
{{- end -}}

{{- /* The labels by which the pods of the webhook are found: none of the DaemonSet's. */ -}}
{{- define "common.webhookSelector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}-webhook
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- /* As whom the webhook speaks to the API server: an account with other rights than the daemon's, if the chart makes
them. */ -}}
{{- define "common.webhookAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- include "common.webhookName" . -}}
{{- else -}}
{{- .Values.webhook.serviceAccountName | default (include "common.serviceAccountName" .) -}}
{{- end -}}
{{- end -}}

{{- /* The name of what belongs to no namespace and may have no colon in its name: arguments are the root and a name. */ -}}
{{- define "common.clusterWide" -}}
{{- printf "%s.%s" (last .) ((first .).Release.Namespace | default "default") -}}
{{- end -}}

{{- define "common.webhookSubjects" -}}
- kind: ServiceAccount
  name: {{ include "common.webhookAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{- /* Its pods, how the API server reaches them, and which pods it asks about; nobody waits for a webhook that is away.
Arguments are the root and the name of the webhook in its configuration. */ -}}
{{- define "common.webhook" -}}
{{- $webhook := last . }}
{{- with first . }}
{{- $name := include "common.webhookName" . }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "common.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.webhook.replicas }}
  revisionHistoryLimit: {{ .Values.revisionHistoryLimit }}
  selector:
    matchLabels:
      {{- include "common.webhookSelector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "common.hookPodLabels" (list . "webhook") | nindent 8 }}
      annotations:
        {{- $checksum := dict "checksum/config" (include "common.config" . | sha256sum) }}
        {{- toYaml (merge $checksum .Values.podAnnotations) | nindent 8 }}
    spec:
      serviceAccountName: {{ include "common.webhookAccount" . }}
      automountServiceAccountToken: true
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
      {{- with include "common.imagePullSecrets" . }}
      {{- . | nindent 6 }}
      {{- end }}
      securityContext:
        {{- include "common.podSecurityContext" . | nindent 8 }}
      priorityClassName: {{ .Values.webhook.priorityClassName }}
      {{- with .Values.webhook.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .Values.webhook.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "common.webhookSelector" . | nindent 14 }}
      containers:
        - name: webhook
          image: {{ include "common.image" . | quote }}
          imagePullPolicy: {{ .Values.image.pullPolicy }}
          args:
            - {{ .Chart.Name }}
            - webhook
            - --config=/etc/aws-addons/config.yaml
          {{- include "common.environment" (list . (include "common.ownPod" . | trim)) | trim | nindent 10 }}
          ports:
            - name: https
              containerPort: {{ .Values.webhook.port }}
            - name: http
              containerPort: {{ .Values.port }}
          {{- include "common.probes" "http" | nindent 10 }}
          resources:
            {{- toYaml .Values.webhook.resources | nindent 12 }}
          securityContext:
            {{- include "common.containerSecurityContext" . | nindent 12 }}
          volumeMounts:
            {{- include "common.configMount" . | nindent 12 }}
            {{- include "common.volumeMounts" (list . "") | nindent 12 }}
      volumes:
        {{- include "common.configVolume" . | nindent 8 }}
        {{- include "common.volumes" (list . "") | nindent 8 }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "common.labels" . | nindent 4 }}
spec:
  selector:
    {{- include "common.webhookSelector" . | nindent 4 }}
  ports:
    - name: https
      port: 443
      targetPort: https
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata:
  name: {{ include "common.clusterWide" (list . $name) }}
  labels:
    {{- include "common.labels" . | nindent 4 }}
webhooks:
  - name: {{ $webhook }}
    clientConfig:
      service:
        name: {{ $name }}
        namespace: {{ .Release.Namespace }}
        path: /mutate
        port: 443
    rules:
      - apiGroups: [""]
        apiVersions: [v1]
        operations: [CREATE]
        resources: [pods]
        scope: Namespaced
    {{- with .Values.webhook.namespaceSelector }}
    namespaceSelector:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with .Values.webhook.objectSelector }}
    objectSelector:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    failurePolicy: Ignore
    reinvocationPolicy: IfNeeded
    matchPolicy: Equivalent
    sideEffects: None
    timeoutSeconds: 2
    admissionReviewVersions: [v1]
{{- end }}
{{- end -}}

{{- /* Who it is, and its rights: its own configuration and its own Secret. Arguments are the root and further rules for the
whole cluster. */ -}}
{{- define "common.webhookAccess" -}}
{{- $rules := last . }}
{{- with first . }}
{{- $name := include "common.webhookName" . }}
{{- if .Values.serviceAccount.create }}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "common.webhookAccount" . }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "common.labels" . | nindent 4 }}
automountServiceAccountToken: false
{{- end }}
{{- if .Values.rbac.create }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ include "common.clusterName" . }}-webhook
  labels:
    {{- include "common.labels" . | nindent 4 }}
rules:
  - apiGroups: [admissionregistration.k8s.io]
    resources: [mutatingwebhookconfigurations]
    resourceNames: [{{ include "common.clusterWide" (list . $name) }}]
    verbs: [get, patch]
  {{- with $rules }}
  {{- . | nindent 2 }}
  {{- end }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ include "common.clusterName" . }}-webhook
  labels:
    {{- include "common.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ include "common.clusterName" . }}-webhook
subjects:
  {{- include "common.webhookSubjects" . | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ $name }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "common.labels" . | nindent 4 }}
rules:
  - apiGroups: [""]
    resources: [secrets]
    verbs: [create]
  - apiGroups: [""]
    resources: [secrets]
    resourceNames: [{{ $name }}]
    verbs: [get, patch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ $name }}
  namespace: {{ .Release.Namespace }}
  labels:
    {{- include "common.labels" . | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ $name }}
subjects:
  {{- include "common.webhookSubjects" . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}
