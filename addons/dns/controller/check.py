"""What `addons dns check` finds out: whether all is there that a daemon with these settings needs."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from addons.dns.config import Config
from addons.dns.controller.build import build_controller
from addons.dns.controller.zones import Controller
from addons.dns.model.zones import roles_of
from addons.runtime.daemon import Parts, lease_of
from addons.runtime.errors import NotFound, OutsideError
from addons.runtime.kube import KubeClient
from addons.runtime.objects import LEASES, Lease
from addons.runtime.outcomes import PlanLine

NAME = "dns"

_PATIENCE_SECONDS = 30.0
_PAUSE_SECONDS = 1.0
_MAY_COME = frozenset({"NoCredentialsError", "CredentialRetrievalError", "MetadataRetrievalError"})
"""Codes of credentials that are not there yet: whoever gives them, iamproxy for one, may not know us yet."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, whether it is as it has to be, and what was found."""

    what: str
    is_good: bool
    found: str

    def __str__(self) -> str:
        return f"{'ok  ' if self.is_good else 'FAIL'}  {self.what}: {self.found}"


async def check(config: Config, parts: Parts) -> AsyncIterator[Finding]:
    """Look at the AWS identity, the Lease, the objects, the hosted zones and the plan, in this order.

    `parts` are those of a dry run. A Lease is looked at where a daemon with these settings needs one.
    """
    for role in roles_of(config).all():
        yield await _identity(config, parts, role)
    if config.leader_elect and not config.dry_run:
        yield await _lease(config, parts.kube)
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
        yield Finding("plan", True, _summary(lines))


async def _identity(config: Config, parts: Parts, role: str) -> Finding:
    """Whom AWS takes us for: with our own credentials, or with a role that they assume."""
    external_id = roles_of(config).external_id_of(role)
    what = f"AWS identity as {role}" if role else "AWS identity"
    clock = asyncio.get_running_loop().time
    until = clock() + _PATIENCE_SECONDS
    while True:
        try:
            caller = await parts.aws.call("sts", "get_caller_identity", role=role, external_id=external_id)
        except OutsideError as error:
            if error.code not in _MAY_COME or clock() >= until:
                return Finding(what, False, error.message)
        else:
            return Finding(what, True, caller["Arn"])
        await asyncio.sleep(_PAUSE_SECONDS)


async def _lease(config: Config, kube: KubeClient) -> Finding:
    """Whether the Lease could be taken: by a request that the API server judges and does not carry out."""
    namespace, name = lease_of(NAME, config)
    what = f"Lease {namespace}/{name}"
    try:
        return Finding(what, True, await _holder(kube, namespace, name))
    except OutsideError as error:
        return Finding(what, False, error.message)


async def _holder(kube: KubeClient, namespace: str, name: str) -> str:
    try:
        lease = await kube.get(LEASES, Lease, namespace=namespace, name=name)
    except NotFound:
        metadata = {"namespace": namespace, "name": name}
        body = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata}
        await kube.create(LEASES, body, namespace=namespace, dry_run=True)
        return "held by nobody yet"
    await kube.merge_patch(LEASES, {}, namespace=namespace, name=name, dry_run=True)
    return f"held by {lease.spec.holder_identity or 'nobody'}"


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


def _summary(lines: Iterable[PlanLine]) -> str:
    counted = Counter(line.action for line in lines)
    if not counted:
        return "nothing to change"
    return ", ".join(f"{number} to {action}" for action, number in sorted(counted.items()))
