"""Carries out one action of a plan: the only door through which load balancers are changed."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

from addons.albingress.aws.applying import (
    listeners,
    load_balancers,
    rules,
    security_groups,
    tags,
    target_groups,
)
from addons.albingress.aws.applying.work import Door, Work
from addons.albingress.model import actions
from addons.albingress.model.actions import AwsAction
from addons.runtime.permit import Permit

_HOW: Final[Mapping[type[AwsAction], Callable[[Work, Any], Awaitable[None]]]] = {
    actions.AddListenerCertificates: listeners.add_certificates,
    actions.AssociateWebAcl: load_balancers.associate_web_acl,
    actions.AuthorizeIngress: security_groups.authorize,
    actions.CreateListener: listeners.create,
    actions.CreateLoadBalancer: load_balancers.create,
    actions.CreateRule: rules.create,
    actions.CreateSecurityGroup: security_groups.create,
    actions.CreateTargetGroup: target_groups.create,
    actions.DeleteListener: listeners.delete,
    actions.DeleteLoadBalancer: load_balancers.delete,
    actions.DeleteRule: rules.delete,
    actions.DeleteSecurityGroup: security_groups.delete,
    actions.DeleteTargetGroup: target_groups.delete,
    actions.ModifyListener: listeners.modify,
    actions.ModifyListenerAttributes: listeners.modify_attributes,
    actions.ModifyLoadBalancerAttributes: load_balancers.modify_attributes,
    actions.ModifyRule: rules.modify,
    actions.ModifyTargetGroup: target_groups.modify,
    actions.ModifyTargetGroupAttributes: target_groups.modify_attributes,
    actions.RemoveListenerCertificates: listeners.remove_certificates,
    actions.RemoveTags: tags.remove,
    actions.RevokeIngress: security_groups.revoke,
    actions.SetIpAddressType: load_balancers.set_ip_address_type,
    actions.SetRulePriorities: rules.set_priorities,
    actions.SetSecurityGroups: load_balancers.set_security_groups,
    actions.SetSubnets: load_balancers.set_subnets,
    actions.SetTags: tags.put,
}


async def make(door: Door, stack: str, action: AwsAction, permit: Permit) -> None:
    """Carry out an action for a stack, and remember what AWS has now.

    Doing it twice does no harm: what is there already counts as done if it is ours. Raises OutsideError:
    Invalid with code NotOurs for what has no tags of the stack, AlreadyExists with code NameTaken for a name
    that somebody else's has, Exhausted at a quota, Denied for what is protected, NotFound or Conflict where
    AWS is another than remembered.
    """
    await _HOW[type(action)](Work(door, stack, permit), action)


def announce(door: Door, planned: Iterable[AwsAction]) -> None:
    """Say which actions come next: those that ask AWS whose something is then ask together."""
    door.ownership.announce(
        each.arn
        for each in planned
        if isinstance(each, actions.DeleteTargetGroup | actions.DeleteLoadBalancer)
    )
