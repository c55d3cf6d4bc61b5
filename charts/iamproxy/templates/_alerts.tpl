{{- define "iamproxy.alerts" -}}
{{- $pods := include "common.scraped" . -}}
- alert: AddonsIamproxyDown
  expr: up{ {{- $pods }}} == 0
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: {{ "iamproxy does not answer at {{ $labels.instance }}: the pods of that node get no credentials." | quote }}
- alert: AddonsIamproxyNotReady
  expr: addons_ready{ {{- $pods }}} == 0
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: {{ "{{ $labels.pod }} has not been ready for 5 minutes: it cannot tell for sure which pod it is asked by, or has no AWS credentials." | quote }}
{{- if eq .Values.config.interceptor "nft" }}
- alert: AddonsIamproxyRedirectMissing
  expr: addons_iamproxy_redirect_in_place{ {{- $pods }}} == 0
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: {{ "{{ $labels.pod }} cannot put its redirect in place: pods of its node may see the node's metadata." | quote }}
- alert: AddonsIamproxyRedirectChanged
  expr: increase(addons_iamproxy_redirect_repairs_total{ {{- $pods }}}[1h]) > 0
  labels: {severity: warning}
  annotations:
    summary: {{ "Something on the node of {{ $labels.pod }} removes or changes its redirect. It is repaired each time, but pods may see the node's metadata in between." | quote }}
{{- if .Values.privileged }}
- alert: AddonsIamproxyPodsUncovered
  expr: addons_iamproxy_uncovered_pods{ {{- $pods }}} > 0
  for: 5m
  labels: {severity: warning}
  annotations:
    summary: {{ "{{ $value }} pods in the network of the node of {{ $labels.pod }} can read the node's metadata." | quote }}
{{- end }}
{{- end }}
- alert: AddonsIamproxyStsUnavailable
  expr: addons_iamproxy_sts_away{ {{- $pods }}} == 1
  for: 5m
  labels: {severity: critical}
  annotations:
    summary: {{ "STS does not answer {{ $labels.pod }}: new pods get no credentials, others until theirs expire." | quote }}
- alert: AddonsIamproxyCredentialsExpiring
  expr: addons_iamproxy_credentials_end_timestamp_seconds{ {{- $pods }}} - time() < 900
  for: 1m
  labels: {severity: critical}
  annotations:
    summary: {{ "{{ $labels.pod }} could not renew credentials that expire within 15 minutes." | quote }}
- alert: AddonsIamproxyCredentialsLate
  expr: >-
    sum by (pod) (increase(addons_iamproxy_requests_total{ {{- $pods }},reason="CredentialsLate"}[5m])) > 0
  for: 10m
  labels: {severity: critical}
  annotations:
    summary: {{ "Pods that ask {{ $labels.pod }} get no credentials, since STS does not give them in time." | quote }}
- alert: AddonsIamproxyRolesDenied
  expr: >-
    {{ include "common.decided" (printf "%s,reason=%q" $pods "CredentialsDenied") }}
  labels: {severity: warning}
  annotations:
    summary: STS denies roles that pods are granted.
- alert: AddonsIamproxyPolicyUnreadable
  expr: >-
    {{ include "common.decided" (printf "%s,reason=%q" $pods "PolicyUnreadable") }}
  labels: {severity: warning}
  annotations:
    summary: iamproxy cannot read its policy file, and goes on with the last good one.
{{- end -}}
