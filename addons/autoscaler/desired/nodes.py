"""Nodes as the simulation sees them: made once when a node changes."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from addons.autoscaler import names
from addons.autoscaler.desired.quantities import amount
from addons.autoscaler.desired.taints import TaintRules
from addons.autoscaler.model import objects
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.pod_parts import Quantity, TimedCondition
from addons.autoscaler.model.pods import Taint

_SILENT = "Unknown"


def node_of(obj: objects.Node, csi: objects.CSINode | None, rules: TaintRules) -> Node:
    """The node. One with an amount that cannot be read has none of it, and is not removed."""
    meta, spec, status = obj.metadata, obj.spec, obj.status
    taints = tuple(Taint(each.key, each.value, each.effect) for each in spec.taints)
    ready = next((each for each in status.conditions if each.type == "Ready"), None)
    allocatable, is_whole = _amounts(status.allocatable or status.capacity)
    waits = rules.waits_for(taints)
    return Node(
        name=meta.name,
        uid=meta.uid,
        instance=_instance(spec.provider_id),
        zone=_zone(meta.labels, spec.provider_id),
        labels=dict(meta.labels),
        taints=taints,
        allocatable=allocatable,
        capacity=_amounts(status.capacity)[0],
        created=_seconds(meta.creation_timestamp),
        not_ready_why=_not_ready_why(ready),
        ready_changed=_seconds(ready.last_transition_time) if ready else 0.0,
        starting_why=f"it still has the taint {waits}" if waits else "",
        is_unschedulable=spec.unschedulable,
        volume_limits=_volume_limits(csi),
        scale_down_disabled=meta.annotations.get(names.SCALE_DOWN_DISABLED) == "true" or not is_whole,
        delays_deletion=any(key.startswith(names.DELAY_DELETION) for key in meta.annotations),
        to_be_deleted_since=_since(taints, names.TO_BE_DELETED, unreadable=0.0),
        candidate_since=_since(taints, names.DELETION_CANDIDATE, unreadable=None),
        drain=meta.annotations.get(names.DRAIN, ""),
    )


def _amounts(quantities: Mapping[str, Quantity]) -> tuple[dict[str, int], bool]:
    """What can be read, and whether that is all."""
    read: dict[str, int] = {}
    is_whole = True
    for resource, quantity in quantities.items():
        try:
            read[resource] = amount(resource, quantity)
        except ValueError:
            is_whole = False
    return {resource: number for resource, number in read.items() if number}, is_whole


def _instance(provider_id: str) -> str:
    """The id of the EC2 instance, as in aws:///eu-central-1a/i-0abc; "" for another machine."""
    last = provider_id.rpartition("/")[2]
    return last if last.startswith("i-") else ""


def _zone(labels: Mapping[str, str], provider_id: str) -> str:
    told = labels.get(names.ZONE) or labels.get(names.OLD_ZONE)
    if told or not provider_id.startswith("aws:///"):
        return told or ""
    zone, slash, _ = provider_id.removeprefix("aws:///").partition("/")
    return zone if slash else ""


def _not_ready_why(ready: TimedCondition | None) -> str:
    if ready is None:
        return "its kubelet has told nothing yet"
    if ready.status == "True":
        return ""
    told = ": ".join(each for each in (ready.reason, ready.message) if each)
    if ready.status == _SILENT:
        return f"its kubelet is silent{told and f' ({told})'}"
    return told or "its kubelet says so"


def _volume_limits(csi: objects.CSINode | None) -> dict[str, int]:
    found = {}
    for driver in csi.spec.drivers if csi is not None else ():
        if driver.allocatable is not None and driver.allocatable.count is not None:
            found[driver.name] = driver.allocatable.count
    return found


def _since(taints: Iterable[Taint], key: str, *, unreadable: float | None) -> float | None:
    """The time that is the value of a taint, in Unix seconds; None without the taint."""
    for taint in taints:
        if taint.key == key:
            return float(taint.value) if taint.value.isdecimal() else unreadable
    return None


def _seconds(moment: datetime | None) -> float:
    return 0.0 if moment is None else moment.timestamp()
