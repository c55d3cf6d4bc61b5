"""A member sends everybody to an HTTPS port that AWS does not open: nobody is sent there."""

import asyncio
from typing import Any

import pytest

from tests.support.alb_world import World, ingress
from tests.support.until import until

pytestmark = pytest.mark.virtual_time


def first(*paths: str) -> dict[str, Any]:
    """The member that is healthy and says what all share."""
    return ingress("a", *paths, group__order="-1", scheme="internal")


HTTP_AND_HTTPS = '[{"HTTP": 80}, {"HTTPS": 443}]'
REFUSED = {
    "a certificate that is gone": {
        "certificate_arn": "arn:aws:acm:eu-central-1:123456789012:certificate/gone"
    },
    "a policy that nobody knows": {"ssl_policy": "ELBSecurityPolicy-Unheard-Of"},
}


@pytest.mark.parametrize("when", ["joins", "breaks"])
@pytest.mark.parametrize("fault", REFUSED)
class TestRedirectToNowhere:
    """A member sends everybody to an HTTPS port that AWS does not open: nobody is sent there."""

    async def test_the_others_are_served_by_http_all_the_time(
        self, world: World, fault: str, when: str
    ) -> None:
        world.aws.acm.issue("*.example.com")
        world.serve("a", "bad", "new")
        said = {"listen_ports": HTTP_AND_HTTPS, "ssl_redirect": "443", **REFUSED[fault]}
        bad = ingress("bad", host="bad.example.com", **said)
        world.ingresses(first("/a"), *([bad] if when == "joins" else []))
        async with world.running():
            await world.is_served("a")
            world.ingresses(bad)
            await until(lambda: any("443" in note for note in world.notes("bad")))
            await asyncio.sleep(300)
            world.ingresses(first("/a", "/new=new"))
            await until(lambda: world.rules().get("/new|/new/*") == "new:80", seconds=2)
            assert (world.rules().get("/a|/a/*"), world.notes("a")) == ("a:80", [])
            assert answers(world, 80) == ["404"]
            world.ingresses(
                ingress("bad", host="bad.example.com", listen_ports=HTTP_AND_HTTPS, ssl_redirect="443")
            )
            await until(lambda: answers(world, 80) == ["redirect"], seconds=70)
            assert answers(world, 443) == ["404"]


def answers(world: World, port: int) -> list[str]:
    """What the default actions of a port do."""
    listeners = {each.arn for each in world.elb.listeners.values() if each.port == port}
    return [
        world.leads(each)
        for each in world.elb.rules.values()
        if each.is_default and each.listener_arn in listeners
    ]
