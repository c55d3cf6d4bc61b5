"""What a user's TargetGroupBinding asks for, with the defaults that a webhook would have filled. Pure."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Final

from addons.albingress import names
from addons.albingress.desired.inputs import owner_of
from addons.albingress.model.bindings import (
    BindingNetworking,
    LabelRequirement,
    LabelSelector,
    NetworkingPeer,
    NetworkingPort,
    TargetGroupBinding,
)
from addons.albingress.model.elb import TargetGroup
from addons.albingress.model.stack import ServicePort
from addons.albingress.model.targets import Access, AccessPort, Binding
from addons.runtime.objects import ref
from addons.runtime.outcomes import Problem
from addons.runtime.selectors import parse_selector

_STACK_LABELS: Final = names.TAG_STACK
"""What the labels of bindings begin with that the original made for its own target groups."""

_ALL_PORTS: Final = (AccessPort(""),)


class Unusable(ValueError):
    """A binding cannot be used as it is; the message says why, and how to mend it."""


def is_users(binding: TargetGroupBinding) -> bool:
    """Whether somebody wrote the binding: those of the original for an Ingress are none of ours to fill."""
    return not any(label.startswith(_STACK_LABELS) for label in binding.metadata.labels)


def named_group(binding: TargetGroupBinding) -> str:
    """The target group that is meant, by ARN or by name; empty where none is named."""
    return binding.spec.target_group_arn or binding.spec.target_group_name


def desired_binding(binding: TargetGroupBinding, group: TargetGroup | None) -> Binding | Problem:
    """Which Service fills which target group; `group` is what AWS has under its name or ARN.

    Type and address family are those of the target group where the binding does not say them.
    """
    try:
        return _binding(binding, group)
    except Unusable as error:
        return Problem(ref(binding), names.BROKEN_BINDING, str(error))


def _binding(binding: TargetGroupBinding, group: TargetGroup | None) -> Binding:
    spec, meta = binding.spec, binding.metadata
    if not named_group(binding):
        raise Unusable("names no target group: set spec.targetGroupARN or spec.targetGroupName")
    if not spec.service_ref.name or not spec.service_ref.port:
        raise Unusable("names no port of a Service: set spec.serviceRef.name and spec.serviceRef.port")
    if spec.iam_role_arn_to_assume:
        raise Unusable("spec.iamRoleArnToAssume: target groups of other accounts cannot be filled")
    if group is None:
        raise Unusable(f"target group {named_group(binding)} does not exist")
    if group.target_type not in ("ip", "instance"):
        raise Unusable(f"target group {group.name} has targets of type {group.target_type}: no pods or nodes")
    if spec.target_type and spec.target_type != group.target_type:
        wrong = f"{spec.target_type}: target group {group.name} has targets of type {group.target_type}"
        raise Unusable(f"spec.targetType is {wrong}")
    return Binding(
        namespace=meta.namespace,
        name=meta.name,
        group=group.arn,
        backend=ServicePort(meta.namespace, spec.service_ref.name, str(spec.service_ref.port)),
        target_type="ip" if group.target_type == "ip" else "instance",
        owner=owner_of(binding),
        node_selector=_selector(spec.node_selector) if spec.node_selector else "",
        ip_address_type="ipv6" if group.ip_address_type == "ipv6" else "ipv4",
        shared=spec.multi_cluster_target_group,
        is_users=True,
        access=tuple(_access(spec.networking)) if spec.networking else (),
    )


def _selector(selector: LabelSelector) -> str:
    """A label selector as text."""
    equal = [f"{label}={text}" for label, text in sorted(selector.match_labels.items())]
    written = ",".join((*equal, *map(_term, selector.match_expressions)))
    try:
        parse_selector(written)
    except ValueError as error:
        raise Unusable(f"spec.nodeSelector: {error}") from None
    return written


def _term(term: LabelRequirement) -> str:
    terms = {
        "In": f"{term.key} in ({','.join(term.values)})",
        "NotIn": f"{term.key} notin ({','.join(term.values)})",
        "Exists": term.key,
        "DoesNotExist": f"!{term.key}",
    }
    if term.operator not in terms:
        raise Unusable(f"spec.nodeSelector: operator {term.operator!r} is none of {', '.join(terms)}")
    return terms[term.operator]


def _access(networking: BindingNetworking) -> Iterator[Access]:
    """Who may reach the targets. A rule without ports opens all of them, as its documentation says."""
    for rule in networking.ingress:
        sources = tuple(sorted(map(_source, rule.from_)))
        if sources:
            yield Access(sources, tuple(sorted(map(_port, rule.ports))) or _ALL_PORTS)


def _source(peer: NetworkingPeer) -> str:
    if peer.security_group and peer.security_group.group_id:
        return peer.security_group.group_id
    cidr = peer.ip_block.cidr if peer.ip_block else ""
    try:
        return str(ip_network(cidr, strict=False))
    except ValueError:
        raise Unusable(f"spec.networking: {cidr!r} is neither a network nor a security group") from None


def _port(port: NetworkingPort) -> AccessPort:
    protocol = port.protocol.upper() or "TCP"
    if protocol not in ("TCP", "UDP"):
        raise Unusable(f"spec.networking: protocol {port.protocol!r} is neither TCP nor UDP")
    written = "" if port.port in (None, "", 0) else str(port.port)
    return AccessPort(written, "tcp" if protocol == "TCP" else "udp")
