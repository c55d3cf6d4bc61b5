"""What other daemons and people are told: who holds which address."""

from collections.abc import Mapping
from ipaddress import IPv4Address

from msgspec import Struct

from addons.cni.model.assignments import Assignment
from addons.cni.store.allocations import Allocations
from addons.runtime.clock import rfc3339


class AssignmentRow(Struct, frozen=True, rename="camel"):
    """One row of `GET /v1/assignments`, which iamproxy reads."""

    ip: str
    container_id: str
    if_name: str
    pod_namespace: str
    pod_name: str
    pod_uid: str
    eni_id: str
    since: str


class AssignmentsView:
    """Answers `GET /v1/assignments`, all or by `?ip=`."""

    def __init__(self, allocations: Allocations) -> None:
        self._allocations = allocations

    def __call__(self, query: Mapping[str, str]) -> list[AssignmentRow]:
        """Give the rows; none for an address that nobody holds. Raises ValueError for what is no address."""
        if (text := query.get("ip")) is None:
            return [_row(each) for each in self._allocations.by_key.values()]
        found = self._allocations.by_ip.get(IPv4Address(text))
        return [_row(found)] if found else []


def _row(held: Assignment) -> AssignmentRow:
    return AssignmentRow(
        ip=str(held.ip),
        container_id=held.key.container_id,
        if_name=held.key.if_name,
        pod_namespace=held.pod.namespace,
        pod_name=held.pod.name,
        pod_uid=held.pod.uid,
        eni_id=held.eni_id,
        since=rfc3339(held.since),
    )
