{{- define "autoscaler.alerts" -}}
{{- $pods := include "common.scraped" . -}}
{{- if not .Values.config.dryRun }}
- alert: AddonsAutoscalerNoLeader
  expr: absent(addons_kube_leader_is_leader{ {{- $pods }}} == 1)
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: No replica of autoscaler holds the lease, so no node comes for pods that wait, and none goes.
{{- end }}
- alert: AddonsAutoscalerGroupsFail
  expr: max by (about) (addons_degraded{ {{- $pods }},side="aws"}) > 0
  for: 15m
  labels: {severity: critical}
  annotations:
    summary: {{ "autoscaler has not been able to work on {{ $labels.about }} for 15 minutes; the metric addons_degraded and the Events of its pod have the reason." | quote }}
- alert: AddonsAutoscalerSourceStale
  expr: max by (resource) (addons_kube_reflector_staleness_seconds{ {{- $pods }}}) > 300
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: {{ "autoscaler has not been able to read {{ $labels.resource }} for 5 minutes. It removes no node on what may be out of date." | quote }}
- alert: AddonsAutoscalerRefuted
  expr: >-
    {{ include "common.decided" (printf "%s,reason=%q" $pods "ScaleUpRefuted") }}
  labels: {severity: warning}
  annotations:
    summary: New nodes of a group took none of the pods they were ordered for; the Event on the status ConfigMap says how tags and node differ.
- alert: AddonsAutoscalerBreakerOpen
  expr: max(addons_autoscaler_breaker_open{ {{- $pods }}}) > 0
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: So many scale-ups have failed that autoscaler tries one node at a time in the whole cluster.
- alert: AddonsAutoscalerPodsWait
  expr: max(cluster_autoscaler_unschedulable_pods_count{ {{- $pods }}}) > 0
  for: 30m
  labels: {severity: warning}
  annotations:
    summary: {{ "{{ $value }} pods have found no node for 30 minutes; the Events on the pods, and explain, say what keeps them from each group." | quote }}
- alert: AddonsAutoscalerClockDiffers
  expr: max(addons_degraded{ {{- $pods }},side="kubernetes",about="clock"}) > 0
  for: 10m
  labels: {severity: warning}
  annotations:
    summary: autoscaler removes nothing, as its clock and that of the API server are more than a minute apart.
- alert: AddonsAutoscalerDrainsFail
  expr: sum(increase(addons_decisions_total{ {{- $pods }},reason="ScaleDownFailed"}[1h])) > 5
  for: 15m
  labels: {severity: warning}
  annotations:
    summary: Nodes could not be removed again and again; the Events of the nodes have the reason.
{{- end -}}
