{{- define "cni.alerts" -}}
{{- $pods := include "common.scraped" . -}}
- alert: AddonsCniDown
  expr: up{ {{- $pods }}} == 0
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: {{ "cni does not answer at {{ $labels.instance }}: running pods notice nothing, new ones cannot start on that node." | quote }}
- alert: AddonsCniNotReady
  expr: addons_ready{ {{- $pods }}} == 0
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: {{ "{{ $labels.pod }} has not been ready for 5 minutes: it does not know its node's interfaces, or cannot write assignments down." | quote }}
- alert: AddonsCniPodsWait
  expr: max_over_time(addons_cni_waiting_adds{ {{- $pods }}}[2m]) > 0
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: {{ "Pods on the node of {{ $labels.pod }} have been waiting for addresses for 5 minutes; their Events have the reason." | quote }}
- alert: AddonsCniSubnetExhausted
  expr: min by (subnet) (addons_cni_subnet_free_addresses{ {{- $pods }}}) == 0
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: {{ "{{ $labels.subnet }} has no free address: the nodes that draw on it start no more pods than they have addresses for." | quote }}
- alert: AddonsCniDegraded
  expr: max by (pod, about) (max_over_time(addons_degraded{ {{- $pods }},side="aws",reason!~"Insufficient.+"}[5m])) > 0
  for: 10m
  labels: {severity: critical}
  annotations:
    summary: {{ "{{ $labels.pod }} has not been able to work on {{ $labels.about }} for 15 minutes; the metric addons_degraded and the Events of the pod have the reason." | quote }}
- alert: AddonsCniAddressLost
  expr: >-
    {{ include "common.decided" (printf "%s,reason=%q" $pods "AddressLost") }}
  labels: {severity: critical}
  annotations:
    summary: {{ "Somebody has taken addresses of running pods from the node of {{ $labels.pod }}: these pods cannot be reached." | quote }}
- alert: AddonsCniSourceStale
  expr: addons_kube_reflector_staleness_seconds{ {{- $pods }}} > 300
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: {{ "{{ $labels.pod }} has not been able to read {{ $labels.resource }} for 5 minutes: it prepares addresses, and tells the scheduler of them, by what may be out of date." | quote }}
{{- if or (eq .Values.config.capacity "resource") .Values.config.exhaustionTaint }}
- alert: AddonsCniCapacityNotTold
  expr: max_over_time(addons_reconcile_failing_keys{ {{- $pods }},loop="cni-capacity"}[5m]) > 0
  for: 10m
  labels: {severity: warning}
  annotations:
    summary: {{ "{{ $labels.pod }} has not been able to write to its node for 15 minutes: the scheduler works with what it was told before." | quote }}
{{- end }}
{{- end -}}
