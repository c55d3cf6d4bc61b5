"""What the Grafana dashboards of the charts ask Prometheus: a question is a panel, and what answers it.

`@` in an expression stands for the labels that pick one release: the cluster (where several report to one
Prometheus), the namespace and the Service of the chart.
"""

from collections.abc import Sequence
from dataclasses import dataclass

RELEASE = 'cluster=~"$cluster",namespace="$namespace",service="$service"'


@dataclass(frozen=True)
class Query:
    """An expression, and what its series are called."""

    expression: str
    legend: str

    @property
    def text(self) -> str:
        """PromQL, with the variables of Grafana."""
        return self.expression.replace("@", RELEASE)


@dataclass(frozen=True)
class Panel:
    """A question with its answer, `unit` as Grafana calls it; `look` says what the answer means."""

    question: str
    look: str
    queries: Sequence[Query]
    unit: str = "short"


@dataclass(frozen=True)
class Dashboard:
    """What is asked about one daemon; `known_by` is a metric that no other daemon has."""

    daemon: str
    known_by: str
    rows: Sequence[tuple[str, Sequence[Panel]]]


def panel(question: str, look: str, *queries: tuple[str, str], unit: str = "short") -> Panel:
    """A panel from pairs of expression and legend."""
    return Panel(question, look, [Query(*each) for each in queries], unit)


def slowest(question: str, look: str, metric: str, by: str = "") -> Panel:
    """What nineteen of twenty times are below, of a histogram."""
    labels = f"le, {by}" if by else "le"
    legend = f"95 % {{{{{by}}}}}" if by else "95 %"
    rate = f"histogram_quantile(0.95, sum by ({labels}) (rate({metric}_bucket{{@}}[5m])))"
    return panel(question, look, (rate, legend), unit="s")


READY = panel(
    "Is it ready?",
    "0 is not ready: the page of the pod, and `addons status`, say why.",
    ("min by (pod) (addons_ready{@})", "{{pod}}"),
)
DEGRADED = panel(
    "What keeps it from its work?",
    "A line for each thing of AWS or Kubernetes in the way; the Events of the pod have the message.",
    ("max by (side, about, reason) (addons_degraded{@})", "{{side}}: {{reason}} ({{about}})"),
)
LEADER = panel(
    "Who leads?",
    "One pod is to be at 1. With none nothing is changed in AWS.",
    ("max by (pod) (addons_kube_leader_is_leader{@})", "{{pod}}"),
)
STALE = panel(
    "How old is what it knows of the cluster?",
    "Seconds since the API server was last heard, by resource. It acts on nothing that is minutes old.",
    ("max by (resource) (addons_kube_reflector_staleness_seconds{@})", "{{resource}}"),
    unit="s",
)
CALLS = panel(
    "What does it ask of AWS, and what is answered?",
    "Calls per second. Throttled ones slow it down; denied ones are missing rights.",
    (
        "sum by (service, operation, outcome) (rate(addons_aws_calls_total{@}[5m]))",
        "{{service}} {{operation}}: {{outcome}}",
    ),
    unit="ops",
)
AWS_TIME = slowest("How fast does AWS answer?", "By operation.", "addons_aws_call_seconds", "operation")
DECISIONS = panel(
    "What does it decide, and why?",
    "Decisions per second by reason, to act and not to act; the documents explain each.",
    ("sum by (action, reason) (rate(addons_decisions_total{@}[5m]))", "{{action}}: {{reason}}"),
    unit="ops",
)
FAILING = panel(
    "What fails again and again?",
    "Keys (zones, groups, the node) whose latest pass failed.",
    ("max by (loop) (addons_reconcile_failing_keys{@})", "{{loop}}"),
)
QUEUE = panel(
    "Does it keep up?",
    "For how long the oldest work has waited for a worker.",
    ("max by (queue) (addons_queue_age_seconds{@})", "{{queue}}"),
    unit="s",
)
LAG = panel(
    "Is its process held up?",
    "How late its event loop wakes up; above a second it lacks CPU.",
    ("max by (pod) (addons_event_loop_lag_seconds{@})", "{{pod}}"),
    unit="s",
)
UNDERNEATH = ("Underneath", (CALLS, AWS_TIME, STALE, DECISIONS, FAILING, QUEUE, LAG))
