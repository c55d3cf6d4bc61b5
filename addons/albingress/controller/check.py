"""What `addons albingress check` finds out: whether all is there that a daemon with these settings needs."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

from addons.albingress import names
from addons.albingress.config import Config
from addons.albingress.controller.build import NAME, build_controller, network_of
from addons.albingress.controller.controller import Controller
from addons.albingress.desired.subnets import NotChosen, discovered
from addons.runtime.coexistence import Coexistence
from addons.runtime.daemon import Parts, lease_of
from addons.runtime.errors import OutsideError
from addons.runtime.findings import Finding, find_identity, find_lease, summary_of
from addons.runtime.outcomes import PlanLine


async def check(config: Config, parts: Parts) -> AsyncIterator[Finding]:
    """Look at AWS identity, Lease, the original, network, objects and plan, in this order.

    `parts` are those of a dry run. A Lease is looked at where a daemon with these settings needs one.
    """
    yield await find_identity(parts.aws)
    if config.leader_elect and not config.dry_run:
        yield await find_lease(parts.kube, *lease_of(NAME, config))
    yield await _original(config, parts)
    async for finding in _network(config, parts):
        yield finding
    lines: list[PlanLine] = []
    controller = build_controller(config, replace(parts, print_plan=lines.extend))
    failures = await _single_pass(controller)
    unread = controller.watches.unread()
    for resource, fault in sorted(unread.items()):
        yield Finding(resource, False, fault)
    for key, message in sorted(failures.items()):
        if key not in unread:
            yield Finding(key, False, message)
    if not failures:
        yield Finding("groups", True, controller.summary())
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
    return Finding("aws-load-balancer-controller", not why_not, why_not or "does not lead")


async def _network(config: Config, parts: Parts) -> AsyncIterator[Finding]:
    """The VPC, and where new load balancers would be: in subnets of one kind at least."""
    network = network_of(config, parts)
    try:
        vpc, subnets = await network.vpc(), await network.subnets(with_routes=True)
    except OutsideError as error:
        hint = "" if config.aws_vpc_id or config.aws_vpc_tags else "; name it with --aws-vpc-id"
        yield Finding("VPC", False, f"{error.message}{hint}")
        return
    yield Finding("VPC", True, f"{vpc.id} ({', '.join((*vpc.cidrs, *vpc.ipv6_cidrs))})")
    found: dict[str, str] = {}
    faults: dict[str, str] = {}
    for scheme in ("internal", "internet-facing"):
        try:
            found[scheme] = ", ".join(discovered(subnets, config.cluster_name, scheme))
        except NotChosen as fault:
            faults[scheme] = str(fault)
    for scheme, text in sorted((found | faults).items()):
        yield Finding(f"subnets of {scheme} load balancers", bool(found), text)


async def _single_pass(controller: Controller) -> Mapping[str, str]:
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(controller.watch(over))
        failures = await controller.run_once(asyncio.Event(), shows_targets=False)
        over.set()
    return failures
