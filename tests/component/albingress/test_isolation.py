"""One bad Ingress harms only itself: each row of the defect matrix, beside neighbours that are well."""

import pytest

from tests.support.alb_breaks import BREAKS, Object
from tests.support.alb_world import World, ingress
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

NOT_OURS_AT_FIRST = {"class is gone"}
"""Who never was ours and is of no known class may be anybody's: nothing is said about it."""

CASES = [
    pytest.param(name, when, id=f"{when}: {name}")
    for when in ("joins", "breaks")
    for name in BREAKS
    if when == "breaks" or name not in NOT_OURS_AT_FIRST
]


def first(*paths: str) -> Object:
    """The member that is healthy and says what all share."""
    return ingress("a", *paths, group__order="-1", scheme="internal")


@pytest.mark.parametrize(("name", "when"), CASES)
class TestNeighbours:
    """A broken member beside healthy ones, from the start or after it was served."""

    async def test_they_are_served_and_their_later_changes_go_live(
        self, world: World, name: str, when: str
    ) -> None:
        world.serve("a", "bad", "z", "new")
        world.ingresses(first("/a"), ingress("z", group__order="1"))
        if when == "breaks":
            world.ingresses(ingress("bad"))
        async with world.running():
            await world.is_served("a", "z", *(("bad",) if when == "breaks" else ()))
            await world.settles()
            world.ingresses(BREAKS[name]())
            await until(lambda: bool(world.notes("bad")))
            await world.settles()
            assert {path: leads for path, leads in world.rules().items() if "bad" not in path} == {
                "/a|/a/*": "a:80",
                "/z|/z/*": "z:80",
            }
            world.ingresses(first("/a", "/new=new"))
            await until(lambda: world.rules().get("/new|/new/*") == "new:80", seconds=2)
            await until(lambda: world.targets("new") == ["192.168.0.14:8080"])
            world.delete("z")
            await until(lambda: world.ingress("z") is None)
            assert (world.notes("a"), world.notes("z")) == ([], [])
            world.delete("bad", "a")
            await until(lambda: world.ingress("bad") is None and world.ingress("a") is None)
        assert world.things() == []
