"""What AWS refuses costs whoever asked for it: the others are served, asked for by real requests."""

from typing import Any

import pytest

from addons.albingress import names
from addons.sim.aws.faults import Arguments
from tests.support.alb_traffic import Answer, daemon, traffic
from tests.support.alb_world import World, ingress
from tests.support.until import until

pytestmark = pytest.mark.timeout(240)

Object = dict[str, Any]

NEIGHBOURS = [f"n{number:02}" for number in range(20)]
MOST = 100


def five_paths(name: str, of: str = "web") -> Object:
    """An Ingress with five rules."""
    return ingress(name, *(f"/{name}-{number}={of}" for number in range(5)))


def urls(name: str, count: int = 5) -> list[str]:
    """What the rules of an Ingress answer."""
    return [f"shop/{name}-{number}" for number in range(count)]


def served(wanted: list[str], word: str = "web") -> dict[str, Answer]:
    """All of them answered by a Service."""
    return dict.fromkeys(wanted, Answer(200, word))


def rules(world: World) -> int:
    """How many there are, the default ones not counted."""
    return sum(not rule.is_default for rule in world.elb.rules.values())


async def test_a_hundred_and_first_rule_waits_until_there_is_room(world: World) -> None:
    """The youngest is refused, whatever place it asks for."""
    hundred = [url for name in NEIGHBOURS for url in urls(name)]
    async with traffic(world) as users, daemon(world):
        await users.serve("web", "late")
        world.ingresses(*map(five_paths, NEIGHBOURS))
        await users.are_answered(served(hundred))
        async with users.visiting(hundred) as seen:
            world.ingresses(ingress("late", group__order="-1"))
            await until(lambda: names.QUOTA_EXCEEDED in world.events("late", "Warning"))
            assert (await users.ask("shop/late")).status == 404
            assert rules(world) == MOST
            world.ingresses(five_paths(NEIGHBOURS[0], of="late"))
            await users.are_answered(served(urls(NEIGHBOURS[0]), "late"))
        world.delete(NEIGHBOURS[1])
        await users.are_answered({"shop/late": Answer(200, "late")})
    changed = urls(NEIGHBOURS[0])
    assert {url: runs for url, runs in seen.runs.items() if url not in changed} == {
        url: [(200, "web")] for url in hundred if url not in changed
    }
    assert {name: world.notes(name) for name in NEIGHBOURS if world.notes(name)} == {}


@pytest.mark.parametrize("code", ["ValidationError", "InvalidLoadBalancerAction", "UnsupportedProtocol"])
async def test_one_refused_rule_of_a_hundred_leaves_the_others_served(world: World, code: str) -> None:
    """AWS refuses a rule for a reason that nobody could foresee."""

    def is_it(arguments: Arguments) -> bool:
        return "/n07-2" in str(arguments)

    world.aws.faults.add(
        operation="CreateRule", code=code, message="it does not please", times=None, when=is_it
    )
    hundred = [url for name in NEIGHBOURS for url in urls(name)]
    hundred.remove("shop/n07-2")
    async with traffic(world) as users, daemon(world):
        await users.serve("web", "other")
        world.ingresses(*map(five_paths, NEIGHBOURS))
        await users.are_answered(served(hundred) | {"shop/n07-2": Answer(404, "")})
        await until(lambda: world.notes("n07"))
        assert any("it does not please" in note for note in world.notes("n07"))
        world.ingresses(five_paths("n08", of="other"))
        await users.are_answered(served(urls("n08"), "other"))
        world.aws.faults.clear()
        world.ingresses(five_paths("n07", of="other"))
        await users.are_answered(served(urls("n07"), "other"))
    assert {name: world.notes(name) for name in NEIGHBOURS if name != "n07" and world.notes(name)} == {}


@pytest.mark.virtual_time
async def test_an_unknown_certificate_holds_up_nobody(world: World) -> None:
    """The load balancer is new, so AWS may not know it everywhere yet: that is no reason to ask again."""
    world.serve("web", "more")
    unknown = "arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-4000-8000-000000000000"
    ports = '[{"HTTP": 80}, {"HTTPS": 443}]'
    async with world.running():
        world.ingresses(ingress("web", listen_ports=ports, certificate_arn=unknown), ingress("more"))
        await until(lambda: names.CERTIFICATE_MISSING in world.events("web", "Warning"))
        await world.settles()
    refused = [call for call in world.aws.calls if call.error == "CertificateNotFound"]
    assert [call.operation for call in refused] == ["CreateListener"]
    assert world.notes("more") == []
