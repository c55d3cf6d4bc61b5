"""Who uses the target groups of a stack now, and whose they are."""

from collections.abc import Iterable, Mapping

from addons.albingress import names
from addons.albingress.model.elb import Listener, LoadBalancer, ObservedStack, TargetGroup
from addons.albingress.model.rules import target_groups_of
from addons.runtime.outcomes import ObjectRef


def resource_of(group: TargetGroup) -> str:
    """The Ingress, Service and port that a target group was made for: `namespace/ingress-service:port`."""
    return dict(group.tags).get(names.TAG_RESOURCE, "")


def groups_of_listener(listener: Listener) -> frozenset[str]:
    """The target groups that a listener forwards to."""
    said = (listener.default_actions, *(rule.content.actions for rule in listener.rules))
    return frozenset(group for actions in said for group in target_groups_of(actions))


def groups_of_balancer(balancer: LoadBalancer) -> frozenset[str]:
    """The target groups that a load balancer forwards to."""
    return frozenset[str]().union(*map(groups_of_listener, balancer.listeners))


def users_of_groups(observed: ObservedStack) -> Mapping[str, frozenset[str]]:
    """By the name of a target group, the ARNs of the load balancers that forward to it."""
    known = {each.arn for each in observed.load_balancers}
    found = {each.name: set(each.load_balancers) - known for each in observed.target_groups}
    for balancer in observed.load_balancers:
        for group in groups_of_balancer(balancer):
            found.setdefault(group, set()).add(balancer.arn)
    return {name: frozenset(arns) for name, arns in found.items()}


def ingress_of(resource: str, ingresses: Iterable[str]) -> str:
    """The one of these Ingresses, `namespace/name`, that a resource tag names; the longest where two fit."""
    fitting = [each for each in ingresses if resource.startswith(f"{each}-")]
    return max(fitting, key=len, default="")


def one_of(resource: str, ingresses: Iterable[ObjectRef]) -> ObjectRef | None:
    """The one of these Ingresses that a resource tag names."""
    by_name = {f"{each.namespace}/{each.name}": each for each in ingresses}
    return by_name.get(ingress_of(resource, by_name))
