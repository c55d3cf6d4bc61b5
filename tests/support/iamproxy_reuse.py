"""An address that goes from pod to pod: each asks as soon as it has it, and until it has it no more."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from random import Random

from tests.support.iamproxy_world import Object, World, addresses, pod
from tests.support.metadata import ROLES, Client, Reply
from tests.support.until import until

LEAST_SECONDS = 0.01
"""Between the release of an address and the first process of its next pod: a network plugin, a runtime."""

MOST_SECONDS = 0.05
ROLES_PER_LANE = 3

Dial = Callable[[], Client]


@dataclass(frozen=True)
class Tenant:
    """A pod that has, had or will have the address. It lives in the place of this number, and dials there."""

    obj: Object
    role: str
    place: int
    dial: Dial


Give = Callable[[Tenant], None]


class Lane:
    """One address. Its pods live, one after another, in the places where `dials` dial from.

    Every answer to a pod is looked at: it may be a refusal, or its own role, and never anything else.
    """

    def __init__(self, world: World, address: str, *dials: Dial, rng: Random) -> None:
        self.world = world
        self.address = address
        self.rng = rng
        self.answers = 0
        self._dials = dials
        self._numbers = count()
        self._roles = [f"role-{address}-{number}" for number in range(ROLES_PER_LANE)]
        for role in self._roles:
            world.aws.sts.create_role(role)

    def create(self, ip: str = "") -> Tenant:
        """Tell Kubernetes of the next pod; it has another role than those before it."""
        number = next(self._numbers)
        role = self._roles[number % ROLES_PER_LANE]
        obj = self.world.create(pod(f"pod-{self.address}-{number}", ip, role=role))
        place = number % len(self._dials)
        return Tenant(obj, role, place, self._dials[place])

    async def begin(self, tenant: Tenant, *before: Tenant) -> None:
        """The first requests of a pod, all at once, until it has its credentials."""
        strangers = [ROLES + other.role for other in before]
        paths = [ROLES, ROLES + tenant.role, *strangers]
        async with asyncio.timeout(30):
            replies = await asyncio.gather(*(self._ask_until_answered(tenant, path) for path in paths))
        assert [reply.status for reply in replies] == [200, 200, *(403 for _ in strangers)]

    async def go_on(self, tenant: Tenant) -> None:
        """A pod asks again and again, over one connection after another, until it is cancelled."""
        while True:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                async with tenant.dial() as web:
                    for _ in range(3):
                        self._judge(tenant, ROLES + tenant.role, await web.get(ROLES + tenant.role))
                        await asyncio.sleep(0.004)

    async def _ask_until_answered(self, tenant: Tenant, path: str) -> Reply:
        while True:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                async with tenant.dial() as web:
                    while True:
                        reply = await web.get(path)
                        self._judge(tenant, path, reply)
                        if reply.status not in (429, 503):
                            return reply
            await asyncio.sleep(0.01)

    def _judge(self, tenant: Tenant, path: str, reply: Reply) -> None:
        if reply.status in (429, 503):
            return
        self.answers += 1
        said = f"{tenant.obj['metadata']['name']} has {tenant.role}, asked for {path}, got {reply}"
        if path == ROLES:
            assert (reply.status, reply.text) == (200, tenant.role), said
        elif reply.status == 200:
            key = json.loads(reply.body)["AccessKeyId"]
            role = self.world.aws.sts.sessions[key].role.arn.rpartition("/")[2]
            assert (role, path) == (tenant.role, ROLES + tenant.role), said
        else:
            assert reply.status == 403, said
            assert path != ROLES + tenant.role, said


async def hand_on_given(lane: Lane, rounds: int, *, give: Give, take: Callable[[], None]) -> None:
    """The network tells who has the address; the API server tells of ends late, and never of addresses.

    `give` makes the address a pod's, `take` ends that.
    """
    tenant = lane.create()
    give(tenant)
    await lane.begin(tenant)
    for _ in range(rounds):
        successor = lane.create()
        await _go_on_for_a_while(lane, tenant)
        take()
        pause = lane.rng.uniform(LEAST_SECONDS, MOST_SECONDS)
        before = lane.rng.uniform(0, pause)
        await asyncio.sleep(before)
        give(successor)
        await asyncio.sleep(pause - before)
        await lane.begin(successor, tenant)
        lane.world.delete(tenant.obj)
        tenant = successor


async def hand_on_told_late(lane: Lane, rounds: int, *, is_seen: Callable[[Object], bool]) -> None:
    """Only the API server tells: that the one ends, then, late, that the other has its address.

    A pod asks when it has been seen (`is_seen`), since its kubelet has heard of it the same way.
    """
    tenant = lane.create(lane.address)
    await lane.begin(tenant)
    for _ in range(rounds):
        using = asyncio.create_task(lane.go_on(tenant))
        lingers = _end_of_pod(lane, tenant)
        successor = lane.create()
        await until(partial(is_seen, successor.obj), pause=0.001)
        await _cancel(using)
        beginning = asyncio.create_task(lane.begin(successor, tenant))
        await asyncio.sleep(lane.rng.uniform(0, MOST_SECONDS))
        lane.world.update(successor.obj, phase="Running", **addresses(lane.address))
        await beginning
        if lingers:
            lane.world.delete(tenant.obj)
        tenant = successor


def _end_of_pod(lane: Lane, tenant: Tenant) -> bool:
    """Have a pod be gone, or going, or done; whether it can still be seen."""
    match lane.rng.randrange(3):
        case 0:
            lane.world.delete(tenant.obj)
            return False
        case 1:
            lane.world.delete(tenant.obj, grace_seconds=30)
        case _:
            lane.world.update(tenant.obj, phase="Succeeded")
    return True


async def _go_on_for_a_while(lane: Lane, tenant: Tenant) -> None:
    using = asyncio.create_task(lane.go_on(tenant))
    await asyncio.sleep(lane.rng.uniform(0, 0.02))
    await _cancel(using)


async def _cancel(task: "asyncio.Task[None]") -> None:
    """End a program, which must not have failed before."""
    if not task.cancel():
        task.result()
    with suppress(asyncio.CancelledError):
        await task
