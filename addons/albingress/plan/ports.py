"""Ports that load balancers have open and nobody asks for any more."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from msgspec import Struct

from addons.albingress.model.actions import DeleteListener
from addons.albingress.model.elb import LoadBalancer, ObservedStack
from addons.albingress.model.stack import Stack
from addons.albingress.plan.view import View


class UnwantedPorts(Struct, frozen=True):
    """`closing`: ports with the actions that close them; `lasting` ones stay open for now."""

    closing: Mapping[int, tuple[str, ...]]
    lasting: frozenset[int]


def plan_closing(stack: Stack, current: LoadBalancer | None, view: View) -> list[DeleteListener]:
    """Close the ports of the load balancer that nobody asks for.

    They stay open while an Ingress that moves elsewhere is still served here.
    """
    if current is None or view.retained:
        return []
    asked = {each.port for each in stack.listeners}
    return [each for port, each in close_ports(current).items() if port not in asked]


def close_ports(balancer: LoadBalancer) -> dict[int, DeleteListener]:
    """The actions that close the ports of a load balancer, by port."""
    return {
        each.port: DeleteListener(
            key=f"listener/{balancer.name}:{each.port}",
            ref=None,
            because=f"no Ingress asks for port {each.port}",
            arn=each.arn,
            listener=f"{balancer.name}:{each.port}",
            contents=len(each.rules),
        )
        for each in sorted(balancer.listeners, key=lambda one: one.port)
    }


def unwanted_ports(
    stack: Stack, observed: ObservedStack, closing: Iterable[DeleteListener], leavers: Mapping[str, str]
) -> UnwantedPorts:
    """The ports of all load balancers that nobody asks for.

    `leavers`: by ARN, load balancers that are deleted, with the action.
    """
    closers = {each.arn: each.key for each in closing}
    found: dict[int, list[str]] = defaultdict(list)
    lasting: set[int] = set()
    asked = {each.port for each in stack.listeners}
    for balancer in observed.load_balancers:
        for each in balancer.listeners:
            if each.port in asked:
                continue
            if key := leavers.get(balancer.arn) or closers.get(each.arn):
                found[each.port].append(key)
            else:
                lasting.add(each.port)
    return UnwantedPorts({port: tuple(keys) for port, keys in found.items()}, frozenset(lasting))
