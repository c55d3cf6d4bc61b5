"""One bad Ingress harms only itself: each row of the defect matrix, beside neighbours that are well."""

from collections.abc import Callable

import pytest

from tests.support.alb_breaks import BREAKS, Object
from tests.support.alb_world import NETWORKING, World, ingress, ingress_class
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

_HTTPS = {"listen_ports": '[{"HTTP": 80}, {"HTTPS": 443}]', "host": "www.example.com"}
ONLY_AWS_KNOWS: dict[str, Callable[[], Object]] = {
    "load balancer attribute": lambda: ingress("bad", load_balancer_attributes="no.such.key=1"),
    "target group attribute": lambda: ingress("bad", target_group_attributes="no.such.key=1"),
    "TLS policy": lambda: ingress("bad", **_HTTPS, ssl_policy="Oldest"),
    "prefix list": lambda: ingress("bad", security_group_prefix_lists="pl-0123456789abcdef0"),
    "tag of AWS itself": lambda: ingress("bad", tags="aws:owner=me"),
    "dual stack without IPv6": lambda: ingress("bad", ip_address_type="dualstack"),
    "trust store": lambda: ingress(
        "bad",
        **_HTTPS,
        mutual_authentication='[{"port": 443, "mode": "verify", "trustStore": "none"}]',
    ),
}
"""What looks well here, and AWS alone finds out."""

ALL = {**BREAKS, **{f"AWS: {name}": made for name, made in ONLY_AWS_KNOWS.items()}}

NOT_OURS_AT_FIRST = {"class is gone"}
"""Who never was ours and is of no known class may be anybody's: nothing is said about it."""

CASES = [
    pytest.param(name, when, id=f"{when}: {name}")
    for when in ("joins", "breaks")
    for name in ALL
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
        world.aws.acm.issue("www.example.com")
        world.ingresses(first("/a"), ingress("z", group__order="1"))
        if when == "breaks":
            world.ingresses(ingress("bad"))
        async with world.running():
            await world.is_served("a", "z", *(("bad",) if when == "breaks" else ()))
            await world.settles()
            world.ingresses(ALL[name]())
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


@pytest.mark.parametrize("name", ONLY_AWS_KNOWS)
async def test_what_aws_refuses_from_the_first_moment_keeps_nobody_from_being_made(
    world: World, name: str
) -> None:
    world.serve("a", "bad", "z")
    world.aws.acm.issue("www.example.com")
    shared = {"load_balancer_attributes": "idle_timeout.timeout_seconds=77"}
    world.ingresses(ingress("a", group__order="-1", **shared), ONLY_AWS_KNOWS[name](), ingress("z"))
    async with world.running():
        await world.is_served("a", "z")
        await until(lambda: {"a:80", "z:80"} <= set(world.rules().values()))
        await until(lambda: bool(world.notes("bad")))
        (balancer,) = world.elb.load_balancers.values()
        await until(lambda: balancer.attributes.get("idle_timeout.timeout_seconds") == "77")
        assert (world.notes("a"), world.notes("z")) == ([], [])


async def test_two_default_classes_concern_only_those_without_a_class(world: World) -> None:
    world.serve("a", "lost")
    for name in ("one", "two"):
        world.create(ingress_class(name, default=True), kind="ingressclasses", version=NETWORKING)
    lost = ingress("lost")
    del lost["spec"]["ingressClassName"]
    async with world.running():
        world.ingresses(lost, ingress("a"))
        await world.is_served("a")
        await until(lambda: "InvalidIngressClass" in world.events("lost", "Warning"))
        assert (world.notes("a"), world.hostname("lost")) == ([], "")
        for name in ("one", "two"):
            world.api.store.delete(NETWORKING, "ingressclasses", "", name)
        await world.settles()
        assert world.rules() == {"/a|/a/*": "a:80"}


async def test_a_group_whose_calls_hang_holds_up_no_other(world: World) -> None:
    world.serve("a", "b")
    async with world.running():
        world.ingresses(ingress("a", group="one"))
        await world.is_served("a")
        await world.settles()
        world.aws.faults.add(
            operation="CreateRule",
            code="InternalFailure",
            message="no",
            status=500,
            times=10_000,
            when=lambda said: "/stuck" in str(said),
        )
        world.ingresses(ingress("a", "/a", "/stuck=a", group="one"))
        await until(lambda: world.notes("a"), seconds=100)
        world.ingresses(ingress("b", group="two"))
        await world.is_served("b")
        assert world.targets("b")
