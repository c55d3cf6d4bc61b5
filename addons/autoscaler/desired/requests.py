"""What a pod requests in all, as the scheduler counts it."""

from collections.abc import Callable, Iterable, Mapping

from addons.autoscaler.desired.quantities import added, greatest, in_units, thousandths
from addons.autoscaler.model import pod_parts as parts
from addons.autoscaler.model.resources import PODS

_OF_WHOLE_PODS = ("cpu", "memory")
_HUGE_PAGES = "hugepages-"
_RESIZE = "PodResizePending"
_NO_STATUS = parts.PodStatus()

Count = Callable[[parts.Container], Mapping[str, parts.Quantity]]
"""What is counted of a container."""


def requests_of(spec: parts.PodSpec, status: parts.PodStatus = _NO_STATUS) -> dict[str, int]:
    """The requests of a pod, and `pods: 1`. Raises ValueError that names the amount.

    Containers run together, init containers one after the other beside the restartable ones before them: the
    greater counts. While a pod is resized the greatest of what it asks for, was promised and has counts. What
    the pod sets as a whole stands in place of the sum over its containers.
    """
    return _total(spec, greatest(_aggregate(spec, count) for count in _counts(status)))


def requests_of_template(spec: parts.PodSpec) -> dict[str, int]:
    """The requests that a pod of a template will have: limits are requests where these are not said.

    The API server does that to pods, and not to the templates of controllers. Raises ValueError.
    """
    return _total(spec, _aggregate(spec, lambda each: {**each.resources.limits, **each.resources.requests}))


def _total(spec: parts.PodSpec, containers: Mapping[str, int]) -> dict[str, int]:
    total = dict(containers)
    if spec.resources is not None:
        whole = _read(spec.resources.requests)
        total |= {resource: number for resource, number in whole.items() if _is_of_whole_pods(resource)}
    if spec.overhead:
        total = added((total, _read(spec.overhead)))
    found = {resource: in_units(resource, number) for resource, number in total.items() if number}
    return {**found, PODS: 1}


def _counts(status: parts.PodStatus) -> Iterable[Count]:
    """What the containers ask for, what they were promised, what they have."""
    told = {each.name: each for each in (*status.container_statuses, *status.init_container_statuses)}
    if not told:
        return (_asked,)
    infeasible = any(each.type == _RESIZE and each.reason == "Infeasible" for each in status.conditions)

    def promised(container: parts.Container) -> Mapping[str, parts.Quantity]:
        found = told.get(container.name)
        if found is not None and found.allocated_resources:
            return found.allocated_resources
        return {} if infeasible else container.resources.requests

    def actual(container: parts.Container) -> Mapping[str, parts.Quantity]:
        found = told.get(container.name)
        if found is not None and found.resources is not None and found.resources.requests:
            return found.resources.requests
        return promised(container)

    return (promised, actual) if infeasible else (_asked, promised, actual)


def _asked(container: parts.Container) -> Mapping[str, parts.Quantity]:
    return container.resources.requests


def _aggregate(spec: parts.PodSpec, count: Count) -> Mapping[str, int]:
    """The sum over the containers, or what the init containers need at their greatest; in thousandths."""
    running = [_read(count(each)) for each in spec.containers]
    beside: list[Mapping[str, int]] = []
    starting = []
    for container in spec.init_containers:
        needs = _read(count(container))
        starting.append(added((*beside, needs)))
        if container.restart_policy == "Always":
            beside.append(needs)
    return greatest((added((*running, *beside)), *starting))


def _read(quantities: Mapping[str, parts.Quantity]) -> Mapping[str, int]:
    return {resource: _named(resource, quantity) for resource, quantity in quantities.items()}


def _named(resource: str, quantity: parts.Quantity) -> int:
    try:
        return thousandths(quantity)
    except ValueError as error:
        raise ValueError(f"{resource}: {error}") from None


def _is_of_whole_pods(resource: str) -> bool:
    return resource in _OF_WHOLE_PODS or resource.startswith(_HUGE_PAGES)
