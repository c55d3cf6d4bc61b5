"""What holds for every plan with aliases and routing policies in it: checked on random worlds."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from addons.dns.model.endpoint import Endpoint
from addons.dns.model.records import Alias, RecordSet, routing_meaning
from addons.dns.model.registry import Ownership, encode
from addons.dns.plan.batches import Size, pack
from addons.dns.plan.records import Policy
from tests.support.dns import REGISTRY, ZONE, World, endpoint

NAMES = ["www", "a-www", "cname-www"]
HOST = "lb-1.eu-central-1.elb.amazonaws.com"
POLICIES = [
    (),
    (("Weight", "1"),),
    (("Weight", "2"),),
    (("Region", '"eu-west-1"'),),
    (("GeoProximityLocation", '{"AWSRegion": "eu-west-1", "Bias": 0}'),),
    (("GeoProximityLocation", '{"AWSRegion": "eu-west-1"}'),),
]

hosts = st.sampled_from([HOST, HOST.upper(), f"dualstack.{HOST}", f"{HOST}."])
addresses = st.sampled_from(["192.0.2.1", "2001:db8::1", "2001:DB8:0::1"])
identifiers = st.sampled_from(["blue", "green"])


@st.composite
def endpoints_of_an_object(draw: st.DrawFn) -> list[Endpoint]:
    """All endpoints of one object: one name, one target, one policy."""
    by = draw(st.sampled_from(["x", "y"]))
    one = endpoint(draw(st.sampled_from(NAMES)), by=by)
    policy = draw(st.sampled_from(POLICIES))
    one = replace(one, routing=policy, set_identifier=draw(identifiers) if policy else "")
    ttl = draw(st.sampled_from([60, 300]))
    match draw(st.sampled_from(["address", "alias", "own alias", "host", "nothing", "nonsense"])):
        case "address":
            value = draw(addresses)
            return [replace(one, type="AAAA" if ":" in value else "A", targets=(value,), ttl=ttl)]
        case "host":
            return [replace(one, type="CNAME", targets=(draw(hosts),), ttl=ttl)]
        case "alias":
            alias = Alias("Z215JYRZR1TBD5", draw(hosts), draw(st.booleans()))
            return [replace(one, type=kind, ttl=0, alias=alias) for kind in ("A", "AAAA")]
        case "own alias":
            return [replace(one, type="A", ttl=0, alias=Alias("", "a-www.example.com", True))]
        case "nonsense":
            return [replace(one, is_unusable=True)]
        case _:
            return [one]


def one_name_each(found: list[list[Endpoint]]) -> list[Endpoint]:
    """An object makes its endpoints to a name once."""
    kept = {(some[0].name, some[0].asked_by.resource): some for some in found}
    return [one for some in kept.values() for one in some]


policies: st.SearchStrategy[Policy] = st.sampled_from(["upsert-only", "create-only"])
endpoints = st.lists(endpoints_of_an_object(), max_size=5).map(one_name_each)


def settled(zone: World, asked: list[Endpoint]) -> World:
    """The zone after so many passes that what waits for another name is decided too."""
    for _ in range(4):
        zone.apply(zone.plan(*asked).groups)
    return zone


def foreign(found: RecordSet) -> RecordSet:
    """A record set as another owner would have made it."""
    return replace(found, values=(encode(Ownership("you", "x")),)) if found.type == "TXT" else found


@given(endpoints, endpoints)
@settings(max_examples=100, deadline=None)
def test_from_any_endpoints_to_any_others_ends_in_an_empty_plan(
    old: list[Endpoint], new: list[Endpoint]
) -> None:
    zone = settled(settled(World(), old), new)
    assert zone.plan(*new).groups == ()


@given(endpoints, endpoints)
@settings(max_examples=100, deadline=None)
def test_nothing_of_ours_is_left_in_the_end(old: list[Endpoint], new: list[Endpoint]) -> None:
    zone = settled(settled(settled(World(), old), new), [])
    assert zone.contents() == frozenset()


@given(endpoints, endpoints)
@settings(max_examples=100, deadline=None)
def test_record_sets_of_another_owner_are_not_touched(theirs: list[Endpoint], ours: list[Endpoint]) -> None:
    others = [foreign(found) for found in settled(World(), theirs).contents()]
    zone = settled(World(others), ours)
    assert frozenset(others) <= zone.contents()


@given(endpoints, endpoints)
@settings(max_examples=100, deadline=None)
def test_every_data_record_of_ours_has_its_text_at_all_times(
    old: list[Endpoint], new: list[Endpoint]
) -> None:
    zone = settled(World(), old)
    for batch in pack(ZONE.id, zone.plan(*new).groups, Size(99, 1, 99_999)):
        zone.apply(batch.groups)
        for found in zone.contents():
            if found.type != "TXT":
                name = REGISTRY.txt_name(found.name, found.type, ZONE.name)
                text = zone.records.find(name, "TXT", found.set_identifier)
                assert text is not None
                assert routing_meaning(text.routing) == routing_meaning(found.routing)


@given(endpoints, endpoints)
@settings(max_examples=100, deadline=None)
def test_a_name_never_disappears_while_its_object_asks_for_it(
    old: list[Endpoint], new: list[Endpoint]
) -> None:
    zone = settled(World(), old)
    asked = {(one.name, one.asked_by.resource) for one in new}
    held = {name for name, resource in _owned(zone) if (name, resource) in asked}
    for group in zone.plan(*new).groups:
        zone.apply([group])
        assert held <= {name for name, _ in _owned(zone)}


def _owned(zone: World) -> set[tuple[str, str]]:
    """The names that have data records, each with the object they were made for."""
    found = set()
    for data in zone.contents():
        text = zone.records.find(
            REGISTRY.txt_name(data.name, data.type, ZONE.name), "TXT", data.set_identifier
        )
        if data.type != "TXT" and text and (said := REGISTRY.owner_of(text)):
            found.add((data.name, said.resource))
    return found


@given(endpoints, policies)
@settings(max_examples=50, deadline=None)
def test_without_sync_nothing_is_given_up(asked: list[Endpoint], policy: Policy) -> None:
    zone = settled(World(), asked)
    assert zone.plan(policy=policy).groups == ()
