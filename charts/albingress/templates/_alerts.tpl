{{- define "albingress.alerts" -}}
{{- $pods := include "common.scraped" . -}}
{{- if not .Values.config.dryRun }}
- alert: AddonsAlbingressNoLeader
  expr: absent(addons_kube_leader_is_leader{ {{- $pods }}} == 1)
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: No replica of albingress holds the lease, so no load balancer follows its Ingresses and no target its pods.
{{- end }}
- alert: AddonsAlbingressPassesFail
  expr: max by (about) (addons_degraded{ {{- $pods }},side="aws"}) > 0
  for: 15m
  labels: {severity: critical}
  annotations:
    summary: {{ "albingress has not been able to work on {{ $labels.about }} for 15 minutes; the metric addons_degraded and the Events of its pod have the reason." | quote }}
- alert: AddonsAlbingressSourceStale
  expr: max by (resource) (addons_kube_reflector_staleness_seconds{ {{- $pods }}}) > 300
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: {{ "albingress has not been able to read {{ $labels.resource }} for 5 minutes. It changes nothing on what may be out of date." | quote }}
- alert: AddonsAlbingressTargetsWait
  expr: max by (target_group) (addons_albingress_targets_waiting_seconds{ {{- $pods }}}) > 120
  for: 3m
  labels: {severity: critical}
  annotations:
    summary: {{ "Pods have been waiting for minutes to be registered in target group {{ $labels.target_group }}; explain tells why." | quote }}
- alert: AddonsAlbingressBrokenRules
  expr: sum by (group, reason) (addons_albingress_problems{ {{- $pods }},reason!~"AttributeKept|RuleShadowed|UnknownAnnotation|UnusedAnnotation"}) > 0
  for: 15m
  labels: {severity: warning}
  annotations:
    summary: {{ "{{ $value }} problems of kind {{ $labels.reason }} in ingress group {{ $labels.group }}: the Events of the Ingresses have them." | quote }}
- alert: AddonsAlbingressDeletesHeld
  expr: >-
    {{ include "common.decided" (printf "%s,reason=%q" $pods "MassDeleteHeld") }}
  labels: {severity: warning}
  annotations:
    summary: albingress holds back deletes, since too much of the cluster's load balancing would go at once.
{{- end -}}
