"""Ownership texts whose record is gone: removed, unless it is made anew; never a claim on another one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from addons.dns.controller.holds import VoidTexts
from addons.dns.model.actions import Plan
from addons.dns.model.endpoint import Endpoint, SourceObject, unusable
from addons.dns.model.records import RecordKey, RecordSet
from addons.dns.model.registry import Registry
from addons.dns.plan.records import Policy, Rules
from addons.dns.plan.zone import plan_zone
from addons.runtime.errors import Invalid
from addons.runtime.outcomes import Outcome
from tests.support.dns import REGISTRY, ZONE, World, by_name, endpoint, fqdn, owned, record, service, text

ORPHAN = ("a-www.example.com", "TXT", "")


def plan(
    world: World,
    *endpoints: Endpoint,
    policy: Policy = "sync",
    registry: Registry = REGISTRY,
    void: frozenset[RecordKey] = frozenset(),
    unreadable: tuple[str, ...] = (),
) -> Plan:
    wanted = by_name(endpoints)
    unclear = {f"service/web/{name}": SourceObject(service(name)) for name in unreadable}
    rules = Rules(registry, policy, {}, void_texts=void, unreadable=unclear)
    return plan_zone(ZONE, {*wanted, *world.records.names()}, wanted, world.records, rules)


def changes(found: Plan) -> list[str]:
    return [
        f"{change.action} {change.record.type} {change.record.name.removesuffix('.example.com')}"
        for group in found.groups
        for change in group.changes
    ]


def told(found: Plan) -> list[tuple[str, str]]:
    return [(skip.reason, skip.message) for skip in found.skips]


def orphan(name: str, kind: str = "A", registry: Registry = REGISTRY) -> RecordSet:
    """The text that stood beside a record of the Service www."""
    data = RecordSet(fqdn(name), kind, 300, ("10.0.0.1",))
    return registry.txt_record(data, "service/web/www", ZONE.name)


AFFIXES = [
    REGISTRY,
    Registry("me", prefix="ext-"),
    Registry("me", suffix="-txt"),
    Registry("me", prefix="_owner."),
    Registry("me", prefix="ext-%{record_type}-"),
    Registry("me", suffix=".%{record_type}"),
    Registry("me", wildcard_replacement="any"),
]
NAMES = ["www", "a-www", "", "*", "*.sub", "x" * 63, "cname-x", "any"]
KINDS = ["A", "AAAA", "CNAME", "MX", "SRV"]


class TestRemoval:
    """Nobody asks for the record any more."""

    @pytest.mark.parametrize("registry", AFFIXES, ids=lambda found: f"{found.prefix}*{found.suffix}")
    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("kind", KINDS)
    def test_a_text_is_an_orphan_exactly_without_its_record(
        self, registry: Registry, name: str, kind: str
    ) -> None:
        registry = replace(registry, types=tuple(KINDS))
        stale = orphan(name, kind, registry)
        data = RecordSet(fqdn(name), kind, 300, ("10.0.0.1",))
        assert plan(World(data, stale), registry=registry).orphans == frozenset()
        alone = plan(World(stale), registry=registry)
        if not stale.name.startswith("_aws-addons-owner"):
            assert (alone.orphans, [group.verb for group in alone.groups]) == (
                frozenset({stale.key}),
                ["delete"],
            )

    @pytest.mark.parametrize("name", ["", "x" * 63])
    def test_a_text_under_the_fallback_name_too(self, name: str) -> None:
        stale = orphan(name)
        assert stale.name.startswith("_aws-addons-owner-a-")
        found = plan(World(stale, record("other", "10.0.0.1")))
        assert (found.orphans, [group.verb for group in found.groups]) == (frozenset({stale.key}), ["delete"])

    def test_texts_of_old_formats_too(self) -> None:
        assert changes(plan(World(text("www"), text("cname-old")))) == [
            "DELETE TXT cname-old",
            "DELETE TXT www",
        ]

    def test_not_while_the_policy_forbids_it(self) -> None:
        found = plan(World(text("a-www")), policy="upsert-only")
        message = (
            "a-www.example.com stays, although the record whose owner it says is gone: "
            "policy upsert-only forbids deletes"
        )
        assert (found.groups, told(found)) == ((), [("OrphanedText", message)])

    def test_never_of_another_owner_nor_of_an_unmanaged_record(self) -> None:
        mail = RecordSet(fqdn("www"), "MX", 300, ("10 mail.example.com",))
        found = plan(World(text("a-www", owner="you"), mail, text("mx-www")))
        assert (found.groups, found.orphans) == ((), frozenset())

    def test_of_one_set_beside_another(self) -> None:
        blue, green = (
            replace(one, set_identifier=identifier, routing=(("Weight", "1"),))
            for identifier in ("blue", "green")
            for one in (text("a-www"),)
        )
        data = replace(record("www", "10.0.0.1"), set_identifier="blue", routing=(("Weight", "1"),))
        asked = replace(endpoint("www", "10.0.0.1"), set_identifier="blue", routing=(("Weight", "1"),))
        found = plan(World(data, blue, green), asked)
        assert [change.record for group in found.groups for change in group.changes] == [green]


class TestNewRecord:
    """The record is asked for, and made anew."""

    def test_it_is_made_beside_its_text(self) -> None:
        assert changes(plan(World(text("a-www")), endpoint("www", "10.0.0.1"))) == ["CREATE A www"]

    def test_a_text_of_another_type_goes(self) -> None:
        found = plan(World(text("a-www")), endpoint("www", "2001:db8::1"))
        assert sorted(changes(found)) == ["CREATE AAAA www", "CREATE TXT aaaa-www", "DELETE TXT a-www"]

    def test_at_the_apex(self) -> None:
        stale = orphan("")
        assert changes(plan(World(stale), endpoint("", "10.0.0.1"))) == ["CREATE A example.com"]

    @pytest.mark.parametrize("asked", [endpoint("www"), unusable(endpoint("www", "10.0.0.1"))])
    def test_the_text_stays_while_it_cannot_be_made(self, asked: Endpoint) -> None:
        found = plan(World(text("a-www")), asked)
        assert (found.groups, found.orphans) == ((), frozenset({ORPHAN}))

    def test_the_text_stays_while_the_object_has_a_name_that_cannot_be_read(self) -> None:
        found = plan(World(text("a-www")), unreadable=("www",))
        assert found.groups == ()
        assert "service/web/www asks for a name that cannot be read" in told(found)[0][1]


class TestWrongPrefix:
    """A prefix of other days makes every text look orphaned: none is removed."""

    @pytest.mark.parametrize("before", AFFIXES[1:5], ids=lambda found: f"{found.prefix}*{found.suffix}")
    @pytest.mark.parametrize("now", AFFIXES[:5], ids=lambda found: f"{found.prefix}*{found.suffix}")
    @pytest.mark.parametrize("asked", [True, False])
    def test_no_text_is_removed(self, before: Registry, now: Registry, asked: bool) -> None:
        data = record("www", "10.0.0.1")
        stale = before.txt_record(data, "service/web/www", ZONE.name)
        endpoints = [endpoint("www", "10.0.0.1")] if asked else []
        found = plan(World(data, stale), *endpoints, registry=now, policy="upsert-only")
        if before.txt_name("www", "A", ZONE.name) != now.txt_name("www", "A", ZONE.name):
            assert changes(plan(World(data, stale), *endpoints, registry=now)) == []
        assert [group.verb for group in found.groups] == []


class TestClaims:
    """What comes to stand beside a text that was an orphan is not ours."""

    VOID = frozenset({ORPHAN})

    def test_it_is_not_deleted(self) -> None:
        world = World(owned("www", "192.0.2.9"))
        assert changes(plan(world, void=self.VOID)) == ["DELETE TXT a-www"]

    def test_it_is_not_changed(self) -> None:
        found = plan(World(owned("www", "192.0.2.9")), endpoint("www", "10.0.0.1"), void=self.VOID)
        assert found.groups == ()
        assert told(found) == [
            (
                "OwnerConflict",
                "A www.example.com exists in public zone example.com (Z1) and has no owner, not touched",
            )
        ]

    def test_without_the_void_text_it_is_ours(self) -> None:
        assert sorted(changes(plan(World(owned("www", "192.0.2.9"))))) == ["DELETE A www", "DELETE TXT a-www"]


class TestVoidTexts:
    """What is remembered of orphans, as records come and go."""

    def made(self, world: World, *endpoints: Endpoint, error: Invalid | None = None) -> VoidTexts:
        """Carry a plan out; with an error nothing of it was done."""
        void, found = VoidTexts(REGISTRY), plan(world, *endpoints)
        void.follow(ZONE, found.orphans, [Outcome(group, error) for group in found.groups])
        return void

    def test_a_text_whose_record_is_made_anew_counts_again(self) -> None:
        assert self.made(World(text("a-www")), endpoint("www", "10.0.0.1")).of(ZONE.id) == set()

    def test_one_whose_record_was_refused_does_not(self) -> None:
        void = self.made(World(text("a-www")), endpoint("www", "10.0.0.1"), error=Invalid("no"))
        assert void.of(ZONE.id) == {ORPHAN}

    def test_one_that_was_removed_is_forgotten(self) -> None:
        assert self.made(World(text("a-www"))).of(ZONE.id) == set()

    def test_zones_are_told_apart(self) -> None:
        void = self.made(World(text("a-www")), unusable(endpoint("www", "10.0.0.1")))
        assert (void.of(ZONE.id), void.of("Z2")) == ({ORPHAN}, set())


pieces = st.one_of(
    st.builds(owned, st.sampled_from(["web", "db", "api"]), st.sampled_from(["10.0.0.1", "2001:db8::1"])),
    st.builds(
        lambda name, kind: [orphan(name, kind)], st.sampled_from(["web", "db", "api"]), st.sampled_from(KINDS)
    ),
    st.builds(lambda name: [record(name, "192.0.2.9")], st.sampled_from(["web", "db", "api"])),
)


@given(st.lists(pieces, max_size=8), st.sets(st.sampled_from(["web", "db", "api"])))
@settings(max_examples=200, deadline=None)
def test_with_sync_no_text_without_a_record_is_left_and_no_record_of_others_is_touched(
    content: list[list[RecordSet]], asked: set[str]
) -> None:
    world = World()
    for piece in content:
        if not any(world.records.find(*one.key) for one in piece):
            world = World(*world.records, piece)
    orphaned = {one.key for one in world.contents() if one.type == "TXT" and not _has_record(world, one)}
    foreign = {
        one
        for one in world.contents()
        if one.type != "TXT" and REGISTRY.txt_record(one, "", ZONE.name).key in orphaned
    }
    assert foreign == set()
    endpoints = [endpoint(name, "10.0.0.1") for name in asked]
    strangers = {one for one in world.contents() if one.type != "TXT" and not _has_text(world, one)}
    for _ in range(2):
        world.apply(plan(world, *endpoints).groups)
    assert strangers <= world.contents()
    for one in world.contents():
        assert one.type != "TXT" or _has_record(world, one)


def _has_record(world: World, found: RecordSet) -> bool:
    return any(
        REGISTRY.txt_name(one.name, one.type, ZONE.name) == found.name
        for one in world.contents()
        if one.type != "TXT"
    )


def _has_text(world: World, found: RecordSet) -> bool:
    return bool(REGISTRY.texts_of(found, ZONE.name, world.records))
