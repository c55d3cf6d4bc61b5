"""Pods in numbers, and what Kubernetes, EC2 and the kernel show of them, for tests of the daemon of cni."""

import asyncio
import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address
from typing import Any

from addons.cni.names import NO_POD_IPS, POD_IP
from addons.sim.net import Namespace
from tests.support.cni_runner import PluginError
from tests.support.cni_sandbox import Sandbox
from tests.support.cni_world import CniNode, CniWorld
from tests.support.processes import output_of

Outcome = dict[str, Any] | PluginError


def address_of(result: Any) -> str:
    """The address in the result of an ADD."""
    assert isinstance(result, dict), result
    return str(result["ips"][0]["address"]).partition("/")[0]


@contextmanager
def crowd(
    world: CniWorld, node: CniNode, count: int, name: str = "pod", **spec: Any
) -> Iterator[list[Sandbox]]:
    """So many pods that are bound to a node, with their sandboxes."""
    with ExitStack() as stack:
        yield [stack.enter_context(world.pod(node, f"{name}-{number}", spec=spec)) for number in range(count)]


def inside(pod: Sandbox) -> Namespace:
    """The network of a sandbox that is not gone."""
    assert pod.inside
    return pod.inside


async def add_all(node: CniNode, pods: Iterable[Sandbox]) -> list[Outcome]:
    """What came of an ADD for each pod, all asked for at once."""
    network = node.network
    return list(await asyncio.gather(*(add_or_error(network.add(pod)) for pod in pods)))


async def add_or_error(adding: Any) -> Outcome:
    """The result of an ADD, or the plugin's error."""
    try:
        result: dict[str, Any] = await adding
    except PluginError as error:
        return error
    return result


async def delete_all(node: CniNode, pods: Iterable[Sandbox]) -> None:
    """DEL for each pod, all at once."""
    network = node.network
    await asyncio.gather(*(network.delete(pod) for pod in pods))


def addresses(outcomes: Iterable[Outcome]) -> list[str]:
    """The addresses that were given."""
    return [address_of(outcome) for outcome in outcomes if isinstance(outcome, dict)]


def refusals(outcomes: Iterable[Outcome]) -> list[PluginError]:
    """The errors."""
    return [outcome for outcome in outcomes if isinstance(outcome, PluginError)]


def capacity(world: CniWorld, node: CniNode) -> int | None:
    """How many addresses for pods the node's status tells."""
    status = world.kube.store.get("v1", "nodes", "", node.name)["status"]
    told, usable = (status.get(part, {}).get(POD_IP) for part in ("capacity", "allocatable"))
    return int(told) if told is not None and told == usable else None


def is_tainted(world: CniWorld, node: CniNode) -> bool:
    """Whether the scheduler is kept away for want of addresses."""
    spec = world.kube.store.get("v1", "nodes", "", node.name)["spec"]
    return any(taint["key"] == NO_POD_IPS for taint in spec.get("taints") or ())


def events(world: CniWorld, reason: str = "") -> list[dict[str, Any]]:
    """The Events, of one reason."""
    found = world.kube.store.list("events.k8s.io/v1", "events")
    return [event for event in found if reason in ("", event["reason"])]


def held(node: CniNode) -> list[str]:
    """The addresses beside the primary ones that EC2 has on a node's interfaces."""
    found = node.world.vpc.ec2.account.interfaces_of(node.at.instance.id)
    single = [str(address) for eni in found for address in eni.addresses[1:]]
    return single + [str(address) for eni in found for prefix in eni.prefixes for address in prefix]


def calls(world: CniWorld, *operations: str) -> int:
    """How often EC2 was asked for these."""
    return sum(world.vpc.ec2.calls[operation] for operation in operations)


def secondary_of(node: CniNode, address: str) -> bool:
    """Whether an address is on another interface than the node's first."""
    enis = node.world.vpc.ec2.account.interfaces_of(node.at.instance.id)
    return any(eni.owns(IPv4Address(address)) for eni in enis[1:])


def links(node: CniNode, prefix: str = "eni") -> list[str]:
    """The names of the pods' links on a node."""
    found = json.loads(shown(node, "-j", "link"))
    return [link["ifname"] for link in found if link["ifname"].startswith(prefix)]


def pod_routes(node: CniNode) -> list[str]:
    """The addresses to which a pod's link leads."""
    found = json.loads(shown(node, "-j", "route", "show", "table", "all") or "[]")
    return [route["dst"] for route in found if str(route.get("dev", "")).startswith("eni")]


def rules(node: CniNode) -> str:
    """The rules of routing."""
    return shown(node, "rule")


def shown(node: CniNode, *arguments: str) -> str:
    """What `ip` shows on a node."""
    return output_of(*node.inside.command("ip", *arguments))
