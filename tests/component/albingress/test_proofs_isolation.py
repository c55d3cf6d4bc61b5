"""One Ingress of twenty breaks in every way, while real requests go to all: nobody else is harmed."""

from typing import Any

import pytest

from tests.support.alb_breaks import BREAKS
from tests.support.alb_traffic import Answer, Traffic, daemon, passes, traffic
from tests.support.alb_world import World, ingress
from tests.support.started import Started
from tests.support.until import until

pytestmark = pytest.mark.timeout(240)

Object = dict[str, Any]

NEIGHBOURS = [f"n{number:02}" for number in range(19)]
BAD = "bad.example.com/bad"
WELL = Answer(200, "bad")
TRIES = 5
"""Passes that a change may take to go live."""
PARTS = 7
"""So many daemons share the ways: each of them tells only so many Events of one Ingress."""


def neighbour(name: str, *more: str) -> Object:
    """One that is well; the broken one is in their middle."""
    order = NEIGHBOURS.index(name) - len(NEIGHBOURS) // 2
    return ingress(name, f"/{name}", *more, group__order=str(order), scheme="internal")


class Shop:
    """The group, and one of its members that is broken and mended."""

    def __init__(self, world: World, users: Traffic, started: Started) -> None:
        self.world, self.users, self.started = world, users, started
        self._later = 0

    async def open(self) -> None:
        """Let twenty Ingresses be served, the one that breaks in their middle."""
        await self.users.serve("bad", *NEIGHBOURS)
        for name in NEIGHBOURS:
            self.world.ingresses(neighbour(name))
        self.world.ingresses(ingress("bad"))
        urls = [BAD, *(f"shop/{name}" for name in NEIGHBOURS)]

        async def look() -> bool:
            return {each.status for each in (await self.users.ask_all(urls)).values()} == {200}

        await until(look, "all are served")

    async def breaks(self, way: str) -> list[str]:
        """Break it in one way and mend it again; what a neighbour suffered, in words."""
        before = self._warnings()
        self.world.ingresses(BREAKS[way]())
        await until(lambda: self._warnings() != before, f"{way}: a Warning")
        harm = [] if await self._change_goes_live() else [f"{way}: a later change of a neighbour is not live"]
        answer = await self.users.ask(BAD)
        if answer != WELL and answer.status not in (404, 503):
            harm.append(f"{way}: the broken one answers {answer}")
        if "login" in way and answer == WELL:
            harm.append(f"{way}: served without a login")
        self.world.ingresses(ingress("bad"))
        await self._is_well(f"{way}: mended")
        return harm

    async def _is_well(self, what: str) -> None:
        async def look() -> bool:
            return await self.users.ask(BAD) == WELL

        await until(look, what)

    async def _change_goes_live(self) -> bool:
        """Let a neighbour ask for one path more; a few passes later it is served or not."""
        self._later += 1
        path, name = f"/later{self._later}", NEIGHBOURS[self._later % len(NEIGHBOURS)]
        for number in range(TRIES):
            done = await passes(self.started)
            changed = neighbour(name, f"{path}={name}")
            changed["metadata"]["annotations"]["example.com/try"] = str(number)
            self.world.ingresses(changed)
            await self._pass_after(done)
            if await self.users.ask(f"shop{path}") == (200, name):
                return True
        return False

    async def _pass_after(self, done: int) -> None:
        async def look() -> bool:
            return await passes(self.started) > done

        await until(look, "a pass")

    def _warnings(self) -> list[Any]:
        found = self.world.api.store.list("events.k8s.io/v1", "events")
        ours = [each for each in found if each["regarding"]["name"] == "bad" and each["type"] == "Warning"]
        return [(each["metadata"]["name"], each["metadata"]["resourceVersion"]) for each in ours]


@pytest.mark.parametrize("ways", [list(BREAKS)[part::PARTS] for part in range(PARTS)], ids=" and ".join)
async def test_nineteen_neighbours_notice_nothing(world: World, ways: list[str]) -> None:
    async with traffic(world) as users, daemon(world) as started:
        shop = Shop(world, users, started)
        await shop.open()
        async with users.visiting([f"shop/{name}" for name in NEIGHBOURS]) as seen:
            harm = [each for way in ways for each in await shop.breaks(way)]
    assert harm == []
    assert seen.runs == {f"shop/{name}": [(200, name)] for name in NEIGHBOURS}
    assert {name: world.notes(name) for name in NEIGHBOURS if world.notes(name)} == {}


@pytest.mark.parametrize("way", ["missing port", "scheme"])
async def test_with_strict_the_neighbours_wait(world: World, way: str) -> None:
    """The same story must fail where nothing is isolated: else it would prove nothing."""
    async with traffic(world) as users, daemon(world, "--strict") as started:
        shop = Shop(world, users, started)
        await shop.open()
        harm = await shop.breaks(way)
    assert harm == [f"{way}: a later change of a neighbour is not live"]
