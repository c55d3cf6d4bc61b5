"""What a daemon remembers of AWS after an action: the same as another one reads, or the test fails."""

from typing import Any

from msgspec.structs import replace

from addons.albingress.model.elb import Listener, LoadBalancer, ObservedStack, Rule, TargetGroup
from tests.support.alb_aws import OWNER, SHOP, AlbDaemon

COMMON: dict[str, Any] = {"key": "k", "ref": OWNER.ref, "because": "the test wants it"}


async def seen(daemon: AlbDaemon) -> ObservedStack:
    """What is remembered of the group, which must be what another daemon reads, but for attributes."""
    remembered = await daemon.balancers.observe(SHOP)
    async with daemon.site.daemon() as other:
        assert _listed(await other.balancers.observe(SHOP)) == _listed(remembered)
    return remembered


def _listed(stack: ObservedStack) -> ObservedStack:
    """A stack without what a listing does not show."""
    balancers = tuple(
        replace(
            each,
            attributes=None,
            web_acl=None,
            listeners=tuple(replace(one, attributes=None) for one in each.listeners),
        )
        for each in stack.load_balancers
    )
    groups = tuple(replace(each, attributes=None) for each in stack.target_groups)
    return replace(stack, load_balancers=balancers, target_groups=groups)


async def balancer(daemon: AlbDaemon) -> LoadBalancer:
    (found,) = (await seen(daemon)).load_balancers
    return found


async def listener(daemon: AlbDaemon, port: int = 80) -> Listener:
    return next(each for each in (await balancer(daemon)).listeners if each.port == port)


async def group(daemon: AlbDaemon, name: str = "web") -> TargetGroup:
    return next(each for each in (await seen(daemon)).target_groups if each.name.endswith(name))


async def rules(daemon: AlbDaemon) -> tuple[Rule, ...]:
    return (await listener(daemon)).rules
