"""Record types beyond addresses: each stands by itself, owned by a text of its own."""

from addons.dns.model.endpoint import Endpoint, SourceObject
from addons.dns.model.records import RecordSet
from addons.dns.model.registry import Registry
from tests.support.dns import World, endpoint, fqdn, owned, record, service, text

TYPES = ("A", "AAAA", "CNAME", "SRV", "TXT", "MX")
REGISTRY = Registry("me", types=TYPES)
MAIL = "10 mail.example.com."
SPF = '"v=spf1 -all"'


def asks(name: str, kind: str, *values: str, by: str = "mail") -> Endpoint:
    return Endpoint(fqdn(name), kind, values, 300, SourceObject(service(by), "2026-01-01"))


def held(name: str, kind: str, *values: str, owner: str = "me", by: str = "mail") -> list[RecordSet]:
    """A record of this type with its ownership text."""
    data = record(name, *values, kind=kind)
    return [data, Registry(owner).txt_record(data, f"service/web/{by}", "example.com")]


def changes(world: World, *endpoints: Endpoint) -> list[str]:
    return world.plan(*endpoints, registry=REGISTRY).changes


def skips(world: World, *endpoints: Endpoint) -> list[tuple[str, str]]:
    return world.plan(*endpoints, registry=REGISTRY).skips


class TestBesideAddresses:
    """Other records of a name are another matter than where it leads."""

    def test_a_record_has_an_ownership_text_of_its_type(self) -> None:
        assert changes(World(), asks("www", "MX", MAIL)) == ["CREATE MX www", "CREATE TXT mx-www"]

    def test_two_objects_share_a_name_for_different_types(self) -> None:
        world = World(owned("www", "10.0.0.1"))
        found = world.plan(endpoint("www", "10.0.0.1"), asks("www", "MX", MAIL), registry=REGISTRY)
        assert (found.changes, found.skips) == (["CREATE MX www", "CREATE TXT mx-www"], [])

    def test_records_of_strangers_are_in_nobody_s_way(self) -> None:
        world = World(record("www", SPF, kind="TXT"), record("www", "10 mx.example.net.", kind="MX"))
        assert changes(world, endpoint("www", "10.0.0.1")) == ["CREATE A www", "CREATE TXT a-www"]

    def test_a_type_that_nobody_asks_for_any_more_goes_alone(self) -> None:
        world = World(owned("www", "10.0.0.1"), held("www", "MX", MAIL))
        assert changes(world, endpoint("www", "10.0.0.1")) == ["DELETE MX www", "DELETE TXT mx-www"]

    def test_each_is_told_apart_in_decisions(self) -> None:
        planned = World().plan(endpoint("www", "10.0.0.1"), asks("www", "MX", MAIL), registry=REGISTRY)
        assert [group.key for group in planned.groups] == [
            "Z1/www.example.com",
            "Z1/www.example.com#type=MX",
        ]


class TestLimits:
    """What is a stranger's, or cannot stand beside what is there, is told and left."""

    def test_a_stranger_s_record_of_the_type_is_not_touched(self) -> None:
        world = World(record("www", "10 mx.example.net.", kind="MX"))
        assert skips(world, asks("www", "MX", MAIL)) == [("OwnerConflict", "service/web/mail")]

    def test_nothing_stands_beside_a_cname(self) -> None:
        world = World(owned("www", "lb.example.net"))
        found = skips(world, endpoint("www", "lb.example.net"), asks("www", "MX", MAIL))
        assert found == [("CnameExclusive", "service/web/mail")]

    def test_a_cname_does_not_push_other_records_out(self) -> None:
        world = World(held("www", "MX", MAIL))
        found = skips(world, endpoint("www", "lb.example.net"), asks("www", "MX", MAIL))
        assert found == [("CnameExclusive", "service/web/www")]

    def test_of_a_new_cname_and_a_new_record_beside_it_one_is_made(self) -> None:
        planned = World().plan(endpoint("www", "lb.example.net"), asks("www", "MX", MAIL), registry=REGISTRY)
        assert len(planned.groups) == 1
        assert [reason for reason, _ in planned.skips] == ["CnameExclusive"]

    def test_types_that_are_not_managed_are_left_alone(self) -> None:
        assert World(held("www", "MX", MAIL)).plan().changes == []


class TestTexts:
    """TXT records may be data, and ownership texts are TXT records."""

    def test_an_ownership_text_is_never_data(self) -> None:
        world = World(owned("www", "10.0.0.1"), text("old", owner="you"))
        assert changes(world, endpoint("www", "10.0.0.1")) == []

    def test_data_is_made_and_deleted_with_its_ownership_text(self) -> None:
        assert changes(World(), asks("www", "TXT", SPF)) == ["CREATE TXT www", "CREATE TXT txt-www"]
        assert changes(World(held("www", "TXT", SPF))) == ["DELETE TXT www", "DELETE TXT txt-www"]

    def test_data_does_not_replace_an_ownership_text(self) -> None:
        world = World(owned("www", "10.0.0.1"))
        found = skips(world, endpoint("www", "10.0.0.1"), asks("a-www", "TXT", SPF))
        assert found == [("OwnershipTextTaken", "service/web/mail")]
