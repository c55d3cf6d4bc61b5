"""The actions of a plan. What does not exist yet is named: the door to AWS knows the ARN behind a name.

Names: a load balancer and a target group by their names in AWS, a listener as `load balancer:port`, a
security group by its name. `key` says what an action changes; `needs` are keys of actions of the same plan
that must have succeeded before.
"""

from collections.abc import Mapping
from re import sub
from typing import Literal

from msgspec import Struct

from addons.albingress.model.elb import Rule
from addons.albingress.model.rules import RuleContent
from addons.albingress.model.stack import (
    DesiredListener,
    DesiredLoadBalancer,
    DesiredRule,
    DesiredSecurityGroup,
    DesiredTargetGroup,
    Pairs,
    Permission,
)
from addons.runtime.outcomes import ObjectRef, Skip


class AwsAction(Struct, frozen=True, kw_only=True):
    """What all actions have. `ref` is the object that it is done for, `because` the reason in words."""

    key: str
    ref: ObjectRef | None
    because: str
    needs: tuple[str, ...] = ()

    @property
    def is_destructive(self) -> bool:
        """True for what takes something away that served, or may serve, requests."""
        return type(self).__name__.startswith("Delete")

    @property
    def words(self) -> str:
        """What it does, in words: "create rule", the verb first."""
        return sub(r"\B([A-Z])", r" \1", type(self).__name__).lower()


class CreateSecurityGroup(AwsAction, frozen=True):
    """Make the group of a load balancer, with its permissions."""

    group: DesiredSecurityGroup


class AuthorizeIngress(AwsAction, frozen=True):
    """Let sources in."""

    group: str
    permissions: tuple[Permission, ...]


class RevokeIngress(AwsAction, frozen=True):
    """Let sources in no more."""

    group: str
    permissions: tuple[Permission, ...]


class DeleteSecurityGroup(AwsAction, frozen=True):
    """Remove a security group that nothing uses any more; `id` is its id in AWS."""

    id: str


class CreateTargetGroup(AwsAction, frozen=True):
    """Make a target group with its attributes and tags."""

    target_group: DesiredTargetGroup


class ModifyTargetGroup(AwsAction, frozen=True):
    """Change how health is asked for."""

    target_group: DesiredTargetGroup


class ModifyTargetGroupAttributes(AwsAction, frozen=True):
    """Set attributes."""

    target_group: str
    attributes: Pairs


class DeleteTargetGroup(AwsAction, frozen=True):
    """Remove a target group that no rule uses any more."""

    arn: str


class CreateLoadBalancer(AwsAction, frozen=True):
    """Make a load balancer with its attributes and tags; `security_groups` are names or ids, in order."""

    load_balancer: DesiredLoadBalancer
    security_groups: tuple[str, ...]


class SetSubnets(AwsAction, frozen=True):
    """Move a load balancer to these subnets."""

    load_balancer: str
    subnets: tuple[str, ...]


class SetSecurityGroups(AwsAction, frozen=True):
    """Give a load balancer these security groups, by names or ids."""

    load_balancer: str
    security_groups: tuple[str, ...]


class SetIpAddressType(AwsAction, frozen=True):
    """Change the families of a load balancer's addresses."""

    load_balancer: str
    ip_address_type: str


class ModifyLoadBalancerAttributes(AwsAction, frozen=True):
    """Set attributes."""

    load_balancer: str
    attributes: Pairs


class DeleteLoadBalancer(AwsAction, frozen=True):
    """Remove a load balancer with its listeners and rules: so many as `contents` says."""

    arn: str
    name: str
    contents: int = 0


class CreateListener(AwsAction, frozen=True):
    """Open a port, without its rules."""

    load_balancer: str
    listener: DesiredListener


class ModifyListener(AwsAction, frozen=True):
    """Change some of a port: `tls` stands for protocol, policy, default certificate and what is asked of
    clients, `default` for the default actions."""

    load_balancer: str
    listener: DesiredListener
    parts: tuple[Literal["tls", "default"], ...] = ("tls", "default")


class ModifyListenerAttributes(AwsAction, frozen=True):
    """Set attributes."""

    listener: str
    attributes: Pairs


class AddListenerCertificates(AwsAction, frozen=True):
    """Have a listener choose more certificates by the name that a client asks for."""

    listener: str
    certificates: tuple[str, ...]


class RemoveListenerCertificates(AwsAction, frozen=True):
    """Have a listener choose these certificates no more."""

    listener: str
    certificates: tuple[str, ...]


class DeleteListener(AwsAction, frozen=True):
    """Close a port, whose rules go too: so many as `contents` says."""

    arn: str
    listener: str
    contents: int = 0


class CreateRule(AwsAction, frozen=True):
    """Put a rule at a free priority."""

    listener: str
    priority: int
    rule: DesiredRule
    tags: Pairs = ()


class ModifyRule(AwsAction, frozen=True):
    """Change what a rule says, in place."""

    listener: str
    existing: Rule
    rule: DesiredRule
    content: RuleContent


class SetRulePriorities(AwsAction, frozen=True):
    """Move rules, all at one moment: ARN -> priority.

    `created` has rules that the plan makes before: the priority they are made at -> the one they get. There
    is none at the first where making it failed.
    """

    listener: str
    priorities: Mapping[str, int]
    created: Mapping[int, int] = {}


class DeleteRule(AwsAction, frozen=True):
    """Take a rule away."""

    listener: str
    existing: Rule


class SetTags(AwsAction, frozen=True):
    """Add or change tags of something of ours; `arn` may be a security group's id."""

    arn: str
    tags: Pairs


class RemoveTags(AwsAction, frozen=True):
    """Take tags away."""

    arn: str
    keys: tuple[str, ...]


class AssociateWebAcl(AwsAction, frozen=True):
    """Attach a web ACL, or detach the present one where `acl` is empty."""

    load_balancer: str
    acl: str


class Plan(Struct, frozen=True):
    """Ordered actions, and what was decided not to be done."""

    actions: tuple[AwsAction, ...] = ()
    skips: tuple[Skip, ...] = ()
