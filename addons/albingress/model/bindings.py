"""TargetGroupBinding: a Service's endpoints as targets of a target group that somebody else made."""

from collections.abc import Mapping
from typing import ClassVar

from msgspec import field

from addons.albingress.model.objects import TARGET_GROUP_BINDINGS, FinalizedMeta, NumberOrName
from addons.runtime.objects import KubeObject, Part, Resource


class ServiceReference(Part, frozen=True):
    """A Service of the binding's namespace with a port."""

    name: str = ""
    port: NumberOrName = 0


class IpBlock(Part, frozen=True):
    """A network that traffic comes from."""

    cidr: str = ""


class PeerGroup(Part, frozen=True):
    """A security group that traffic comes from."""

    group_id: str = field(default="", name="groupID")


class NetworkingPeer(Part, frozen=True):
    """Who may reach the targets: one of the two."""

    ip_block: IpBlock | None = None
    security_group: PeerGroup | None = None


class NetworkingPort(Part, frozen=True):
    """A port that is opened, by number or name; all ports where it is None."""

    protocol: str = "TCP"
    port: NumberOrName | None = None


class NetworkingRule(Part, frozen=True):
    """Peers with the ports that they may reach; without ports, all."""

    from_: tuple[NetworkingPeer, ...] = field(default=(), name="from")
    ports: tuple[NetworkingPort, ...] = ()


class BindingNetworking(Part, frozen=True):
    """Which rules security groups of nodes and pods are to have."""

    ingress: tuple[NetworkingRule, ...] = ()


class LabelRequirement(Part, frozen=True):
    """One expression of a label selector; `operator` is In, NotIn, Exists or DoesNotExist."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


class LabelSelector(Part, frozen=True):
    """Which nodes, by their labels."""

    match_labels: Mapping[str, str] = {}
    match_expressions: tuple[LabelRequirement, ...] = ()


class BindingSpec(Part, frozen=True):
    """Which Service fills which target group, named by ARN or by name."""

    target_group_arn: str = field(default="", name="targetGroupARN")
    target_group_name: str = ""
    target_type: str = ""
    service_ref: ServiceReference = ServiceReference()
    networking: BindingNetworking | None = None
    node_selector: LabelSelector | None = None
    ip_address_type: str = ""
    vpc_id: str = field(default="", name="vpcID")
    multi_cluster_target_group: bool = False
    iam_role_arn_to_assume: str = ""


class BindingStatus(Part, frozen=True):
    """Which version of the binding was last brought about."""

    observed_generation: int = 0


class TargetGroupBinding(KubeObject, frozen=True):
    """A Service whose endpoints are kept registered in a target group."""

    resource: ClassVar[Resource] = TARGET_GROUP_BINDINGS
    metadata: FinalizedMeta = FinalizedMeta()
    spec: BindingSpec = BindingSpec()
    status: BindingStatus = BindingStatus()
