"""What `addons dns check` finds out: whether all is there that a daemon with these settings needs."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

from addons.dns.config import Config
from addons.dns.controller.build import build_controller
from addons.dns.controller.zones import Controller
from addons.dns.model.zones import roles_of
from addons.runtime.daemon import Parts, lease_of
from addons.runtime.findings import Finding, find_identity, find_lease, summary_of
from addons.runtime.outcomes import PlanLine

NAME = "dns"


async def check(config: Config, parts: Parts) -> AsyncIterator[Finding]:
    """Look at the AWS identity, the Lease, the objects, the hosted zones and the plan, in this order.

    `parts` are those of a dry run. A Lease is looked at where a daemon with these settings needs one.
    """
    for role in roles_of(config).all():
        external_id = roles_of(config).external_id_of(role)
        yield await find_identity(parts.aws, role=role, external_id=external_id)
    if config.leader_elect and not config.dry_run:
        yield await find_lease(parts.kube, *lease_of(NAME, config))
    lines: list[PlanLine] = []
    controller = build_controller(config, replace(parts, print_plan=lines.extend))
    failures = await _single_pass(controller)
    unread = controller.watches.faults()
    for resource, fault in sorted(unread.items()):
        yield Finding(resource, False, fault)
    for key, message in sorted(failures.items()):
        if key not in unread:
            yield Finding(key, False, message)
    if not failures:
        yield _zones(controller.state())
        yield Finding("plan", True, summary_of(Counter(line.action for line in lines)))


async def _single_pass(controller: Controller) -> Mapping[str, str]:
    over = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(controller.watch(over))
        failures = await controller.run_once(asyncio.Event())
        over.set()
    return failures


def _zones(state: Mapping[str, Any]) -> Finding:
    zones = sorted(f"{zone['name']} ({zone['id']})" for zone in state["zones"])
    return Finding("hosted zones", True, ", ".join(zones))
