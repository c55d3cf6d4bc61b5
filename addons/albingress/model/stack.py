"""What one ingress group asks for, whole: the desired side of a plan.

Everything carries whose wish it is. What cannot be used now is said by a state, never by leaving it out: what
is left out is no longer asked for and goes.
"""

from hashlib import sha256
from typing import Literal

from msgspec import Struct

from addons.albingress.model.groups import GroupId, Owner
from addons.albingress.model.rules import Action, RuleContent
from addons.runtime.outcomes import ObjectRef

Pairs = tuple[tuple[str, str], ...]
"""Keys with values, sorted: tags, attributes, labels."""

RuleState = Literal["ok", "placeholder", "keep", "absent"]
"""`ok`: as asked for. `placeholder`: its place is held by a fixed 503. `keep`: what AWS has of it stays as it
is, and `content`, if any, is used only where AWS has nothing of it. `absent`: it is not made, nor kept."""


class RuleKey(Struct, frozen=True, order=True):
    """Which wish of which Ingress a rule stands for, over all changes of what it says.

    `ingress` is `namespace/name`; `backend` is `service:port` as written, so that `resource` is the resource
    tag of the target group that a plain rule leads to. `part` counts the rules into which one path was split,
    `nth` paths of one Ingress that are equal.
    """

    ingress: str
    host: str
    path: str
    path_type: str
    backend: str = ""
    nth: int = 0
    part: int = 0

    @property
    def digest(self) -> str:
        """The key as the tag of a rule has it: 32 hexadecimal digits."""
        parts = (self.ingress, self.host, self.path, self.path_type, self.backend, self.nth, self.part)
        return sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]

    @property
    def resource(self) -> str:
        """The resource tag of the target group of its backend."""
        return f"{self.ingress}-{self.backend}"


class DesiredRule(Struct, frozen=True, kw_only=True):
    """A rule, in the order of its listener's list. `content` is None only where the state needs none.

    `secret` is that of its OIDC client, never logged or shown; `secret_digest` changes when it does.
    """

    key: RuleKey
    owner: Owner
    content: RuleContent | None
    state: RuleState = "ok"
    because: str = ""
    secret: str = ""
    secret_digest: str = ""

    def __repr__(self) -> str:
        return f"DesiredRule({self.key!r}, state={self.state!r}, content={self.content!r})"


class DesiredListener(Struct, frozen=True, kw_only=True):
    """A port. `certificates`: the default one first. None of them on HTTPS: those that AWS has stay.
    `certificate_owners` says who asks for each.

    `state` `keep` leaves port, certificates and policy as AWS has them (nothing is made where it has none).
    `default_secret` belongs to `default_actions`. `attributes` are only those that are asked for. `sends_to`
    is the HTTPS port of the group to which everybody is sent, 0 where requests are answered here.
    """

    port: int
    protocol: Literal["HTTP", "HTTPS"]
    owner: Owner
    default_actions: tuple[Action, ...]
    rules: tuple[DesiredRule, ...] = ()
    certificates: tuple[str, ...] = ()
    certificate_owners: tuple[Owner, ...] = ()
    ssl_policy: str = ""
    mutual_authentication: Pairs = ()
    attributes: Pairs = ()
    tags: Pairs = ()
    state: Literal["ok", "keep"] = "ok"
    because: str = ""
    default_secret: str = ""
    default_secret_digest: str = ""
    sends_to: int = 0

    def __repr__(self) -> str:
        return f"DesiredListener({self.protocol} {self.port}, {self.default_actions!r}, {self.rules!r})"


class HealthCheck(Struct, frozen=True, kw_only=True):
    """How AWS asks a target whether it is well; times in seconds. `port` is "traffic-port" or a number."""

    protocol: str
    path: str
    matcher: str
    port: str = "traffic-port"
    interval: int = 15
    timeout: int = 5
    healthy: int = 2
    unhealthy: int = 2


class ServicePort(Struct, frozen=True, order=True):
    """A port of a Service as an Ingress writes it: by number or by name."""

    namespace: str
    service: str
    port: str


class DesiredTargetGroup(Struct, frozen=True, kw_only=True):
    """A target group of ours. `resource` is its resource tag; `target_type` ip or instance.

    A change of name means another target group: the name is made of all that cannot be changed in place.
    `node_selector` chooses nodes of instance targets. One that `is_standing` is as AWS has it and goes when
    its successor has taken over.
    """

    name: str
    resource: str
    owner: Owner
    backend: ServicePort
    protocol: Literal["HTTP", "HTTPS"]
    version: Literal["HTTP1", "HTTP2", "GRPC"]
    port: int
    target_type: Literal["ip", "instance"]
    ip_address_type: Literal["ipv4", "ipv6"]
    health: HealthCheck
    attributes: Pairs = ()
    tags: Pairs = ()
    node_selector: str = ""
    is_standing: bool = False


class Permission(Struct, frozen=True, order=True):
    """Who may reach a port of a load balancer, or ports from `port` to `to_port`: a network, a prefix list or
    a security group (one of the three)."""

    port: int
    to_port: int
    cidr: str = ""
    prefix_list: str = ""
    security_group: str = ""
    protocol: str = "tcp"
    description: str = ""


class DesiredSecurityGroup(Struct, frozen=True, kw_only=True):
    """The security group of a load balancer that we manage.

    Sources of `kept_ports` stay as AWS has them: what was asked for could not be read.
    """

    name: str
    description: str
    permissions: tuple[Permission, ...]
    kept_ports: tuple[int, ...] = ()
    tags: Pairs = ()


class DesiredLoadBalancer(Struct, frozen=True, kw_only=True):
    """The load balancer. `security_groups`: ids; the managed one comes in front of them where there is one.

    Empty `subnets` leave those that AWS has. `attributes` are only those that are asked for.
    `uses_backend_group` attaches the cluster's shared group. `waf_acl`: ARN, "none" to detach, "" to leave.
    """

    name: str
    owner: Owner
    scheme: Literal["internal", "internet-facing"]
    ip_address_type: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...] = ()
    uses_backend_group: bool = False
    attributes: Pairs = ()
    tags: Pairs = ()
    waf_acl: str = ""


class Stack(Struct, frozen=True, kw_only=True):
    """All that a group asks for; without a load balancer nothing is asked for and what is there goes.

    `held` says in words why nothing may be changed at all, e.g. a strict group with a problem. `members` are
    its Ingresses in their order, those that are leaving not among them.
    """

    group: GroupId
    load_balancer: DesiredLoadBalancer | None = None
    security_group: DesiredSecurityGroup | None = None
    listeners: tuple[DesiredListener, ...] = ()
    target_groups: tuple[DesiredTargetGroup, ...] = ()
    members: tuple[ObjectRef, ...] = ()
    held: str = ""
