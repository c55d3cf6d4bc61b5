"""The names of what is made in AWS, byte for byte as the original makes them: either finds the other's.

A name ends in ten hex digits of the SHA-256 of all that must not change behind it, written one after the
other without anything between. What a human may read of it is cut to letters and digits.
"""

import re
from collections.abc import Iterable
from hashlib import sha256

from msgspec import Struct

from addons.albingress.model.groups import GroupId

_NOT_ALPHANUMERIC = re.compile(r"[^0-9A-Za-z]")
_HASH = 10


class TargetGroupIdentity(Struct, frozen=True, kw_only=True):
    """All of a target group that cannot be changed once it is made.

    `written_port` is the port of the Service as the Ingress has it, by number or name; `port` that of the
    target group. `control_port` is empty but for target control.
    """

    ingress_namespace: str
    ingress: str
    service_namespace: str
    service: str
    service_uid: str
    written_port: str
    port: int
    target_type: str
    protocol: str
    version: str
    control_port: str = ""


def load_balancer_name(cluster: str, group: GroupId, scheme: str) -> str:
    """What the load balancer of a group is called where nobody says it."""
    return _of_group(group, (cluster, str(group), scheme))


def security_group_name(cluster: str, group: GroupId) -> str:
    """What the security group of a group's load balancer is called."""
    return _of_group(group, (cluster, str(group)))


def target_group_name(cluster: str, group: GroupId, one: TargetGroupIdentity) -> str:
    """What the target group of a Service's port is called."""
    parts = (
        cluster,
        str(group),
        one.ingress_namespace,
        one.ingress,
        one.service_uid,
        one.written_port,
        str(one.port),
        one.target_type,
        one.protocol,
        one.version,
        one.control_port,
    )
    return f"k8s-{_plain(one.service_namespace, 8)}-{_plain(one.service, 8)}-{_hash(parts)}"


def backend_group_name(cluster: str) -> str:
    """What the security group is called that all load balancers of the cluster share."""
    return f"k8s-traffic-{_plain(cluster, 232)}-{_hash((cluster,))}"


def _of_group(group: GroupId, parts: Iterable[str]) -> str:
    if group.is_explicit:
        return f"k8s-{_plain(group.name, 17)}-{_hash(parts)}"
    return f"k8s-{_plain(group.namespace, 8)}-{_plain(group.name, 8)}-{_hash(parts)}"


def _plain(text: str, length: int) -> str:
    return _NOT_ALPHANUMERIC.sub("", text)[:length]


def _hash(parts: Iterable[str]) -> str:
    return sha256("".join(parts).encode()).hexdigest()[:_HASH]
