"""What AWS has, as far as it is ours: the observed side of a plan."""

from msgspec import Struct

from addons.albingress.model.groups import GroupId
from addons.albingress.model.rules import Action, RuleContent
from addons.albingress.model.stack import HealthCheck, Pairs, Permission


class Rule(Struct, frozen=True, kw_only=True):
    """A rule of a listener, the default one not among them. Target groups of ours are named by their names.

    One that is not `is_readable` says more than `content` can: it is kept or deleted, never changed.
    """

    arn: str
    priority: int
    content: RuleContent
    tags: Pairs = ()
    is_readable: bool = True


class Listener(Struct, frozen=True, kw_only=True):
    """A listener with its rules by priority. `attributes` is None until they were read."""

    arn: str
    port: int
    protocol: str
    default_actions: tuple[Action, ...]
    rules: tuple[Rule, ...] = ()
    certificates: tuple[str, ...] = ()
    ssl_policy: str = ""
    mutual_authentication: Pairs = ()
    attributes: Pairs | None = None
    tags: Pairs = ()


class TargetGroup(Struct, frozen=True, kw_only=True):
    """A target group. `load_balancers`: the ARNs of those that use it. `attributes` is None until read."""

    arn: str
    name: str
    protocol: str
    version: str
    port: int
    target_type: str
    ip_address_type: str
    health: HealthCheck
    load_balancers: tuple[str, ...] = ()
    attributes: Pairs | None = None
    tags: Pairs = ()


class SecurityGroup(Struct, frozen=True, kw_only=True):
    """A security group with the permissions for what comes in."""

    id: str
    name: str
    permissions: tuple[Permission, ...] = ()
    tags: Pairs = ()


class LoadBalancer(Struct, frozen=True, kw_only=True):
    """A load balancer with its listeners. `state`: provisioning, active, active_impaired or failed.

    `attributes` is None until they were read, and so is `web_acl`, the ARN of the one attached, "" for none.
    """

    arn: str
    name: str
    dns_name: str
    scheme: str
    ip_address_type: str
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    state: str = "active"
    hosted_zone_id: str = ""
    listeners: tuple[Listener, ...] = ()
    attributes: Pairs | None = None
    web_acl: str | None = None
    tags: Pairs = ()


class ObservedStack(Struct, frozen=True, kw_only=True):
    """What AWS has of one group, by its tags. There may be two load balancers while one takes over."""

    group: GroupId
    load_balancers: tuple[LoadBalancer, ...] = ()
    target_groups: tuple[TargetGroup, ...] = ()
    security_groups: tuple[SecurityGroup, ...] = ()
    backend_group: SecurityGroup | None = None
