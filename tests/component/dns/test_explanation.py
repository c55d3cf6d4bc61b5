"""Whoever asks about one object learns what holds of it now, however much happened since it was decided."""

import pytest

from addons.dns.controller.zones import Controller
from addons.runtime.decisions import Decision
from tests.component.dns.test_sources import EXTERNAL, define, dns_endpoint, entry
from tests.support.dns_world import CHANGE, PREFIX, World, service
from tests.support.permits import NEVER
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

WWW = "service/default/www"
OTHERS = "may ask for no name; by --source these may: ingress, service, written kind/namespace/name"


def answers(controller: Controller, about: str = WWW) -> list[tuple[str, str]]:
    """Reason and message of everything that is said of an object."""
    return [(one.reason, one.message) for one in controller.decisions_on(about)]


def one(controller: Controller, about: str = WWW) -> Decision:
    (found,) = controller.decisions_on(about)
    return found


async def test_a_service_without_an_address_is_told_of_among_more_than_a_thousand(world: World) -> None:
    world.create(service("www"), *(service(f"s{number}") for number in range(1100)))
    async with world.controller() as controller:
        world.decisions.on_demand = controller.decisions_on
        await controller.run_once(NEVER)
        assert len(world.decisions.newest(limit=5000)) == 1000
        for name in ("www", "s0", "s1099"):
            told = world.decisions.newest(f"service/default/{name}")[0]
            assert (told.reason, told.key) == ("NoTargets", f"{world.zone_id}/{name}.example.com")
            assert told.message.startswith(f"service/default/{name} has no target for {name}.example.com now")


async def test_a_record_that_is_as_asked_is_shown(world: World) -> None:
    world.create(service("www", "192.0.2.1"))
    async with world.controller() as controller:
        await controller.run_once(NEVER)
        found = one(controller)
    assert (found.key, found.action, found.reason) == (
        f"{world.zone_id}/www.example.com",
        "keep",
        "RecordReady",
    )
    assert found.message == f"A www.example.com -> 192.0.2.1 in public zone example.com ({world.zone_id})"


async def test_a_change_that_failed_or_is_about_to_come_is_told(world: World) -> None:
    world.create(service("www", "192.0.2.1"))
    async with world.controller() as controller:
        zone = f"public zone example.com ({world.zone_id})"
        assert one(controller).message.startswith("the objects are not read yet: ")
        await controller.run_once(NEVER)
        world.update(service("www", "192.0.2.2"))
        await until(lambda: one(controller).reason == "Planned")
        assert one(controller).message == f"A www.example.com -> 192.0.2.2 is about to be made in {zone}"
        world.aws.faults.add(operation=CHANGE, code="InvalidChangeBatch", status=400, message="no", times=9)
        await controller.run_once(NEVER)
        assert (one(controller).reason, "no" in one(controller).message) == ("RecordError", True)


async def test_a_name_that_somebody_else_holds(world: World) -> None:
    world.foreign("www", "198.51.100.1")
    world.create(service("www", "192.0.2.1"))
    async with world.controller() as controller:
        await controller.run_once(NEVER)
        assert one(controller).reason == "OwnerConflict"


async def test_a_name_without_a_zone(world: World) -> None:
    world.create(service("www", "192.0.2.1", hostname="www.example.org"))
    async with world.controller() as controller:
        await controller.run_once(NEVER)
        assert answers(controller) == [("NoZone", "no hosted zone of ours is there for www.example.org")]


async def test_a_misspelt_annotation_is_told_with_the_one_that_is_meant(world: World) -> None:
    www = service("www", "192.0.2.1")
    www["metadata"]["annotations"] = {PREFIX + "hostnames": "www.example.com"}
    world.create(www)
    async with world.controller() as controller:
        await controller.run_once(NEVER)
        told = answers(controller)
    assert told == [
        (
            "UnknownAnnotation",
            f"annotation {PREFIX}hostnames is not known: did you mean {PREFIX}hostname?",
        ),
        (
            "NotAsked",
            "service/default/www asks for no name: nothing names it: it has neither the annotation "
            "external-dns.kubernetes.io/hostname nor a name of --fqdn-template",
        ),
    ]


async def test_a_record_that_stays_though_its_object_no_longer_asks(world: World) -> None:
    world.create(service("www", "192.0.2.1"))
    await world.once()
    www = service("www", "192.0.2.1")
    www["metadata"]["annotations"] = {}
    world.update(www)
    async with world.controller("--policy=upsert-only") as controller:
        await controller.run_once(NEVER)
        reasons = [reason for reason, _ in answers(controller)]
        assert reasons == ["PolicyForbids", "NotAsked"]
        world.delete("www")
        await until(lambda: not controller.watches.services.get("default", "www"))
        assert [reason for reason, _ in answers(controller)] == ["PolicyForbids", "UnknownObject"]


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ("service/default/wwww", "there is no service/default/wwww; did you mean service/default/www?"),
        ("service/web/www", "there is no service/web/www; did you mean service/default/www?"),
        ("service/default/xyz", "there is no service/default/xyz"),
        ("Service/default/Www", "there is no service/default/Www; did you mean service/default/www?"),
        ("node/www", f"node/www {OTHERS}"),
        ("nonsense", f"nonsense {OTHERS}"),
    ],
)
async def test_an_object_that_is_not_there(world: World, about: str, message: str) -> None:
    world.create(service("www", "192.0.2.1"))
    async with world.controller() as controller:
        await controller.run_once(NEVER)
        assert answers(controller, about) == [("UnknownObject", message)]


async def test_what_cannot_be_used_and_has_no_record_is_not_about_to_be_made(world: World) -> None:
    world.create(service("www", "192.0.2.1", target="192.0.2.1:80"))
    async with world.controller() as controller:
        await controller.run_once(NEVER)
        problem, name = answers(controller)
        assert problem[0] == "InvalidHostname"
        zone = f"public zone example.com ({world.zone_id})"
        why = "how service/default/www asks for it cannot be used"
        assert name == ("RecordKept", f"www.example.com is not made in {zone}: {why}")


async def test_of_targets_that_exclude_each_other_the_one_that_is_there_is_shown(world: World) -> None:
    world.create(service("www", target="a.example.net,b.example.net"))
    async with world.controller() as controller:
        await controller.run_once(NEVER)
        assert [reason for reason, _ in answers(controller)] == ["ConflictingTargets", "RecordReady"]


async def test_a_dnsendpoint_may_be_called_as_ownership_texts_call_it(world: World) -> None:
    define(world, EXTERNAL, "DNSEndpoint")
    world.create(dns_endpoint("one", entry("crd", "A", "192.0.2.3")), kind="dnsendpoints", version=EXTERNAL)
    async with world.controller("--source=crd") as controller:
        await controller.run_once(NEVER)
        assert answers(controller, "crd/default/one") == answers(controller, "dnsendpoint/default/one")
        assert one(controller, "crd/default/one").reason == "RecordReady"
