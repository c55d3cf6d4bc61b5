"""Whatever goes wrong meanwhile: a node that goes is empty, and one that stays has no marks."""

import asyncio
import random
from pathlib import Path

import pytest

from addons.autoscaler import names
from addons.autoscaler.model.plans import WhyNot
from addons.runtime.errors import Denied, Throttled, Unavailable
from addons.runtime.permit import Permit
from addons.sim.cluster.kubelets import STOP_SECONDS
from addons.sim.kubeapi.faults import Fault
from tests.support.as_drains import DrainWorld, drain_world
from tests.support.as_objects import budget, replica_set
from tests.support.drawn import Draw
from tests.support.permits import PERMIT
from tests.support.until import until

pytestmark = pytest.mark.virtual_time


async def prepare(world: DrainWorld, rng: random.Random) -> None:
    """A node with pods of two kinds, one of them with a budget, and room elsewhere."""
    world.add_node("n1")
    for name in ("web", "api"):
        stop = str(rng.choice((1, 10, 40)))
        grace = rng.choice((30, 60))
        made = replica_set(name, 3, annotations={STOP_SECONDS: stop}, terminationGracePeriodSeconds=grace)
        world.store.create("apps/v1", "replicasets", made)
    await until(lambda: sum(each.is_ready for each in world.seen_pods("n1")) == 6)
    world.add_node("n2", cpu="8")
    allowed = rng.choice((0, 1, 1, 2))
    world.store.create("policy/v1", "poddisruptionbudgets", budget("web", maxUnavailable=allowed))
    await until(lambda: "disruptionsAllowed" in world.budget_left("web"))


def break_things(world: DrainWorld, rng: random.Random) -> None:
    """Let some requests fail that a removal makes, and some ends of instances."""
    for _ in range(rng.randrange(4)):
        verb, subresource = rng.choice((("patch", ""), ("get", ""), ("create", "eviction")))
        world.api.faults.add(
            Fault(
                verb=verb,
                resource="pods" if subresource else "nodes",
                subresource=subresource,
                status=rng.choice((409, 429, 500, 503, 504)),
                times=rng.randrange(1, 7),
            )
        )
    world.termination_errors += rng.choice(
        ([], [], [Throttled("rate exceeded")] * 2, [Unavailable("no answer")] * 5, [Denied("not authorized")])
    )
    if rng.random() < 0.2:
        world.kept_after_all["n1"] = WhyNot(names.NO_PLACE_TO_MOVE, "pod x fits on no other node")


def check(world: DrainWorld) -> None:
    """What came of it is what is to be seen."""
    drained = world.drained[-1]
    if drained.ended == "done":
        assert [instance for instance, _ in world.terminated] == ["i-n1"]
        assert not world.seen_pods("n1")
    else:
        assert not world.terminated
        assert drained.why
        assert drained.why.message
        assert not world.taints("n1")
        assert not world.is_cordoned("n1")
        assert not world.note("n1")


async def test_it_ends_well_or_is_undone(tmp_path: Path, draw: Draw) -> None:
    for number in range(draw.rounds(10, of=100)):
        rng = draw.random(str(number))
        async with drain_world(tmp_path) as world:
            await prepare(world, rng)
            break_things(world, rng)
            await world.removed("n1")
            check(world)


async def test_a_process_that_ends_at_any_moment_is_followed_by_one_that_goes_on(
    tmp_path: Path, draw: Draw
) -> None:
    for number in range(draw.rounds(6, of=60)):
        rng = draw.random(str(number))
        async with drain_world(tmp_path) as world:
            await prepare(world, rng)
            await follow(world, stopped_after=rng.uniform(0, 60))
            check(world)


async def follow(world: DrainWorld, *, stopped_after: float) -> None:
    """One process begins, another one ends it if there is anything left."""
    stopping, first = asyncio.Event(), world.drains()
    first.start(world.drain("n1"), Permit(stopping))
    await asyncio.sleep(stopped_after)
    stopping.set()
    await first.run(stopping)
    if world.drained[-1].ended != "left":
        return
    await until(lambda: (found := world.seen_node("n1")) and found.drain == world.note("n1"))
    second = world.drains()
    if not second.sweep(world.seen_nodes(), PERMIT):
        second.start(world.drain("n1"), PERMIT)
    await second.settled()
