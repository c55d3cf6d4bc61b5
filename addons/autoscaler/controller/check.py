"""What `addons autoscaler check` finds out: whether all is there that a daemon with these settings needs."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace

from addons.autoscaler import names
from addons.autoscaler.config import Config
from addons.autoscaler.controller.build import NAME, build_controller
from addons.autoscaler.controller.controller import Controller
from addons.autoscaler.controller.passes import Pass
from addons.autoscaler.controller.server_clock import ServerClock
from addons.autoscaler.model.groups import Group
from addons.runtime.coexistence import NAMESPACE, Coexistence
from addons.runtime.daemon import Parts, lease_of
from addons.runtime.findings import Finding, find_identity, find_lease, summary_of
from addons.runtime.outcomes import PlanLine


async def check(config: Config, parts: Parts) -> AsyncIterator[Finding]:
    """Look at AWS identity, Lease, the original, clock, own node, groups and plan, in this order.

    `parts` are those of a dry run. A Lease is looked at where a daemon with these settings needs one.
    """
    yield await find_identity(parts.aws)
    if config.leader_elect and not config.dry_run:
        yield await find_lease(parts.kube, *lease_of(NAME, config))
    yield await _original(config, parts)
    lines: list[PlanLine] = []
    controller = build_controller(config, replace(parts, print_plan=lines.extend))
    failures = await _single_pass(controller)
    for key, message in sorted(failures.items()):
        yield Finding(key, False, message)
    differs = ServerClock(lambda: parts.kube.clock_difference).disagreement()
    yield Finding("clock", not differs, differs or "shows the time of the API server")
    if why := controller.own_node.in_the_way():
        yield Finding("own node", False, why)
    elif name := controller.own_node.name:
        yield Finding("own node", True, name)
    if done := controller.last:
        for finding in _groups(done):
            yield finding
        yield Finding("plan", True, summary_of(Counter(line.action for line in lines)))


async def _original(config: Config, parts: Parts) -> Finding:
    """Whether the original leads at the same time."""
    original = Coexistence(
        parts.kube,
        lease=names.ORIGINAL_LEASE,
        code=names.OTHER_CONTROLLER,
        force=config.force_take_over,
    )
    await original.look()
    why_not = original.in_the_way()
    free = f"does not lead by the lease {NAMESPACE}/{names.ORIGINAL_LEASE}"
    return Finding("cluster-autoscaler", not why_not, why_not or free)


def _groups(done: Pass) -> Iterator[Finding]:
    if not done.snapshot.groups:
        fix = "name groups with --nodes, or find them with --node-group-auto-discovery"
        yield Finding("groups", False, f"there is none: {fix}")
    for name, group in sorted(done.snapshot.groups.items()):
        yield Finding(f"group {name}", not group.degraded, group.degraded or _size(group))
        template = done.snapshot.templates.get(name)
        if template is None:
            why = done.snapshot.untemplated.get(name, "nothing is known of its nodes")
            yield Finding(f"next node of {name}", False, why)
            continue
        offers = ", ".join(f"{what} {_amount(what, count)}" for what, count in template.allocatable.items())
        yield Finding(f"next node of {name}", True, f"by its {template.source}: {offers}")
        for difference in template.predicted_difference:
            yield Finding(f"tags of {name}", True, f"differ from its nodes: {difference}")
        for problem in group.problems:
            yield Finding(f"tags of {name}", False, problem)


def _size(group: Group) -> str:
    free = group.free_addresses
    left = ", ".join(f"{count} in {zone}" for zone, count in sorted(free.items())) if free else "not known"
    limits = f"{group.desired} nodes of {group.min_size} to {group.max_size}"
    return f"{limits}, {group.capacity_type}, free addresses: {left}"


def _amount(what: str, count: int) -> str:
    if what == "cpu":
        return f"{count / 1000:g}"
    return f"{count >> 20} MiB" if what in ("memory", "ephemeral-storage") else str(count)


async def _single_pass(controller: Controller) -> Mapping[str, str]:
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(controller.watch(over))
        failures = await controller.run_once(asyncio.Event())
        over.set()
    return failures
