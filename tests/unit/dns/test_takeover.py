"""Taking over records of a former owner, and of nobody: only names wanted here, one swap of the text."""

from hypothesis import given, settings
from hypothesis import strategies as st

from addons.dns.model.records import RecordSet
from addons.dns.model.registry import Registry, owner_of
from tests.support.dns import ZONE, World, endpoint, fqdn, owned, record, text

HEIR = Registry("me", former_owner="old")
ADOPTER = Registry("me", adopts_unowned=True)


class TestFormerOwner:
    """`--migrate-from-txt-owner`: his records of names that we want become ours."""

    def test_the_text_changes_hands_in_one_swap_and_the_record_stays(self) -> None:
        world = World(owned("www", "10.0.0.1", owner="old"))
        planned = world.plan(endpoint("www", "10.0.0.1"), registry=HEIR)
        assert planned.changes == ["DELETE TXT a-www", "CREATE TXT a-www"]
        assert all(HEIR.vouches(group, ZONE.name, world.records) for group in planned.groups)

    def test_a_second_pass_finds_nothing_to_do(self) -> None:
        world = World(owned("www", "10.0.0.1", owner="old"))
        world.apply(world.plan(endpoint("www", "10.0.0.1"), registry=HEIR).groups)
        assert world.plan(endpoint("www", "10.0.0.1"), registry=HEIR).groups == ()
        assert world.plan(endpoint("www", "10.0.0.1")).groups == ()

    def test_a_record_that_must_change_changes_with_it(self) -> None:
        world = World(owned("www", "10.0.0.1", owner="old"))
        planned = world.plan(endpoint("www", "lb.example.net"), registry=HEIR)
        assert planned.changes == [
            "DELETE A www",
            "DELETE TXT a-www",
            "CREATE CNAME www",
            "CREATE TXT cname-www",
        ]
        assert all(HEIR.vouches(group, ZONE.name, world.records) for group in planned.groups)

    def test_his_texts_in_old_formats_go_lest_they_claim_a_later_strangers_record(self) -> None:
        world = World(owned("www", "10.0.0.1", owner="old"), text("www", owner="old"))
        planned = world.plan(endpoint("www", "10.0.0.1"), registry=HEIR)
        assert sorted(planned.changes) == ["CREATE TXT a-www", "DELETE TXT a-www", "DELETE TXT www"]

    def test_an_old_format_alone_becomes_the_new_one(self) -> None:
        world = World(record("www", "10.0.0.1"), text("www", owner="old"))
        planned = world.plan(endpoint("www", "10.0.0.1"), registry=HEIR)
        assert planned.changes == ["DELETE TXT www", "CREATE TXT a-www"]

    def test_the_object_that_held_the_name_keeps_it(self) -> None:
        world = World(owned("www", "10.0.0.2", owner="old", by="younger"))
        older, younger = (
            endpoint("www", "10.0.0.1", by="older", created="2020"),
            endpoint("www", "lb.example.net", by="younger", created="2026"),
        )
        planned = world.plan(older, younger, registry=HEIR)
        assert planned.skips == [("ClaimConflict", "service/web/older")]

    def test_his_names_that_nobody_wants_here_are_not_touched(self) -> None:
        world = World(owned("www", "10.0.0.1", owner="old"))
        assert world.plan(registry=HEIR).groups == ()

    def test_records_of_a_third_owner_stay_his(self) -> None:
        world = World(owned("www", "10.0.0.1", owner="you"))
        assert world.plan(endpoint("www", "10.0.0.1"), registry=HEIR).skips == [
            ("OwnerConflict", "service/web/www")
        ]

    def test_nothing_is_deleted_at_the_door_on_his_word(self) -> None:
        his = World(owned("www", "10.0.0.1", owner="old"))
        (group,) = his.plan(registry=Registry("old")).groups
        assert group.verb == "delete"
        assert not HEIR.vouches(group, ZONE.name, his.records)


class TestNobodysRecords:
    """`--adopt-unowned`: a record without owner that is what we want gets our text beside it."""

    def test_the_text_is_made_and_the_record_stays(self) -> None:
        world = World(record("www", "10.0.0.1"))
        planned = world.plan(endpoint("www", "10.0.0.1"), registry=ADOPTER)
        assert planned.changes == ["CREATE TXT a-www"]
        world.apply(planned.groups)
        assert world.plan(endpoint("www", "10.0.0.1"), registry=ADOPTER).groups == ()
        assert world.plan().changes == ["DELETE A www", "DELETE TXT a-www"]

    def test_spelling_does_not_matter(self) -> None:
        world = World(RecordSet(fqdn("www"), "CNAME", 300, ("LB.example.net.",)))
        planned = world.plan(endpoint("www", "lb.example.net"), registry=ADOPTER)
        assert planned.changes == ["CREATE TXT cname-www"]

    def test_the_family_that_is_missing_is_made(self) -> None:
        world = World(record("www", "10.0.0.1"))
        planned = world.plan(endpoint("www", "10.0.0.1"), endpoint("www", "2001:db8::1"), registry=ADOPTER)
        assert planned.changes == ["CREATE TXT a-www", "CREATE AAAA www", "CREATE TXT aaaa-www"]

    def test_another_value_or_ttl_or_type_is_a_conflict(self) -> None:
        for found in (record("www", "10.0.0.9"), record("www", "10.0.0.1", ttl=60), record("www", "::1")):
            planned = World(found).plan(endpoint("www", "10.0.0.1"), registry=ADOPTER)
            assert planned.groups == ()
            assert planned.skips == [("OwnerConflict", "service/web/www")]

    def test_without_the_flag_it_is_a_conflict_as_well(self) -> None:
        planned = World(record("www", "10.0.0.1")).plan(endpoint("www", "10.0.0.1"))
        assert planned.skips == [("OwnerConflict", "service/web/www")]

    def test_what_another_owner_holds_is_not_nobodys(self) -> None:
        world = World(owned("www", "10.0.0.1", owner="you"))
        assert world.plan(endpoint("www", "10.0.0.1"), registry=ADOPTER).skips == [
            ("OwnerConflict", "service/web/www")
        ]


owners = st.sampled_from(["me", "old", "you"])
names = st.sampled_from(["", "a", "b", "c"])
pieces = st.one_of(
    st.builds(lambda name, owner: owned(name, "10.0.0.1", owner=owner), names, owners),
    st.builds(lambda name: [record(name, "10.0.0.1")], names),
)


@given(st.lists(pieces, max_size=8), st.sets(names), st.booleans(), st.booleans())
@settings(max_examples=100, deadline=None)
def test_only_wanted_names_change_hands_and_a_third_owner_loses_nothing(
    content: list[list[RecordSet]], wanted: set[str], migrates: bool, adopts: bool
) -> None:
    world = World()
    for piece in content:
        if not world.records.at(piece[0].name):
            world = World(*world.records, piece)
    before = world.contents()
    registry = Registry("me", former_owner="old" if migrates else "", adopts_unowned=adopts)
    asked = [endpoint(name, "10.0.0.1") for name in sorted(wanted)]
    world.apply(world.plan(*asked, registry=registry).groups)
    assert world.plan(*asked, registry=registry).groups == ()
    gone = before - world.contents()
    names_wanted = {fqdn(name) for name in wanted}
    for found in gone:
        said = owner_of(found) if found.type == "TXT" else None
        if said is None:
            assert found.name not in names_wanted
        else:
            assert said.owner in ({"me", "old"} if migrates else {"me"})
