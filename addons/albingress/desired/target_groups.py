"""Target groups: what an Ingress and its Service ask for, for one port of the Service. Pure."""

import re
from typing import Final, Literal, cast

from addons.albingress import names
from addons.albingress.desired import annotations, class_params
from addons.albingress.desired.inputs import GroupInputs, Member
from addons.albingress.desired.not_usable import NotUsable, usable
from addons.albingress.model.naming import TargetGroupIdentity, target_group_name
from addons.albingress.model.objects import NumberOrName, Service, ServicePort
from addons.albingress.model.stack import DesiredTargetGroup, HealthCheck
from addons.albingress.model.stack import ServicePort as BackendPort

TRAFFIC_PORT: Final = "traffic-port"

TargetType = Literal["ip", "instance"]
ProtocolVersion = Literal["HTTP1", "HTTP2", "GRPC"]
Protocol = Literal["HTTP", "HTTPS"]

_GRPC_PATH: Final = "/AWS.ALB/healthcheck"


def desired_target_group(
    member: Member, service: Service, port: NumberOrName, inputs: GroupInputs, *, is_dual_stack: bool
) -> DesiredTargetGroup:
    """The target group of one port of a Service, without its tags. Raises NotUsable.

    Settings of the Service win over those of the Ingress, and the target type of the class over both.
    """
    target_type = _target_type(member, service, inputs.config.default_target_type)
    both = (service, member.ingress)
    protocol = cast(Protocol, usable(annotations.BACKEND_PROTOCOL.asked_by(*both), "HTTP"))
    version = cast(ProtocolVersion, usable(annotations.BACKEND_PROTOCOL_VERSION.asked_by(*both), "HTTP1"))
    found = service_port(service, port)
    number = _port_number(service, found, target_type)
    resource = f"{member.name}-{service.metadata.name}:{port}"
    identity = TargetGroupIdentity(
        ingress_namespace=member.key[0],
        ingress=member.key[1],
        service_namespace=service.metadata.namespace,
        service=service.metadata.name,
        service_uid=service.metadata.uid,
        written_port=str(port),
        port=number,
        target_type=target_type,
        protocol=protocol,
        version=version,
    )
    return DesiredTargetGroup(
        name=target_group_name(inputs.config.cluster_name, inputs.group, identity),
        resource=resource,
        owner=member.owner,
        backend=BackendPort(service.metadata.namespace, service.metadata.name, str(port)),
        protocol=protocol,
        version=version,
        port=number,
        target_type=target_type,
        ip_address_type=_ip_address_type(service, is_dual_stack=is_dual_stack),
        health=_health_check(member, service, protocol, version, target_type),
        attributes=usable(annotations.TARGET_GROUP_ATTRIBUTES.asked_by(*both), ()),
        node_selector=_node_selector(member, service) if target_type == "instance" else "",
    )


def service_port(service: Service, port: NumberOrName) -> ServicePort:
    """The port of a Service by number or name; raises NotUsable."""
    if service.spec.type == "ExternalName":
        raise NotUsable(
            f"{_named(service)} is an ExternalName, which has no endpoints; name a Service without selector,"
            " whose EndpointSlice has the addresses",
            shown="its Service has no endpoints",
            reason=names.BROKEN_BACKEND,
        )
    for each in service.spec.ports:
        if port == each.port if isinstance(port, int) else port == each.name:
            return each
    there = ", ".join(
        f"{each.port} ({each.name})" if each.name else f"{each.port}" for each in service.spec.ports
    )
    raise NotUsable(
        f"{_named(service)} has no port {port}; it has {there or 'none'}",
        shown="its Service has no such port",
        reason=names.BROKEN_BACKEND,
    )


def _target_type(member: Member, service: Service, default: TargetType) -> TargetType:
    otherwise = annotations.TARGET_TYPE.asked_by(service, member.ingress)
    asked = usable(class_params.TARGET_TYPE.asked_by(member.params), "") or usable(otherwise, default)
    return cast(TargetType, asked)


def _port_number(service: Service, port: ServicePort, target_type: TargetType) -> int:
    """The port of the target group: it names it, and targets come with ports of their own.

    A port that pods give a name has no number of its own; 1 stands for it, as with the original.
    """
    if target_type == "ip":
        return 1 if isinstance(port.target_port, str) else port.target_port or port.port
    if service.spec.type not in ("NodePort", "LoadBalancer") or not port.node_port:
        raise NotUsable(
            f"{_named(service)} of type {service.spec.type} has no node port for {port.port}, which"
            " target-type instance needs; make it a NodePort, or set target-type: ip",
            shown="its Service has no node port",
            reason=names.BROKEN_BACKEND,
        )
    return port.node_port


def _ip_address_type(service: Service, *, is_dual_stack: bool) -> Literal["ipv4", "ipv6"]:
    if "IPv6" not in service.spec.ip_families:
        return "ipv4"
    if not is_dual_stack:
        raise NotUsable(
            f"{_named(service)} has IPv6 addresses, and the load balancer is not dualstack;"
            " set ip-address-type: dualstack, or ipFamilies of the Service to IPv4",
            shown="its Service has IPv6 addresses",
            reason=names.BROKEN_BACKEND,
        )
    return "ipv6"


def _health_check(
    member: Member, service: Service, protocol: Protocol, version: ProtocolVersion, target_type: TargetType
) -> HealthCheck:
    both = (service, member.ingress)
    is_grpc = version == "GRPC"
    health = HealthCheck(
        protocol=usable(annotations.HEALTHCHECK_PROTOCOL.asked_by(*both), protocol),
        path=usable(annotations.HEALTHCHECK_PATH.asked_by(*both), _GRPC_PATH if is_grpc else "/"),
        matcher=usable(annotations.SUCCESS_CODES.asked_by(*both), "12" if is_grpc else "200"),
        port=_health_port(member, service, target_type),
        interval=usable(annotations.HEALTHCHECK_INTERVAL.asked_by(*both), 15),
        timeout=usable(annotations.HEALTHCHECK_TIMEOUT.asked_by(*both), 5),
        healthy=usable(annotations.HEALTHY_THRESHOLD.asked_by(*both), 2),
        unhealthy=usable(annotations.UNHEALTHY_THRESHOLD.asked_by(*both), 2),
    )
    if health.timeout > health.interval:
        raise NotUsable(
            f"health check of {_named(service)}: timeout of {health.timeout} s is longer than the interval of"
            f" {health.interval} s; set {names.HEALTHCHECK_TIMEOUT} to less",
            reason=names.INVALID_ANNOTATION,
        )
    return health


def _health_port(member: Member, service: Service, target_type: TargetType) -> str:
    written = usable(annotations.HEALTHCHECK_PORT.asked_by(service, member.ingress), TRAFFIC_PORT)
    if written == TRAFFIC_PORT or re.fullmatch(r"[0-9]+", written):
        return written
    port = service_port(service, written)
    if target_type == "instance":
        return str(_port_number(service, port, target_type))
    if isinstance(port.target_port, str):
        raise NotUsable(
            f"{names.HEALTHCHECK_PORT} {written}: pods may have it at different numbers; give a number",
            reason=names.INVALID_ANNOTATION,
        )
    return str(port.target_port or port.port)


def _node_selector(member: Member, service: Service) -> str:
    labels = usable(annotations.TARGET_NODE_LABELS.asked_by(service, member.ingress), ())
    return ",".join(f"{key}={value}" for key, value in labels)


def _named(service: Service) -> str:
    return f"service {service.metadata.namespace}/{service.metadata.name}"
