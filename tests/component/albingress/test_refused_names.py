"""What a member names and AWS refuses costs and concerns that member alone."""

import asyncio

import pytest

from tests.support.alb_world import World, ingress
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

REFUSED = {
    "an attribute that AWS does not know": {"load_balancer_attributes": "foo.bar=1"},
    "an attribute of a listener that AWS does not know": {"listener_attributes__HTTP-80": "foo.bar=1"},
    "a web ACL that is gone": {
        "wafv2_acl_arn": "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/gone/1"
    },
    "more tags than AWS takes": {"tags": ",".join(f"key{number}=value" for number in range(60))},
}
PREFIX_LIST = {"security_group_prefix_lists": "pl-0123456789abcdef0"}


@pytest.mark.parametrize("when", ["is first", "joins"])
class TestNeighbours:
    """One who names it, before or after a member that is well."""

    @pytest.mark.parametrize("what", REFUSED)
    async def test_they_are_served_and_not_blamed_and_their_changes_go_live(
        self, world: World, what: str, when: str
    ) -> None:
        world.serve("a", "bad", "new")
        bad = ingress("bad", group__order="-1" if when == "is first" else "1", **REFUSED[what])
        world.ingresses(ingress("a", "/a"), *([bad] if when == "is first" else []))
        async with world.running():
            await world.is_served("a")
            world.ingresses(bad)
            await until(lambda: bool(world.notes("bad")))
            world.ingresses(ingress("a", "/a", "/new=new"))
            await until(lambda: world.rules().get("/new|/new/*") == "new:80", seconds=2)
            await asyncio.sleep(120)
            assert sorted(world.rules().items()) == [
                ("/a|/a/*", "a:80"),
                ("/bad|/bad/*", "bad:80"),
                ("/new|/new/*", "new:80"),
            ]
            assert world.notes("a") == []

    async def test_a_prefix_list_that_is_gone_lets_in_nobody_new(self, world: World, when: str) -> None:
        world.serve("a", "bad", "new")
        world.ingresses(ingress("a", "/a"))
        async with world.running():
            if when == "joins":
                await world.is_served("a")
            world.ingresses(ingress("bad", **PREFIX_LIST))
            await until(lambda: any("pl-0123456789abcdef0" in note for note in world.notes("bad")))
            world.ingresses(ingress("a", "/a", "/new=new"))
            await until(lambda: world.rules().get("/new|/new/*") == "new:80", seconds=2)
            await asyncio.sleep(120)
            assert world.notes("a") == []
