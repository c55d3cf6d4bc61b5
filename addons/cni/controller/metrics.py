"""What Prometheus scrapes: the original's names where the meaning is the same, so that dashboards go on."""

from collections.abc import Iterator

from prometheus_client import REGISTRY, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from addons.cni.plan.view import View
from addons.runtime.aws import CALL_SECONDS, CALLS

ENI_MAX = Gauge("awscni_eni_max", "Interfaces that the type of instance allows, or the settings.")
IP_MAX = Gauge("awscni_ip_max", "Addresses for pods that the type of instance allows.")
ENI_ALLOCATED = Gauge("awscni_eni_allocated", "Interfaces that are attached.")
TOTAL_ADDRESSES = Gauge("awscni_total_ip_addresses", "Addresses for pods that the node holds.")
ASSIGNED_ADDRESSES = Gauge("awscni_assigned_ip_addresses", "Addresses that pods have.")
ASSIGNED_PER_ENI = Gauge("awscni_assigned_ip_per_eni", "Addresses that pods have, by interface.", ["eni"])
TOTAL_PREFIXES = Gauge("awscni_total_ipv4_prefixes", "Prefixes that the node holds.")
FORCE_REMOVED_ENIS = Gauge("awscni_force_removed_enis", "Interfaces with pods that somebody else took away.")
FORCE_REMOVED_IPS = Gauge("awscni_force_removed_ips", "Addresses of pods that somebody else took away.")
COOLING_ADDRESSES = Gauge(
    "addons_cni_cooling_addresses", "Addresses that rest until another pod may have them."
)
WAITING_ADDS = Gauge("addons_cni_waiting_adds", "Pods that wait for an address.")
SUBNET_FREE = Gauge("addons_cni_subnet_free_addresses", "What EC2 says is free in a subnet.", ["subnet"])
ADVERTISED = Gauge("addons_cni_advertised_addresses", "Addresses that the scheduler is told of.")
GROWTH_BLOCKED = Gauge("addons_cni_growth_blocked", "1 while no address can be added, by reason.", ["reason"])
LEAKED = Counter("addons_cni_leaks_recovered_total", "What was left behind and is cleaned up.", ["what"])
for _what in ("address", "interface", "link"):
    LEAKED.labels(_what)  # so that the first one counts as an increase
ADD_SECONDS = Histogram(
    "addons_cni_add_seconds",
    "Time of an ADD, from the request to the answer.",
    ["outcome"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)

_COUNTED = {
    "add": ("awscni_add_ip_req_count", "Pods that asked for an address.", ()),
    "delete": ("awscni_del_ip_req_count", "Pods that gave their address back.", ("reason",)),
    "none": ("awscni_no_available_ip_addresses", "Times that a pod had to wait for an address.", ()),
    "reconcile": ("awscni_reconcile_count", "Comparisons with EC2, the kernel and metadata.", ("fn",)),
    "error": ("awscni_ipamd_error_count", "What failed.", ("fn",)),
}


class Counts(Collector):
    """Counters under the original's names. The library would put `_total` behind them."""

    def __init__(self) -> None:
        self._values: dict[str, dict[tuple[str, ...], int]] = {what: {} for what in _COUNTED}

    def add(self, what: str, *labels: str) -> None:
        """Count one; `what` is a key of the table above."""
        values = self._values[what]
        values[labels] = values.get(labels, 0) + 1

    def collect(self) -> Iterator[Metric]:
        """Give the counts as Prometheus reads them."""
        for what, (name, text, labels) in _COUNTED.items():
            family = GaugeMetricFamily(name, text, labels=labels)
            for values, count in self._values[what].items() or ((("",) * len(labels), 0),):
                family.add_metric(values, count)
            yield family
        yield from _calls_to_ec2()


def _calls_to_ec2() -> Iterator[Metric]:
    """The runtime's metrics of calls to AWS, once more as the original has them."""
    requests = GaugeMetricFamily("awscni_ec2api_req_count", "Calls to EC2.", labels=["fn"])
    errors = GaugeMetricFamily("awscni_ec2api_error_count", "Calls to EC2 that failed.", labels=["fn"])
    for operation, outcomes in _by_operation(CALLS, "_total").items():
        requests.add_metric([operation], sum(outcomes.values()))
        errors.add_metric([operation], sum(outcomes.values()) - outcomes.get("ok", 0))
    latency = SummaryMetricFamily("awscni_aws_api_latency_ms", "Time of a call to EC2.", labels=["api"])
    sums, counts = _by_operation(CALL_SECONDS, "_sum"), _by_operation(CALL_SECONDS, "_count")
    for operation, seconds in sums.items():
        latency.add_metric([operation], int(counts[operation][""]), seconds[""] * 1000)
    yield from (requests, errors, latency)


def _by_operation(metric: Counter | Histogram, ending: str) -> dict[str, dict[str, float]]:
    """The samples of EC2 whose names end so: operation -> outcome, if it has one -> value."""
    found: dict[str, dict[str, float]] = {}
    for family in metric.collect():
        for sample in family.samples:
            if sample.name.endswith(ending) and sample.labels["service"] == "ec2":
                by_outcome = found.setdefault(sample.labels["operation"], {})
                by_outcome[sample.labels.get("outcome", "")] = sample.value
    return found


def set_pool(view: View, waiting: int) -> None:
    """Have the gauges say what the pool is now."""
    stock, enis = view.stock, view.pod_enis
    ENI_MAX.set(view.eni_limit)
    IP_MAX.set(view.eni_limit * view.limits.slots_per_eni * view.unit)
    ENI_ALLOCATED.set(sum(eni.is_managed for eni in view.enis))
    TOTAL_ADDRESSES.set(stock.usable + stock.cooling + stock.quarantined)
    ASSIGNED_ADDRESSES.set(stock.assigned)
    COOLING_ADDRESSES.set(stock.cooling)
    TOTAL_PREFIXES.set(stock.prefixes)
    WAITING_ADDS.set(waiting)
    ASSIGNED_PER_ENI.clear()
    for eni in enis:
        ASSIGNED_PER_ENI.labels(eni.eni_id).set(len(eni.all_addresses() & view.addresses.assigned))
    SUBNET_FREE.clear()
    for subnet in view.subnets.values():
        SUBNET_FREE.labels(subnet.subnet_id).set(subnet.free)
    GROWTH_BLOCKED.clear()
    for rest in filter(lambda rest: rest.until > view.now, view.rests.values()):
        GROWTH_BLOCKED.labels(rest.reason).set(1)


COUNTS = Counts()
REGISTRY.register(COUNTS)
