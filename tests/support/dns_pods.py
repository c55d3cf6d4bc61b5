"""Pods in the words of the dns tests, and the slices that list them."""

from datetime import UTC, datetime

from addons.dns.model.objects import (
    EndpointConditions,
    EndpointSlice,
    Pod,
    PodIp,
    PodSpec,
    PodStatus,
    SliceEndpoint,
    TargetReference,
)
from addons.runtime.objects import Condition, ObjectMeta, OwnerReference

PREFIX = "external-dns.kubernetes.io/"
LATER = datetime(2026, 5, 5, tzinfo=UTC)


def pod(
    name: str,
    *addresses: str,
    phase: str = "Running",
    ready: bool = True,
    leaving: bool = False,
    created: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    hostname: str = "",
    subdomain: str = "db",
    host_ip: str = "",
    owner: str = "StatefulSet",
    annotations: dict[str, str] | None = None,
) -> Pod:
    """A pod in the namespace web, by default a ready one of a StatefulSet; its uid is made of its name."""
    return Pod(
        metadata=ObjectMeta(
            name=name,
            namespace="web",
            uid=f"{name}-uid-0000",
            annotations=annotations or {},
            creation_timestamp=created,
            deletion_timestamp=LATER if leaving else None,
            owner_references=(OwnerReference(kind=owner, controller=True),),
        ),
        spec=PodSpec(hostname=hostname, subdomain=subdomain, node_name="node-a"),
        status=PodStatus(
            phase=phase,
            pod_ip=addresses[0] if addresses else "",
            pod_ips=tuple(map(PodIp, addresses)),
            host_ip=host_ip,
            conditions=(Condition(type="Ready", status="True" if ready else "False"),),
        ),
    )


def slices(*pods: Pod, with_not_ready: bool = False, zone: str = "eu-1a") -> list[EndpointSlice]:
    """What the endpoint slice controller makes of these pods: a slice for each family."""
    families = {"IPv4": ".", "IPv6": ":"}
    return [
        EndpointSlice(
            metadata=ObjectMeta(name=family.lower()),
            address_type=family,
            endpoints=tuple(
                _endpoint(found, ip.ip, with_not_ready, zone)
                for found in pods
                for ip in found.status.pod_ips
                if mark in ip.ip
            ),
        )
        for family, mark in families.items()
    ]


def _endpoint(found: Pod, address: str, with_not_ready: bool, zone: str) -> SliceEndpoint:
    metadata = found.metadata
    is_leaving = metadata.deletion_timestamp is not None
    is_ready = found.status.conditions[0].status == "True"
    return SliceEndpoint(
        addresses=(address,),
        conditions=EndpointConditions(
            ready=with_not_ready or (is_ready and not is_leaving), serving=is_ready, terminating=is_leaving
        ),
        hostname=found.spec.hostname,
        node_name=found.spec.node_name,
        zone=zone,
        target_ref=TargetReference(kind="Pod", name=metadata.name, uid=metadata.uid),
    )
