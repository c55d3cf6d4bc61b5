"""What holds for every plan, whatever the zone and the endpoints: checked on random worlds."""

from collections.abc import Iterable, Mapping, Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from addons.dns.model.actions import Plan
from addons.dns.model.endpoint import Endpoint
from addons.dns.model.records import MANAGED_TYPES, RecordSet
from addons.dns.model.registry import owner_of
from addons.dns.plan.batches import Size, pack
from addons.dns.plan.records import Rules
from addons.dns.plan.zone import plan_zone
from tests.support.dns import REGISTRY, ZONE, World, by_name, endpoint, fqdn, owned, record, text

NAMES = ["", "a", "b", "a-a", "cname-b", "*"]
VALUES = ["10.0.0.1", "10.0.0.2", "2001:db8::1", "lb.example.net"]


def one_per_type(found: list[Endpoint]) -> list[Endpoint]:
    """As `make_endpoints` makes them: one endpoint per object, name and type, and a CNAME on its own."""
    kept: dict[tuple[str, str, str], Endpoint] = {}
    for one in found:
        owner = one.asked_by.resource
        kinds = {kind for name, by, kind in kept if (name, by) == (one.name, owner)}
        if not kinds or ({*kinds, one.type} <= {"A", "AAAA"}):
            kept[one.name, owner, one.type] = one
    return list(kept.values())


names = st.sampled_from(NAMES)
values = st.sampled_from(VALUES)
plain = st.builds(
    endpoint,
    names,
    values,
    by=st.sampled_from(["x", "y"]),
    ttl=st.sampled_from([60, 300]),
    created=st.just("2026"),
)
pending = st.builds(endpoint, names, by=st.sampled_from(["x", "y"]))
endpoints = st.lists(st.one_of(plain, pending), max_size=8).map(one_per_type)
ours = st.builds(owned, names, values, by=st.sampled_from(["x", "y"]))
strangers = st.one_of(
    st.builds(lambda name: owned(name, "192.0.2.1", owner="you"), names),
    st.builds(lambda name: [record(name, "192.0.2.2")], names),
    st.builds(lambda name: [RecordSet(fqdn(name), "MX", 300, ("10 m.example.net",))], names),
)
stray_texts = st.builds(lambda name, owner: [text(name, owner=owner)], names, st.sampled_from(["me", "you"]))
zones = st.lists(st.one_of(ours, strangers, stray_texts), max_size=10)


def world(content: list[list[RecordSet]]) -> World:
    """A zone that Route 53 would accept: a piece that contradicts an earlier one is left out, whole."""
    made = World()
    for piece in content:
        if all(_fits(made, found) for found in piece):
            made = World(*made.records, piece)
    return made


def _fits(zone: World, new: RecordSet) -> bool:
    kinds = {found.type for found in zone.records.at(new.name)}
    return new.type not in kinds and "CNAME" not in kinds and not (kinds and new.type == "CNAME")


@given(zones, endpoints)
@settings(max_examples=100, deadline=None)
def test_a_settled_zone_has_an_empty_plan(content: list[list[RecordSet]], asked: list[Endpoint]) -> None:
    zone = settled(world(content), asked)
    assert zone.plan(*asked).groups == ()


@given(zones, endpoints, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_input_does_not_matter(
    content: list[list[RecordSet]], asked: list[Endpoint], random: Random
) -> None:
    zone = world(content)
    shuffled = list(asked)
    random.shuffle(shuffled)
    one, other = zone.plan(*asked), zone.plan(*shuffled)
    assert (one.groups, one.skips) == (other.groups, other.skips)


@given(zones, endpoints)
@settings(max_examples=100, deadline=None)
def test_deletes_name_exactly_what_is_there_and_no_text_but_ours(
    content: list[list[RecordSet]], asked: list[Endpoint]
) -> None:
    zone = world(content)
    for group in zone.plan(*asked).groups:
        for change in group.changes:
            if change.action == "DELETE":
                assert zone.records.find(*change.record.key) == change.record
                assert change.record.type in MANAGED_TYPES or _is_ours(change.record)


@given(st.lists(st.one_of(strangers, ours), max_size=10), endpoints)
@settings(max_examples=100, deadline=None)
def test_records_of_strangers_survive_every_plan(
    content: list[list[RecordSet]], asked: list[Endpoint]
) -> None:
    zone = world(content)
    foreign = {found for found in zone.records if found.values[0].startswith("192.0.2.")}
    zone.apply(zone.plan(*asked).groups)
    assert foreign <= zone.contents()


@given(zones, endpoints, st.integers(min_value=1, max_value=4))
@settings(max_examples=100, deadline=None)
def test_a_plan_cut_off_after_any_batch_is_finished_by_the_next(
    content: list[list[RecordSet]], asked: list[Endpoint], elements: int
) -> None:
    whole = settled(world(content), asked)
    batches = list(pack(ZONE.id, world(content).plan(*asked).groups, Size(99, elements, 99_999)))
    for end in range(len(batches)):
        zone = world(content)
        for batch in batches[:end]:
            zone.apply(batch.groups)
        assert settled(zone, asked).contents() == whole.contents()


@given(zones, endpoints, endpoints)
@settings(max_examples=100, deadline=None)
def test_a_settled_name_needs_no_look_until_its_endpoints_or_records_change(
    content: list[list[RecordSet]], asked: list[Endpoint], later: list[Endpoint]
) -> None:
    zone = settled(world(content), asked[1:])
    wanted, wanted_later = by_name(asked), by_name([*asked[:4], *later[:2]])
    first = planned(zone, wanted, {*wanted, *zone.records.names()})
    zone.apply(first.groups[:1])
    touched = {change.record.name for group in first.groups[:1] for change in group.changes}
    changed = {name for name in {*wanted, *wanted_later} if wanted.get(name) != wanted_later.get(name)}
    some = planned(zone, wanted_later, first.unsettled | touched | changed)
    everything = planned(zone, wanted_later, {*wanted_later, *zone.records.names()})
    assert (some.groups, some.skips) == (everything.groups, everything.skips)


def planned(zone: World, wanted: Mapping[str, Sequence[Endpoint]], names: Iterable[str]) -> Plan:
    return plan_zone(ZONE, names, wanted, zone.records, Rules(REGISTRY, "sync", {}))


def settled(zone: World, asked: list[Endpoint]) -> World:
    """The zone after two passes: a name that another one was in the way of waits for the second."""
    for _ in range(2):
        zone.apply(zone.plan(*asked).groups)
    return zone


def _is_ours(found: RecordSet) -> bool:
    said = owner_of(found)
    return said is not None and said.owner == "me"
