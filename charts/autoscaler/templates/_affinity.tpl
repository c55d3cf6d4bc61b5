{{- /* Nodes that may be taken away at any time are no place for who has to replace them. `NotIn` holds for nodes without
the label, too. */ -}}
{{- define "autoscaler.nodeAffinity" -}}
{{- if not .Values.config.allowSpot -}}
nodeAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    nodeSelectorTerms:
      - matchExpressions:
          {{- range list "eks.amazonaws.com/capacityType" "karpenter.sh/capacity-type" "node.kubernetes.io/lifecycle" "lifecycle" }}
          - key: {{ . }}
            operator: NotIn
            values: [spot, SPOT, Spot, Ec2Spot]
          {{- end }}
{{- end -}}
{{- end -}}
