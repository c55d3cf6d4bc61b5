"""One bad Ingress harms only itself: every row of the defect matrix, broken beside neighbours that are well."""

import pytest

from tests.support.alb_breaks import BREAKS
from tests.support.alb_world import World, ingress
from tests.support.until import until

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize("name", BREAKS)
@pytest.mark.parametrize("when", ["joins", "breaks"])
class TestNeighbours:
    """A broken member beside healthy ones, from the start or after it was served."""

    async def test_they_are_served_and_their_later_changes_go_live(
        self, world: World, name: str, when: str
    ) -> None:
        world.serve("a", "bad", "z", "new")
        world.ingresses(ingress("a", group__order="-1", scheme="internal"), ingress("z", group__order="1"))
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
            world.ingresses(ingress("a", "/a", "/new=new", group__order="-1", scheme="internal"))
            await until(lambda: world.rules().get("/new|/new/*") == "new:80", seconds=2)
            await until(lambda: world.targets("new") == ["192.168.0.14:8080"])
            world.delete("z")
            await until(lambda: world.ingress("z") is None)
            assert (world.notes("a"), world.notes("z")) == ([], [])
            world.delete("bad", "a")
            await until(lambda: world.ingress("bad") is None and world.ingress("a") is None)
        assert world.things() == []
