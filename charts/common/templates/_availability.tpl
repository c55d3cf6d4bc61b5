{{- /* How pods are replaced. The API server refuses Recreate beside the figures of RollingUpdate, which Helm merges in. */ -}}
{{- define "common.strategy" -}}
{{- if eq (toString .Values.strategy.type) "Recreate" -}}
{{- omit .Values.strategy "rollingUpdate" | toYaml -}}
{{- else -}}
{{- toYaml .Values.strategy -}}
{{- end -}}
{{- end -}}

{{- /* A budget that lets one pod go at a time; with a single replica it would only block the drain of a node. */ -}}
{{- define "common.podDisruptionBudget" -}}
{{- if and .Values.podDisruptionBudget.enabled (gt (int .Values.replicas) 1) -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "common.metadata" . | nindent 2 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "common.selectorLabels" . | nindent 6 }}
{{- end -}}
{{- end -}}

{{- /* Who may reach the pods; who they may reach is limited only when `egress` says so. */ -}}
{{- define "common.networkPolicy" -}}
{{- if .Values.networkPolicy.enabled -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "common.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "common.selectorLabels" . | nindent 6 }}
  policyTypes:
    - Ingress
    {{- if .Values.networkPolicy.egress }}
    - Egress
    {{- end }}
  ingress:
    - ports:
        - protocol: TCP
          port: http
      {{- with .Values.networkPolicy.from }}
      from:
        {{- toYaml . | nindent 8 }}
      {{- end }}
  {{- with .Values.networkPolicy.egress }}
  egress:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}
