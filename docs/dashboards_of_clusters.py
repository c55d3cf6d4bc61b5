"""What is asked about the daemons that a cluster has one of: dns, albingress and autoscaler."""

from docs.dashboard_panels import (
    AWS_TIME,
    CALLS,
    DECISIONS,
    DEGRADED,
    LAG,
    LEADER,
    READY,
    STALE,
    UNDERNEATH,
    Dashboard,
    panel,
    slowest,
)

ALBINGRESS = Dashboard(
    "albingress",
    "addons_albingress_rules",
    (
        ("Now", (READY, LEADER, DEGRADED)),
        (
            "Traffic",
            (
                panel(
                    "Do targets follow their pods?",
                    "For how long a target group has not followed a change of endpoints.",
                    (
                        "max by (target_group) (addons_albingress_targets_waiting_seconds{@})",
                        "{{target_group}}",
                    ),
                    unit="s",
                ),
                slowest(
                    "How soon is a new pod a target?",
                    "From the change of endpoints to the registration.",
                    "addons_albingress_registration_seconds",
                ),
                panel(
                    "Which rules are not as asked for?",
                    "All but ok: broken ones answer 503, held ones stay as they were.",
                    ("max by (group, state) (addons_albingress_rules{@})", "{{group}}: {{state}}"),
                ),
                panel(
                    "Which faults do Ingresses have?",
                    "By group and reason; `kubectl addons explain ingress/...` has the words.",
                    ("max by (group, reason) (addons_albingress_problems{@})", "{{group}}: {{reason}}"),
                ),
                panel(
                    "What is held back?",
                    "Actions that wait, such as a delete of too much at once.",
                    ("max by (group, reason) (addons_albingress_held_actions{@})", "{{group}}: {{reason}}"),
                ),
                slowest(
                    "How soon does AWS follow an Ingress?",
                    "From the first change to the answer of AWS.",
                    "addons_albingress_sync_lag_seconds",
                ),
                panel(
                    "What is changed in AWS?",
                    "Actions per second, and targets that come and go.",
                    (
                        "sum by (action, outcome) (rate(addons_albingress_actions_total{@}[5m]))",
                        "{{action}}: {{outcome}}",
                    ),
                    (
                        "sum by (verb) (rate(addons_albingress_targets_changed_total{@}[5m]))",
                        "targets {{verb}}",
                    ),
                    unit="ops",
                ),
                panel(
                    "Does somebody else change what is ours?",
                    "Groups and targets found other than they were left, in an hour.",
                    ("sum(increase(addons_albingress_drift_total{@}[1h]))", "groups"),
                    ("sum(increase(addons_albingress_target_drift_total{@}[1h]))", "targets"),
                ),
            ),
        ),
        UNDERNEATH,
    ),
)

AUTOSCALER = Dashboard(
    "autoscaler",
    "addons_autoscaler_breaker_open",
    (
        ("Now", (READY, LEADER, DEGRADED)),
        (
            "Growth",
            (
                panel(
                    "How many pods find no node?",
                    "`kubectl addons explain pod/...` says what keeps one from each group.",
                    (
                        "max by (type) (cluster_autoscaler_unschedulable_pods_count{@})",
                        "{{type}}",
                    ),
                ),
                panel(
                    "How large are the groups, and what still comes?",
                    "Desired capacity, and nodes that are ordered and not there yet.",
                    ("max by (group) (addons_autoscaler_desired_nodes{@})", "{{group}}"),
                    ("max by (group) (addons_autoscaler_upcoming_nodes{@})", "{{group}}, to come"),
                ),
                panel(
                    "Which groups do not grow, and why?",
                    "Groups that are held, by reason.",
                    ("max by (group, reason) (addons_autoscaler_group_held{@})", "{{group}}: {{reason}}"),
                ),
                panel(
                    "What becomes of orders?",
                    "Orders that ended, in an hour; refuted ones brought nodes that take no such pod.",
                    (
                        "sum by (group, outcome) (increase(addons_autoscaler_intents_total{@}[1h]))",
                        "{{group}}: {{outcome}}",
                    ),
                    ("max(addons_autoscaler_breaker_open{@})", "one node at a time"),
                ),
                slowest(
                    "How soon is a node ordered?",
                    "From the scheduler's verdict on the youngest pod of an order to the answer of AWS.",
                    "addons_autoscaler_reaction_seconds",
                ),
                panel(
                    "How many nodes come and go?",
                    "In an hour: ordered, and removed by reason.",
                    ("sum(increase(cluster_autoscaler_scaled_up_nodes_total{@}[1h]))", "ordered"),
                    (
                        "sum by (reason) (increase(cluster_autoscaler_scaled_down_nodes_total{@}[1h]))",
                        "removed: {{reason}}",
                    ),
                ),
            ),
        ),
        (
            "Removal",
            (
                panel(
                    "How do the nodes do?",
                    "Nodes of the groups by state.",
                    ("max by (state) (cluster_autoscaler_nodes_count{@})", "{{state}}"),
                ),
                panel(
                    "Why do nodes stay?",
                    "Nodes by what keeps them; `kubectl addons explain node/...` names the pod.",
                    ("max by (reason) (cluster_autoscaler_unremovable_nodes_count{@})", "{{reason}}"),
                ),
                panel(
                    "Which nodes are not needed?",
                    "They go when they have not been needed for long enough.",
                    ("max(cluster_autoscaler_unneeded_nodes_count{@})", "not needed"),
                ),
                panel(
                    "Do evictions succeed?",
                    "Evictions per second, by result.",
                    (
                        "sum by (eviction_result) (rate(cluster_autoscaler_evicted_pods_total{@}[5m]))",
                        "{{eviction_result}}",
                    ),
                    unit="ops",
                ),
                panel(
                    "May what it knows be acted upon?",
                    "0 while not: nothing is removed on what may be out of date.",
                    ("max(cluster_autoscaler_cluster_safe_to_autoscale{@})", "may be acted upon"),
                ),
            ),
        ),
        ("Underneath", (CALLS, AWS_TIME, STALE, DECISIONS, LAG)),
    ),
)

DNS = Dashboard(
    "dns",
    "addons_dns_records",
    (
        ("Now", (READY, LEADER, DEGRADED)),
        (
            "Names",
            (
                panel(
                    "How many records are there, and how many are ours?",
                    "A fall without a change of objects is a mass delete; the delete budget holds those.",
                    ("max by (name, whose) (addons_dns_records{@})", "{{name}}: {{whose}}"),
                ),
                panel(
                    "Is everything there that is asked for?",
                    "Wanted and existing records by type; a gap that stays is explained on the page.",
                    ("max by (record_type) (external_dns_source_records{@})", "wanted {{record_type}}"),
                    (
                        "max by (record_type) (external_dns_controller_verified_records{@})",
                        "wanted and there {{record_type}}",
                    ),
                ),
                slowest(
                    "How soon does a name follow its object?",
                    "From the first change to the answer of Route 53.",
                    "addons_dns_sync_lag_seconds",
                ),
                panel(
                    "What is changed?",
                    "Names per second, by verb and outcome.",
                    (
                        "sum by (verb, outcome) (rate(addons_dns_change_groups_total{@}[5m]))",
                        "{{verb}}: {{outcome}}",
                    ),
                    unit="ops",
                ),
                panel(
                    "Which names does somebody else hold?",
                    "Records of another owner are never touched.",
                    ("max by (name, reason) (addons_dns_conflicts{@})", "{{name}}: {{reason}}"),
                ),
                panel(
                    "Which names rest, and which deletes are held?",
                    "After failures, or as they flap; deletes by --approve-plan.",
                    ("max by (name) (addons_dns_blocked_names{@})", "resting in {{name}}"),
                    ("max by (name, reason) (addons_dns_held_deletes{@})", "held in {{name}}: {{reason}}"),
                ),
            ),
        ),
        UNDERNEATH,
    ),
)
