"""A hundred rules are inserted, reordered and replaced under load: each request meets the old or the new."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import pytest

from addons.albingress.aws.calls import RATES
from tests.support.alb_traffic import Answer, Seen, Traffic, daemon, traffic
from tests.support.alb_world import World, ingress
from tests.support.until import until

pytestmark = pytest.mark.timeout(240)

Object = dict[str, Any]

A, B = [f"a{number}" for number in range(10)], [f"b{number}" for number in range(9)]
PATHS = [f"u{number}" for number in range(50)]
"""Five for each Ingress of A, and again for each of B: which of them answers is a matter of order alone."""


def paths_of(name: str) -> list[str]:
    """The paths that an Ingress claims."""
    number = 0 if name == "new" else int(name[1:])
    return PATHS[5 * number : 5 * number + 5]


def claim(name: str, order: int, version: str = "") -> Object:
    """An Ingress with five rules that lead to the Service of its kind."""
    paths = (f"/{path}={name.rstrip('0123456789')}{version}" for path in paths_of(name))
    return ingress(name, *paths, group__order=str(order))


def answers(order: Sequence[str], version: str = "") -> dict[str, Answer]:
    """Who answers where Ingresses stand in this order: of two that claim a path, the first."""
    found: dict[str, Answer] = {}
    for name in order:
        for path in paths_of(name):
            found.setdefault(f"shop/{path}", Answer(200, name.rstrip("0123456789") + version))
    return found


FIRST = [*A, *B]
INSERTED = ["new", *FIRST]
TURNED = ["new", *reversed(FIRST)]


class Shelf:
    """A world with the Ingresses in some order, and users that ask for every path."""

    def __init__(self, world: World, users: Traffic) -> None:
        self.world, self.users = world, users

    async def fill(self) -> None:
        """Begin with 95 rules."""
        await self.users.serve("a", "b", "new", "a2", "b2", "new2")
        self.ask_for(FIRST)
        await self.is_answered(answers(FIRST))
        for operation in ("CreateRule", "ModifyRule", "SetRulePriorities", "DeleteTargetGroup"):
            self.world.aws.faults.slow(operation, 0.05)

    def ask_for(self, order: Sequence[str], version: str = "") -> None:
        """Let the Ingresses stand in this order."""
        self.world.ingresses(*(claim(name, number, version) for number, name in enumerate(order)))

    async def is_answered(self, wanted: dict[str, Answer]) -> None:
        """Return when every path is answered so."""

        await self.users.are_answered(wanted)

    @asynccontextmanager
    async def turning(
        self, old: dict[str, Answer], new: dict[str, Answer], *, pause: float = 0.01
    ) -> AsyncIterator[Seen]:
        """Ask for every path all the while until all is as asked for, and hold each answer against both."""
        async with self.users.visiting(list(old), pause=pause) as seen:
            yield seen
            await self.is_answered(new)
        assert {
            url: runs for url, runs in seen.runs.items() if runs not in ([old[url], new[url]], [new[url]])
        } == {}


async def test_no_request_meets_anything_between_old_and_new(world: World) -> None:
    async with traffic(world) as users, daemon(world, "--drain=1s"):
        shelf = Shelf(world, users)
        await shelf.fill()
        async with shelf.turning(answers(FIRST), answers(INSERTED)):
            shelf.ask_for(INSERTED)
        async with shelf.turning(answers(INSERTED), answers(TURNED)):
            shelf.ask_for(TURNED)
        async with shelf.turning(answers(TURNED), answers(TURNED, "2")):
            shelf.ask_for(TURNED, "2")
    assert sum(not rule.is_default for rule in world.elb.rules.values()) == 100


@pytest.mark.virtual_time
async def test_nor_where_changes_come_in_batches(world: World) -> None:
    """AWS lets changes of rules reach the traffic some ten seconds after the first, as they stand then.

    At the rates of a daemon the changes take longer than that: a batch ends in the midst of a plan.
    """
    async with (
        traffic(world, batch_seconds=10.0) as users,
        world.running("--drain=1s", rates=RATES),
    ):
        shelf = Shelf(world, users)
        await shelf.fill()
        async with shelf.turning(answers(FIRST), answers(TURNED, "2"), pause=0.25):
            shelf.ask_for(TURNED, "2")
    assert sum(not rule.is_default for rule in world.elb.rules.values()) == 100


@pytest.mark.virtual_time
async def test_nor_where_aws_fails_now_and_then(world: World) -> None:
    """Calls are refused, or done and their answers lost."""
    async with traffic(world) as users, world.running("--drain=1s"):
        shelf = Shelf(world, users)
        await shelf.fill()
        luck = Random(7)
        for before in (True, False):
            world.aws.faults.add(
                operation="changes",
                code="ServiceUnavailable",
                status=503,
                before=before,
                times=60,
                when=lambda _: luck.random() < 0.2,
            )
        async with shelf.turning(answers(FIRST), answers(TURNED, "2"), pause=0.1):
            shelf.ask_for(TURNED, "2")
        assert world.aws.faults.met > 60
    assert sum(not rule.is_default for rule in world.elb.rules.values()) == 100


async def test_nor_where_the_daemon_is_killed_over_and_over(world: World) -> None:
    async with traffic(world) as users:
        shelf = Shelf(world, users)
        async with daemon(world):
            await shelf.fill()
        async with shelf.turning(answers(FIRST), answers(TURNED, "2")):
            shelf.ask_for(TURNED, "2")
            for changes in (10, 60):
                async with daemon(world, "--drain=1s") as started:
                    already = len(world.changes())
                    await until(lambda goal=already + changes: len(world.changes()) >= goal)  # type: ignore[misc]
                    started.process.kill()
            async with daemon(world, "--drain=1s"):
                await shelf.is_answered(answers(TURNED, "2"))
    assert sum(not rule.is_default for rule in world.elb.rules.values()) == 100
