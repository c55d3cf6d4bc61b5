"""What holds for every name and every sequence of batches."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from addons.sim.aws.route53.errors import InvalidChangeBatch
from addons.sim.aws.route53.model import Action, Key, RecordSet
from addons.sim.aws.route53.names import parse_name, sort_key, unescape
from addons.sim.aws.route53.state import Route53

Batch = list[tuple[Action, RecordSet]]

CHARACTERS = st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters=".\\")
LABELS = st.lists(st.text(CHARACTERS, min_size=1, max_size=20), min_size=1, max_size=6)
RECORDS = st.builds(
    RecordSet,
    st.sampled_from(["a.z.", "b.z.", "x.a.z.", "a-b.z.", "z."]),
    st.sampled_from(["A", "TXT"]),
    st.just(60),
    st.sampled_from([("192.0.2.1",), ("192.0.2.2",), ('"x"',)]),
)
CHANGES = st.tuples(st.sampled_from(["CREATE", "DELETE", "UPSERT"]), RECORDS)
BATCHES = st.lists(st.lists(CHANGES, min_size=1, max_size=4), max_size=12)


@settings(deadline=None)
@given(LABELS)
def test_a_name_has_one_spelling_and_loses_nothing(labels: list[str]) -> None:
    name = parse_name(".".join(labels))
    assert parse_name(name) == name
    assert parse_name(name.upper()) == name
    assert [label.decode() for label in unescape(name)] == [label.lower() for label in labels]


def expected(
    model: dict[Key, RecordSet], batch: list[tuple[Action, RecordSet]]
) -> dict[Key, RecordSet] | None:
    """Give what a batch makes of the records, with the plainest code; None when it must be refused."""
    after, seen = dict(model), list[tuple[Action, Key]]()
    for action, item in batch:
        earlier = [its_action for its_action, key in seen if key == item.key]
        seen.append((action, item.key))
        syntax = (item.type == "TXT") == item.values[0].startswith('"')
        if earlier and (earlier, action) != (["DELETE"], "CREATE"):
            return None
        if action == "DELETE":
            if after.pop(item.key, None) != item:
                return None
        elif not syntax or (action == "CREATE" and item.key in after):
            return None
        else:
            after[item.key] = item
    return after


@settings(max_examples=200, deadline=None)
@given(BATCHES)
def test_a_zone_is_what_the_accepted_batches_made_of_it(
    batches: list[list[tuple[Action, RecordSet]]],
) -> None:
    route53 = Route53()
    zone_id = route53.create_zone("z")
    model: dict[Key, RecordSet] = {item.key: item for item in route53.record_sets(zone_id)}
    for batch in batches:
        wanted = expected(model, batch)
        if wanted is not None:
            route53.change(zone_id, batch)
            model = wanted
        else:
            with suppress(InvalidChangeBatch):
                route53.change(zone_id, batch)
                raise AssertionError(f"accepted: {batch}")
        listed = route53.record_sets(zone_id)
        assert listed == sorted(model.values(), key=lambda item: (sort_key(item.name), item.type))
        zone = route53.zone(zone_id)
        assert all(zone.at(item.name)[item.type, ""] == item for item in listed)
