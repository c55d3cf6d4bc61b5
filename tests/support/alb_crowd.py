"""Many Ingresses in front of Services with pods on nodes of the VPC, for tests and benches of calls."""

from typing import Any

from addons.sim.aws.ec2.interfaces import Wish
from tests.support.alb_targets import DISCOVERY, endpoint, node, pod, service, slice_of
from tests.support.alb_world import World, ingress

PODS, NODES = 100, 4
HEALTH = "DescribeTargetHealth"


def nodes(world: World) -> list[str]:
    """Nodes with a hundred pods that have addresses of the VPC: their names."""
    ec2 = world.aws.ec2
    for number in range(NODES):
        instance = ec2.instances.launch("m5.4xlarge", world.subnets[0])
        world.create(node(f"n{number}", instance.id), kind="nodes")
        interface = ec2.account.interfaces_of(instance.id)[0]
        for address in ec2.interfaces.assign(interface.id, Wish(count=PODS // NODES))[0]:
            world.create(pod(f"p{address}", str(address), node=f"n{number}"), kind="pods")
    return [each["metadata"]["name"] for each in world.api.store.list("v1", "pods")]


def populate(world: World, groups: int, services: int, **annotations: str) -> None:
    """Services with one pod each, and an Ingress for each of them."""
    names = nodes(world)
    for number in range(groups * services):
        name, behind = f"s{number}", names[number % len(names)]
        serve(world, name, behind)
        world.ingresses(ingress(name, group=f"g{number // services}", **annotations))


def serve(world: World, name: str, behind: str) -> None:
    """A Service with a pod."""
    world.create(service(name))
    there = slice_of(endpoint(behind.removeprefix("p"), behind), of=name)
    world.create(there, kind="endpointslices", version=DISCOVERY)


def noted(obj: dict[str, Any]) -> dict[str, Any]:
    """An Ingress with an annotation more, which means nothing to anybody."""
    obj["metadata"]["annotations"]["example.com/note"] = "x"
    return obj


def registered(world: World) -> int:
    """How many target groups have targets."""
    return sum(bool(group.targets) for group in world.elb.target_groups.values())


def ruled(world: World) -> int:
    """How many rules forward."""
    rules = (each for each in world.elb.rules.values() if not each.is_default)
    return sum(rule.actions[-1]["Type"] == "forward" for rule in rules)


def tally(world: World) -> tuple[int, int, int]:
    """Calls so far: those that read, without those for the health of targets; these; those that change.

    Who we are is asked of STS, and is not among them.
    """
    calls = [call.operation for call in world.aws.calls if call.service != "sts"]
    health, changes = calls.count(HEALTH), len(world.changes())
    return len(calls) - health - changes, health, changes
