{{- define "dns.alerts" -}}
{{- $pods := include "common.scraped" . -}}
{{- if not .Values.config.dryRun }}
- alert: AddonsDnsNoLeader
  expr: absent(addons_kube_leader_is_leader{ {{- $pods }}} == 1)
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: No replica of dns holds the lease, so no record is changed.
{{- end }}
- alert: AddonsDnsPassesFail
  expr: max by (about) (addons_degraded{ {{- $pods }},side="aws"}) > 0
  for: 15m
  labels: {severity: critical}
  annotations:
    summary: {{ "dns has not been able to work on {{ $labels.about }} for 15 minutes; the metric addons_degraded and the Events of its pod have the reason." | quote }}
- alert: AddonsDnsSourceStale
  expr: max by (resource) (addons_kube_reflector_staleness_seconds{ {{- $pods }}}) > 300
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: {{ "dns has not been able to read {{ $labels.resource }} for 5 minutes. It changes no record on what may be out of date." | quote }}
- alert: AddonsDnsRecordsRefused
  expr: sum(increase(addons_decisions_total{ {{- $pods }},reason="RecordError"}[10m])) > 0
  for: 15m
  labels: {severity: warning}
  annotations:
    summary: Route 53 has refused records that dns wants to write for 15 minutes.
- alert: AddonsDnsDeletesHeld
  expr: >-
    {{ include "common.decided" (printf "%s,reason=%q" $pods "DeleteBudget") }}
  labels: {severity: warning}
  annotations:
    summary: dns holds back deletes, since too many records of a zone would go at once.
- alert: AddonsDnsNamesTaken
  expr: sum by (zone, name) (addons_dns_conflicts{ {{- $pods }},reason="OwnerConflict"}) > 0
  for: 15m
  labels: {severity: info}
  annotations:
    summary: {{ "{{ $value }} names in {{ $labels.name }} that objects ask for have records of another owner, and are left alone." | quote }}
{{- end -}}
