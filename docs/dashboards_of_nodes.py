"""What is asked about the daemons that every node has: cni and iamproxy."""

from docs.dashboard_panels import (
    AWS_TIME,
    CALLS,
    DECISIONS,
    DEGRADED,
    LAG,
    READY,
    STALE,
    UNDERNEATH,
    Dashboard,
    panel,
    slowest,
)

CNI = Dashboard(
    "cni",
    "addons_cni_waiting_adds",
    (
        (
            "Now",
            (
                READY,
                DEGRADED,
                panel(
                    "Do pods wait for an address?",
                    "Pods on each node that wait now.",
                    ("max by (pod) (addons_cni_waiting_adds{@})", "{{pod}}"),
                ),
            ),
        ),
        (
            "Addresses",
            (
                panel(
                    "How many addresses are left in each subnet?",
                    "At 0 no node of the subnet can take more pods.",
                    ("min by (subnet) (addons_cni_subnet_free_addresses{@})", "{{subnet}}"),
                ),
                panel(
                    "How much of what nodes hold is used?",
                    "Held and unused addresses are missing elsewhere.",
                    ("sum(awscni_total_ip_addresses{@})", "held by nodes"),
                    ("sum(awscni_assigned_ip_addresses{@})", "used by pods"),
                    ("sum(addons_cni_cooling_addresses{@})", "resting after a pod"),
                    ("sum(awscni_ip_max{@})", "the most that the instances may hold"),
                ),
                panel(
                    "Why can a node not grow?",
                    "Nodes that can add no address, by reason.",
                    ("sum by (reason) (addons_cni_growth_blocked{@})", "{{reason}}"),
                ),
                panel(
                    "What is the scheduler told?",
                    "Addresses on each node; a pod that does not fit stays pending.",
                    ("max by (pod) (addons_cni_advertised_addresses{@})", "{{pod}}"),
                ),
                slowest(
                    "How long does a pod's network take?",
                    "Of an ADD, from the request of the runtime to the answer.",
                    "addons_cni_add_seconds",
                    "outcome",
                ),
                panel(
                    "Which requests of the runtime fail?",
                    "Per second, by command and code of the CNI specification.",
                    (
                        "sum by (command, code) (rate(addons_cni_refused_calls_total{@}[5m]))",
                        "{{command}}: {{code}}",
                    ),
                    unit="ops",
                ),
                panel(
                    "How many interfaces are attached?",
                    "Beside what the instances allow.",
                    ("sum(awscni_eni_allocated{@})", "attached"),
                    ("sum(awscni_eni_max{@})", "allowed"),
                ),
                panel(
                    "Was something left behind, or taken away by others?",
                    "In an hour: leaks that were cleaned up, addresses and interfaces of pods that vanished.",
                    ("sum by (what) (increase(addons_cni_leaks_recovered_total{@}[1h]))", "leak: {{what}}"),
                    ("sum(increase(awscni_force_removed_ips{@}[1h]))", "addresses taken away"),
                    ("sum(increase(awscni_force_removed_enis{@}[1h]))", "interfaces taken away"),
                ),
            ),
        ),
        UNDERNEATH,
    ),
)

IAMPROXY = Dashboard(
    "iamproxy",
    "addons_iamproxy_pods",
    (
        (
            "Now",
            (
                READY,
                DEGRADED,
                panel(
                    "Is the node's own role out of the pods' reach?",
                    "The redirect is to be at 1, pods past it at 0.",
                    ("min(addons_iamproxy_redirect_in_place{@})", "redirect in place"),
                    ("sum(addons_iamproxy_uncovered_pods{@})", "pods that reach the node's metadata"),
                ),
            ),
        ),
        (
            "Credentials",
            (
                panel(
                    "Who gets a role, and who does not?",
                    "Pods of all nodes by verdict.",
                    ("sum by (verdict) (addons_iamproxy_pods{@})", "{{verdict}}"),
                ),
                panel(
                    "What do pods ask for, and what is answered?",
                    "Requests per second.",
                    (
                        "sum by (route, status) (rate(addons_iamproxy_requests_total{@}[5m]))",
                        "{{route}} {{status}}",
                    ),
                    unit="reqps",
                ),
                panel(
                    "Why are pods refused?",
                    "Requests per second that got no credentials, by reason.",
                    (
                        'sum by (reason) (rate(addons_iamproxy_requests_total{@,reason!=""}[5m]))',
                        "{{reason}}",
                    ),
                    unit="reqps",
                ),
                panel(
                    "Does STS give credentials?",
                    "Fetches per second by outcome; away is 1 while STS does not answer.",
                    ("sum by (outcome) (rate(addons_iamproxy_fetches_total{@}[5m]))", "{{outcome}}"),
                    ("max(addons_iamproxy_sts_away{@})", "away"),
                ),
                panel(
                    "How long do credentials last, if STS stays away?",
                    "Until the first of them ends on each node; they are renewed with half an hour left.",
                    (
                        "min by (pod) (addons_iamproxy_credentials_end_timestamp_seconds{@}) - time()",
                        "{{pod}}",
                    ),
                    unit="s",
                ),
                slowest(
                    "How long do pods wait?",
                    "Only for what is not in memory.",
                    "addons_iamproxy_wait_seconds",
                ),
                panel(
                    "Is the redirect taken away?",
                    "Repairs in an hour: something else changes the rules of the node.",
                    ("sum by (pod) (increase(addons_iamproxy_redirect_repairs_total{@}[1h]))", "{{pod}}"),
                ),
                panel(
                    "Are there too many connections?",
                    "Open ones on each node.",
                    ("max by (pod) (addons_iamproxy_connections{@})", "{{pod}}"),
                ),
            ),
        ),
        ("Underneath", (CALLS, AWS_TIME, STALE, DECISIONS, LAG)),
    ),
)
