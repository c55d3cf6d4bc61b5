"""The third state in plans: what is asked for in a way that cannot be used changes and deletes nothing."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from addons.dns.controller.endpoint_index import EndpointIndex
from addons.dns.model.actions import Plan
from addons.dns.model.endpoint import Desired, Endpoint, SourceObject, unusable
from addons.dns.model.records import RecordSet
from addons.dns.model.zones import ZoneFinder
from addons.dns.plan.records import Policy, Rules
from addons.dns.plan.zone import plan_zone
from addons.runtime.outcomes import Skip
from tests.support.dns import REGISTRY, ZONE, World, by_name, endpoint, owned, service, text

POLICIES: st.SearchStrategy[Policy] = st.sampled_from(["sync", "upsert-only", "create-only"])
NAMES, OBJECTS = ["", "a", "b", "*"], ["x", "y", "z"]
VALUES = ["10.0.0.1", "10.0.0.2", "2001:db8::1", "lb.example.net"]


def unclear(name: str, *, by: str = "www", kind: str = "") -> Endpoint:
    return unusable(endpoint(name, by=by), kind=kind)


def source(by: str) -> SourceObject:
    return SourceObject(service(by))


def plan(world: World, *endpoints: Endpoint, **more: Any) -> Plan:
    """The plan for every name, also with objects that ask for names that cannot be read."""
    wanted = by_name(endpoints)
    rules = Rules(REGISTRY, more.pop("policy", "sync"), {}, **more)
    return plan_zone(ZONE, {*wanted, *world.records.names()}, wanted, world.records, rules)


def kept(found: Plan) -> list[str]:
    return [str(skip.ref) for skip in found.skips if skip.reason == "RecordKept"]


class TestOneName:
    """What an object had stays; what others had goes its usual way."""

    @pytest.mark.parametrize("kind", ["", "A", "AAAA", "CNAME", "MX"])
    def test_nothing_is_given_up(self, kind: str) -> None:
        world = World(owned("www", "10.0.0.1"), owned("www", "2001:db8::1"))
        found = plan(world, unclear("www", kind=kind))
        assert (found.groups, kept(found)) == ((), ["service/web/www"])

    def test_nothing_is_made(self) -> None:
        found = plan(World(), unclear("www"))
        assert (found.groups, found.skips) == ((), ())

    def test_an_old_text_is_not_rewritten(self) -> None:
        record = owned("www", "10.0.0.1")[0]
        assert plan(World(record, text("www"), text("cname-www")), unclear("www")).groups == ()

    def test_the_record_of_another_object_is_given_up(self) -> None:
        world = World(owned("www", "10.0.0.1", by="other"))
        assert [group.verb for group in plan(world, unclear("www")).groups] == ["delete"]

    def test_another_object_that_shares_it_is_served_and_takes_nothing_away(self) -> None:
        world = World(owned("www", "10.0.0.1"))
        found = plan(world, unclear("www"), endpoint("www", "10.0.0.2", by="other"))
        world.apply(found.groups)
        assert world.records.find("www.example.com", "A").values == ("10.0.0.1", "10.0.0.2")  # type: ignore[union-attr]
        assert kept(found) == ["service/web/www"]

    def test_one_that_asks_for_something_else_waits(self) -> None:
        world = World(owned("www", "10.0.0.1"))
        found = plan(world, unclear("www"), endpoint("www", "lb.example.net", by="other"))
        assert found.groups == ()
        assert ("ClaimConflict", "service/web/other") in [(one.reason, str(one.ref)) for one in found.skips]

    def test_a_cname_is_not_made_beside_an_address_that_stays(self) -> None:
        world = World(owned("www", "10.0.0.1"))
        found = plan(world, unclear("www", kind="A"), endpoint("www", "lb.example.net"))
        assert (found.groups, kept(found)) == ((), ["service/web/www"])

    def test_a_record_without_an_object_in_its_text_is_kept_for_the_one_that_asks(self) -> None:
        data, said = owned("www", "10.0.0.1")
        anonymous = replace(said, values=(said.values[0].replace("service/web/www", ""),))
        assert plan(World(data, anonymous), unclear("www")).groups == ()


class TestUnreadableNames:
    """Which record a name stands for that cannot be read is not known: all of the object's stay."""

    def test_every_record_of_the_object_stays(self) -> None:
        world = World(owned("a", "10.0.0.1"), owned("b", "10.0.0.1"), owned("c", "10.0.0.1", by="other"))
        found = plan(world, unreadable={"service/web/www": source("www")})
        assert [(group.verb, group.name) for group in found.groups] == [("delete", "c.example.com")]
        assert kept(found) == ["service/web/www"] * 2

    def test_names_that_it_asks_for_are_served(self) -> None:
        world = World(owned("a", "10.0.0.1"), owned("b", "10.0.0.1"))
        found = plan(world, endpoint("a", "10.0.0.2"), unreadable={"service/web/www": source("www")})
        assert [(group.verb, group.name) for group in found.groups] == [("update", "a.example.com")]

    def test_another_object_takes_its_name_over_only_beside_it(self) -> None:
        world = World(owned("a", "10.0.0.1"))
        found = plan(
            world, endpoint("a", "10.0.0.2", by="other"), unreadable={"service/web/www": source("www")}
        )
        world.apply(found.groups)
        assert world.records.find("a.example.com", "A").values == ("10.0.0.1", "10.0.0.2")  # type: ignore[union-attr]


class TestTtl:
    """A TTL that cannot be read leaves the one that is there."""

    def asked(self, *targets: str) -> Endpoint:
        return replace(endpoint("www", *targets), keeps_ttl=True)

    def test_it_stays_while_the_targets_change(self) -> None:
        world = World(owned("www", "10.0.0.1", ttl=60))
        found = plan(world, self.asked("10.0.0.2"))
        world.apply(found.groups)
        record = world.records.find("www.example.com", "A")
        assert record is not None
        assert (record.values, record.ttl) == (("10.0.0.2",), 60)
        assert kept(found) == ["service/web/www"]

    def test_a_new_record_has_the_default(self) -> None:
        found = plan(World(), self.asked("10.0.0.2"))
        assert {change.record.ttl for group in found.groups for change in group.changes} == {300}
        assert kept(found) == []


objects = st.sampled_from(OBJECTS)
plain = st.builds(endpoint, st.sampled_from(NAMES), st.sampled_from(VALUES), by=objects, ttl=st.just(300))
broken = st.builds(
    unclear, st.sampled_from(NAMES), by=objects, kind=st.sampled_from(["", "A", "AAAA", "CNAME", "MX"])
)


def one_kind(found: list[Endpoint]) -> list[Endpoint]:
    """One endpoint per object, name and type, and a CNAME on its own."""
    chosen: dict[tuple[str, str, str], Endpoint] = {}
    for one in found:
        by = one.asked_by.resource
        kinds = {kind for name, owner, kind in chosen if (name, owner) == (one.name, by)}
        if not kinds or {*kinds, one.type} <= {"A", "AAAA"}:
            chosen[one.name, by, one.type] = one
    return list(chosen.values())


asked = st.lists(plain, max_size=6).map(one_kind)
faults = st.lists(broken, max_size=4)


def settled(*endpoints: Endpoint) -> World:
    world = World()
    for _ in range(2):
        world.apply(world.plan(*endpoints).groups)
    return world


def made_for(world: World, owner: str) -> set[RecordSet]:
    """The records whose ownership text names this object."""
    return {
        record
        for record in world.contents()
        if record.type != "TXT"
        and f"resource=service/web/{owner}"
        in str(world.records.find(REGISTRY.txt_name(record.name, record.type, ZONE.name), "TXT"))
    }


@given(asked, faults, POLICIES)
@settings(max_examples=200, deadline=None)
def test_an_object_that_asks_only_in_ways_that_cannot_be_used_loses_and_gains_nothing(
    old: list[Endpoint], faulty: list[Endpoint], policy: Policy
) -> None:
    world = settled(*old)
    before = {owner: made_for(world, owner) for owner in OBJECTS}
    everywhere = [unclear(name, by=one.asked_by.ref.name) for one in faulty for name in NAMES]
    found = plan(world, *faulty, *everywhere, policy=policy)
    world.apply(found.groups)
    for owner in {one.asked_by.ref.name for one in faulty}:
        assert made_for(world, owner) == before[owner]


@given(asked, st.sets(objects, min_size=1), POLICIES)
@settings(max_examples=200, deadline=None)
def test_nothing_of_an_object_with_an_unreadable_name_goes(
    old: list[Endpoint], owners: set[str], policy: Policy
) -> None:
    world = settled(*old)
    before = {owner: made_for(world, owner) for owner in owners}
    unreadable = {f"service/web/{owner}": source(owner) for owner in owners}
    world.apply(plan(world, unreadable=unreadable, policy=policy).groups)
    assert {owner: made_for(world, owner) for owner in owners} == before


@given(asked, asked, faults)
@settings(max_examples=200, deadline=None)
def test_the_faults_of_an_object_without_records_change_no_plan(
    old: list[Endpoint], new: list[Endpoint], faulty: list[Endpoint]
) -> None:
    strangers = [replace(one, asked_by=source("stranger")) for one in faulty]
    world = settled(*old)
    assert plan(world, *new, *strangers).groups == plan(world, *new).groups


@given(asked, asked, faults)
@settings(max_examples=200, deadline=None)
def test_what_can_be_used_is_had_in_the_end_or_told(
    old: list[Endpoint], new: list[Endpoint], faulty: list[Endpoint]
) -> None:
    world = settled(*old)
    for _ in range(3):
        world.apply(plan(world, *new, *faulty).groups)
    last = plan(world, *new, *faulty)
    assert last.groups == ()
    told = {_name(skip) for skip in last.skips}
    for one in new:
        record = world.records.find(one.name, one.type)
        assert one.name in told or (record is not None and set(one.targets) <= set(record.values))


def _name(skip: Skip) -> str:
    return skip.key.partition("/")[2].partition("#")[0]


class TestIndex:
    """What an object asked for before it began to ask in a way that cannot be used."""

    def index(self) -> EndpointIndex:
        made = EndpointIndex()
        made.set_zones(ZoneFinder([ZONE]))
        return made

    def at(self, made: EndpointIndex, name: str) -> Mapping[tuple[str, bool, bool], tuple[str, ...]]:
        found = made.in_zone(ZONE.id).get(f"{name}.example.com", ())
        return {(one.type, one.is_unusable, one.keeps): one.targets for one in found}

    def put(self, made: EndpointIndex, *endpoints: Endpoint, unreadable: bool = False) -> None:
        which = source("www") if unreadable else None
        made.put(("Service", "web", "www"), Desired(endpoints, unreadable=which))

    def test_it_is_carried_over_until_it_can_be_used_again_or_is_taken_back(self) -> None:
        made = self.index()
        self.put(made, endpoint("a", "10.0.0.1"), endpoint("b", "10.0.0.1"))
        for _ in range(2):
            self.put(made, unclear("a"), endpoint("b", "10.0.0.1", ttl=5))
            assert self.at(made, "a") == {("", True, False): (), ("A", False, True): ("10.0.0.1",)}
            assert self.at(made, "b") == {("A", False, False): ("10.0.0.1",)}
        self.put(made, endpoint("a", "10.0.0.2"))
        assert self.at(made, "a") == {("A", False, False): ("10.0.0.2",)}
        assert self.at(made, "b") == {}

    def test_all_of_it_while_a_name_cannot_be_read(self) -> None:
        made = self.index()
        self.put(made, endpoint("a", "10.0.0.1"), endpoint("b", "10.0.0.1"))
        self.put(made, endpoint("b", "10.0.0.2"), unreadable=True)
        assert self.at(made, "a") == {("A", False, True): ("10.0.0.1",)}
        assert self.at(made, "b") == {("A", False, False): ("10.0.0.2",)}
        assert list(made.unreadable) == ["service/web/www"]
        self.put(made, endpoint("b", "10.0.0.2"))
        assert (self.at(made, "a"), made.unreadable) == ({}, {})

    def test_an_object_that_is_gone_asks_for_nothing(self) -> None:
        made = self.index()
        self.put(made, endpoint("a", "10.0.0.1"))
        self.put(made, unclear("a"), unreadable=True)
        self.put(made)
        assert (self.at(made, "a"), made.unreadable, len(made)) == ({}, {}, 0)
