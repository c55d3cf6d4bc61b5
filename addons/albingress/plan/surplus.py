"""What does not fit into a load balancer, and how that is told."""

from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.model.elb import Listener, ObservedStack, Rule
from addons.albingress.model.groups import Owner
from addons.albingress.model.stack import DesiredRule, Stack
from addons.runtime.outcomes import ObjectRef, Skip


class Refused(Struct, frozen=True):
    """Something that somebody goes without: `what` names it."""

    owner: Owner
    what: str


class Surplus(Struct, frozen=True):
    """What is left of a stack at one quota: at most `most` of `what`."""

    stack: Stack
    what: str = ""
    most: int = 0
    refused: tuple[Refused, ...] = ()


def told(surplus: Surplus) -> Iterator[Skip]:
    """Tell each Ingress what it goes without, and what can be done."""
    by_owner: dict[ObjectRef, list[str]] = {}
    for each in surplus.refused:
        by_owner.setdefault(each.owner.ref, []).append(each.what)
    for ref, lacking in by_owner.items():
        others = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        message = (
            f"{lacking[0]}{others} cannot be made: a load balancer may have {surplus.most} {surplus.what}; "
            "those that are there come first, then those of older Ingresses; remove some, use another group, "
            "or have AWS raise the quota"
        )
        yield Skip(f"quota/{surplus.what}", ref, names.QUOTA_EXCEEDED, message)


def listeners_there(stack: Stack, observed: ObservedStack) -> Mapping[int, Listener]:
    """By port, what AWS has of the load balancer that is asked for, or else of the one that serves now."""
    wanted = stack.load_balancer.name if stack.load_balancer else ""
    ranked = sorted(observed.load_balancers, key=lambda each: each.name != wanted)
    return {each.port: each for balancer in ranked[:1] for each in balancer.listeners}


def as_it_is(rule: DesiredRule, there: Rule, because: str) -> DesiredRule:
    """A wish for a rule just as it is there."""
    if there.is_readable:
        return replace(rule, content=there.content, because=because)
    return replace(rule, state="keep", because=because)


def place_of(rule: DesiredRule) -> str:
    """Host and path, as an Ingress writes them."""
    return f"{rule.key.host or '*'}{rule.key.path or '/*'}"
