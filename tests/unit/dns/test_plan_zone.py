"""What changes in a zone: the records that objects ask for, and nothing that is not ours."""

from datetime import UTC, datetime

import pytest
from msgspec import structs

from addons.dns.model.endpoint import Endpoint
from addons.dns.model.records import Alias, RecordSet
from addons.dns.model.registry import Registry
from tests.support.dns import World, blocked_until, endpoint, fqdn, owned, record, text

ELB = Alias("Z35SXDOTRQ7X7K", "lb.elb.amazonaws.com", True)


class TestCreate:
    """A wanted name that does not exist is made together with the proof that it is ours."""

    def test_record_and_ownership_text_come_in_one_group(self) -> None:
        planned = World().plan(endpoint("www", "10.0.0.1"))
        assert planned.verbs == ["create www"]
        assert planned.changes == ["CREATE A www", "CREATE TXT a-www"]

    def test_both_address_families_of_a_name_share_the_group(self) -> None:
        planned = World().plan(endpoint("www", "10.0.0.1"), endpoint("www", "2001:db8::1"))
        assert planned.changes == [
            "CREATE A www",
            "CREATE TXT a-www",
            "CREATE AAAA www",
            "CREATE TXT aaaa-www",
        ]

    def test_the_apex_is_owned_through_a_fallback_text(self) -> None:
        planned = World().plan(endpoint("", "10.0.0.1"))
        assert planned.changes == ["CREATE A example.com", "CREATE TXT _aws-addons-owner-a-0caaf24ab1a0"]

    def test_an_ownership_text_of_ours_that_lost_its_record_is_reused(self) -> None:
        assert World(text("a-www")).plan(endpoint("www", "10.0.0.1")).changes == ["CREATE A www"]

    def test_the_policies_all_permit_it(self) -> None:
        for policy in ("sync", "upsert-only", "create-only"):
            assert World().plan(endpoint("www", "10.0.0.1"), policy=policy).verbs == ["create www"]


class TestNothingToDo:
    """A settled zone stays as it is, however the same thing is spelled."""

    def test_equal_records(self) -> None:
        assert World(owned("www", "10.0.0.1")).plan(endpoint("www", "10.0.0.1")).groups == ()

    def test_order_of_values(self) -> None:
        world = World(owned("www", "10.0.0.2", "10.0.0.1"))
        assert world.plan(endpoint("www", "10.0.0.1", "10.0.0.2")).groups == ()

    def test_spelling_of_addresses(self) -> None:
        world = World(owned("www", "2001:DB8:0::1"))
        assert world.plan(endpoint("www", "2001:db8::1")).groups == ()

    def test_case_and_trailing_dot_of_a_host(self) -> None:
        world = World(owned("www", "LB.example.net."))
        assert world.plan(endpoint("www", "lb.example.net")).groups == ()

    def test_further_labels_in_the_ownership_text(self) -> None:
        marked = RecordSet(fqdn("a-www"), "TXT", 60, (text("a-www").values[0][:-1] + ',external-dns/x=y"',))
        assert World(record("www", "10.0.0.1"), marked).plan(endpoint("www", "10.0.0.1")).groups == ()


class TestUpdate:
    """A change replaces exactly what was seen: a compare-and-swap, at no extra cost."""

    def test_new_values_leave_the_ownership_text_alone(self) -> None:
        planned = World(owned("www", "10.0.0.1")).plan(endpoint("www", "10.0.0.2"))
        assert planned.verbs == ["update www"]
        assert planned.changes == ["DELETE A www", "CREATE A www"]

    def test_a_ttl_annotation_that_was_removed_restores_the_default(self) -> None:
        planned = World(owned("www", "10.0.0.1", ttl=60)).plan(endpoint("www", "10.0.0.1"))
        assert planned.changes == ["DELETE A www", "CREATE A www"]

    def test_another_object_rewrites_only_the_text(self) -> None:
        planned = World(owned("www", "10.0.0.1", by="old")).plan(endpoint("www", "10.0.0.1", by="new"))
        assert planned.changes == ["DELETE TXT a-www", "CREATE TXT a-www"]

    def test_the_other_type_takes_over_in_one_group(self) -> None:
        planned = World(owned("www", "lb.example.net")).plan(endpoint("www", "10.0.0.1"))
        assert planned.changes == [
            "DELETE CNAME www",
            "DELETE TXT cname-www",
            "CREATE A www",
            "CREATE TXT a-www",
        ]

    def test_a_family_that_is_gone_leaves(self) -> None:
        world = World(owned("www", "10.0.0.1"), owned("www", "2001:db8::1"))
        assert world.plan(endpoint("www", "10.0.0.1")).changes == ["DELETE AAAA www", "DELETE TXT aaaa-www"]

    def test_an_old_ownership_text_counts_and_gains_a_new_one(self) -> None:
        world = World(record("www", "10.0.0.1"), text("www"))
        assert world.plan(endpoint("www", "10.0.0.1")).changes == ["CREATE TXT a-www"]

    def test_an_alias_owned_through_a_cname_text_is_ours(self) -> None:
        world = World(record("www", alias=ELB), text("cname-www"))
        assert world.plan(endpoint("www", "10.0.0.1")).changes == [
            "DELETE A www",
            "CREATE A www",
            "CREATE TXT a-www",
        ]


class TestDelete:
    """An owned name that nobody asks for goes, with every proof of its ownership."""

    def test_record_and_text_go_together(self) -> None:
        planned = World(owned("www", "10.0.0.1")).plan()
        assert planned.verbs == ["delete www"]
        assert planned.changes == ["DELETE A www", "DELETE TXT a-www"]

    def test_texts_in_old_formats_go_too_lest_they_give_us_a_later_strangers_record(self) -> None:
        world = World(owned("www", "10.0.0.1"), text("www"))
        assert world.plan().changes == ["DELETE A www", "DELETE TXT a-www", "DELETE TXT www"]

    def test_a_strangers_text_in_an_old_format_is_not_ours_to_delete(self) -> None:
        world = World(owned("www", "10.0.0.1"), text("www", owner="you"))
        assert world.plan().changes == ["DELETE A www", "DELETE TXT a-www"]

    def test_an_old_text_makes_room_for_a_cname_of_the_same_name(self) -> None:
        planned = World(record("www", "10.0.0.1"), text("www")).plan(endpoint("www", "lb.example.net"))
        assert planned.changes == [
            "DELETE A www",
            "DELETE TXT www",
            "CREATE CNAME www",
            "CREATE TXT cname-www",
        ]

    def test_names_with_a_fallback_text_are_deleted_as_well(self) -> None:
        planned = World(owned("", "10.0.0.1")).plan()
        assert planned.changes == ["DELETE A example.com", "DELETE TXT _aws-addons-owner-a-0caaf24ab1a0"]

    def test_what_an_object_without_targets_still_asks_for_stays(self) -> None:
        planned = World(owned("www", "10.0.0.1")).plan(endpoint("www"))
        assert planned.groups == ()
        assert planned.skips == [("NoTargets", "service/web/www")]


class TestRivals:
    """Of what one object asks for and what excludes each other, the record that exists counts."""

    RIVALS = (endpoint("www", "a.example.net"), endpoint("www", "10.0.0.1"), endpoint("www", "2001:db8::1"))

    @pytest.mark.parametrize("order", [RIVALS, RIVALS[::-1]])
    def test_a_cname_that_exists_stays(self, order: tuple[Endpoint, ...]) -> None:
        planned = World(owned("www", "a.example.net")).plan(*order)
        assert (planned.changes, planned.skips) == ([], [])

    @pytest.mark.parametrize("order", [RIVALS, RIVALS[::-1]])
    def test_so_do_addresses(self, order: tuple[Endpoint, ...]) -> None:
        planned = World(owned("www", "10.0.0.1"), owned("www", "2001:db8::1")).plan(*order)
        assert (planned.changes, planned.skips) == ([], [])

    @pytest.mark.parametrize("order", [RIVALS, RIVALS[::-1]])
    def test_where_none_exists_addresses_are_made(self, order: tuple[Endpoint, ...]) -> None:
        made = ["CREATE A www", "CREATE TXT a-www", "CREATE AAAA www", "CREATE TXT aaaa-www"]
        assert World().plan(*order).changes == made

    @pytest.mark.parametrize("there", ["a.example.net", "b.example.net"])
    def test_of_two_host_names_the_one_that_is_there_stays(self, there: str) -> None:
        two = (endpoint("www", "a.example.net"), endpoint("www", "b.example.net"))
        for order in (two, two[::-1]):
            assert World(owned("www", there)).plan(*order).changes == []

    def test_of_two_weights_the_one_that_is_there_stays(self) -> None:
        two = [
            structs.replace(endpoint("www", "10.0.0.1"), routing=(("Weight", w),), set_identifier="x")
            for w in "12"
        ]
        for existing in two:
            world = World()
            world.apply(world.plan(existing).groups)
            assert world.plan(*two).changes == world.plan(*two[::-1]).changes == []


class TestPolicy:
    """Less than sync forbids kinds of change, and says what it withheld."""

    def test_upsert_only_deletes_nothing(self) -> None:
        planned = World(owned("www", "10.0.0.1")).plan(policy="upsert-only")
        assert planned.groups == ()
        assert planned.skips == [("PolicyForbids", "")]

    def test_upsert_only_updates(self) -> None:
        planned = World(owned("www", "10.0.0.1")).plan(endpoint("www", "10.0.0.2"), policy="upsert-only")
        assert planned.verbs == ["update www"]

    def test_upsert_only_keeps_a_family_and_updates_the_other(self) -> None:
        world = World(owned("www", "10.0.0.1"), owned("www", "2001:db8::1"))
        planned = world.plan(endpoint("www", "10.0.0.2"), policy="upsert-only")
        assert planned.changes == ["DELETE A www", "CREATE A www"]
        assert planned.skips == [("PolicyForbids", "service/web/www")]

    def test_upsert_only_cannot_change_a_cname_into_an_address(self) -> None:
        planned = World(owned("www", "lb.example.net")).plan(
            endpoint("www", "10.0.0.1"), policy="upsert-only"
        )
        assert planned.groups == ()
        assert planned.skips == [("PolicyForbids", "service/web/www")]

    def test_create_only_updates_nothing(self) -> None:
        planned = World(owned("www", "10.0.0.1")).plan(endpoint("www", "10.0.0.2"), policy="create-only")
        assert planned.groups == ()
        assert planned.skips == [("PolicyForbids", "service/web/www")]


class TestForeignRecords:
    """What has no ownership text of ours is never touched; who wanted the name is told."""

    def test_a_record_without_owner_blocks_the_name(self) -> None:
        planned = World(record("www", "192.0.2.1")).plan(endpoint("www", "10.0.0.1"))
        assert planned.groups == ()
        assert planned.skips == [("OwnerConflict", "service/web/www")]
        assert planned.holders == ["nobody"]

    def test_so_does_a_record_of_another_owner(self) -> None:
        planned = World(owned("www", "192.0.2.1", owner="you")).plan(endpoint("www", "10.0.0.1"))
        assert planned.skips == [("OwnerConflict", "service/web/www")]
        assert planned.holders == ["you"]

    def test_so_does_the_other_owners_text_alone(self) -> None:
        planned = World(text("a-www", owner="you")).plan(endpoint("www", "10.0.0.1"))
        assert planned.skips == [("OwnerConflict", "service/web/www")]
        assert planned.holders == ["you"]

    def test_a_text_with_something_else_in_it_leaves_no_room_for_ownership(self) -> None:
        spf = RecordSet(fqdn("a-www"), "TXT", 300, ('"v=spf1 -all"',))
        assert World(spf).plan(endpoint("www", "10.0.0.1")).skips == [
            ("OwnershipTextTaken", "service/web/www")
        ]

    def test_one_that_nobody_wants_is_not_even_mentioned(self) -> None:
        planned = World(record("www", "192.0.2.1"), owned("other", "192.0.2.1", owner="you")).plan()
        assert (planned.groups, planned.skips) == ((), [])

    def test_a_host_named_like_one_of_our_texts_is_not_ours(self) -> None:
        world = World(owned("www", "10.0.0.1"), record("a-www", "192.0.2.1"))
        assert world.plan(endpoint("www", "10.0.0.1")).groups == ()

    def test_other_kinds_of_records_are_no_obstacle_for_an_address(self) -> None:
        mail = RecordSet(fqdn("www"), "MX", 300, ("10 mail.example.com",))
        assert World(mail).plan(endpoint("www", "10.0.0.1")).verbs == ["create www"]

    def test_but_a_cname_must_be_alone(self) -> None:
        mail = RecordSet(fqdn("www"), "MX", 300, ("10 mail.example.com",))
        planned = World(mail).plan(endpoint("www", "lb.example.net"))
        assert planned.skips == [("CnameExclusive", "service/web/www")]

    def test_a_cname_cannot_be_at_the_apex(self) -> None:
        assert World().plan(endpoint("", "lb.example.net")).skips == [("CnameAtApex", "service/web/www")]

    def test_weighted_records_of_somebody_else_leave_no_room_for_a_simple_one(self) -> None:
        weighted = RecordSet(fqdn("www"), "A", 60, ("192.0.2.1",), "blue", None, (("Weight", "1"),))
        planned = World(weighted).plan(endpoint("www", "10.0.0.1"))
        assert planned.skips == [("MixedRouting", "service/web/www")]
        assert planned.groups == ()


class TestSeveralObjects:
    """Where objects exclude each other one gets the name, whole; the others are told."""

    def test_the_one_whose_record_exists_keeps_it(self) -> None:
        world = World(owned("www", "b.example.net", by="young"))
        planned = world.plan(
            endpoint("www", "a.example.net", by="old", created="2025-01-01"),
            endpoint("www", "b.example.net", by="young"),
        )
        assert planned.groups == ()
        assert planned.skips == [("ClaimConflict", "service/web/old")]
        assert planned.holders == ["service/web/young"]

    def test_otherwise_the_older_one_gets_it(self) -> None:
        planned = World().plan(
            endpoint("www", "b.example.net", by="a", created="2026-02-02"),
            endpoint("www", "a.example.net", by="b", created="2026-01-01"),
        )
        assert planned.skips == [("ClaimConflict", "service/web/a")]
        assert planned.groups[0].changes[0].record.values == ("a.example.net",)

    def test_of_the_same_age_the_first_by_name_gets_it(self) -> None:
        planned = World().plan(
            endpoint("www", "b.example.net", by="b"), endpoint("www", "a.example.net", by="a")
        )
        assert planned.skips == [("ClaimConflict", "service/web/b")]

    def test_one_with_targets_comes_before_one_without(self) -> None:
        planned = World().plan(endpoint("www", by="a"), endpoint("www", "10.0.0.1", by="b"))
        assert planned.groups[0].changes[0].record.values == ("10.0.0.1",)

    def test_addresses_of_one_kind_of_object_stand_side_by_side(self) -> None:
        world = World(owned("www", "10.0.0.1", by="a"))
        planned = world.plan(endpoint("www", "10.0.0.1", by="a"), endpoint("www", "10.0.0.2", by="b"))
        assert planned.changes == ["DELETE A www", "CREATE A www"]
        assert planned.groups[0].changes[1].record.values == ("10.0.0.1", "10.0.0.2")
        assert planned.skips == []

    def test_when_the_holder_goes_the_text_names_the_next_one(self) -> None:
        world = World(owned("www", "10.0.0.1", "10.0.0.2", by="a"))
        planned = world.plan(endpoint("www", "10.0.0.2", by="b"))
        assert planned.verbs == ["update www"]
        assert planned.groups[0].changes[-1].record == text("a-www", by="b")


class TestKeeping:
    """An endpoint about a pod on its way out keeps what is there and makes nothing."""

    LEAVING = structs.replace(endpoint("db-0", "10.0.0.1"), keeps=True)

    def test_what_is_there_stays(self) -> None:
        assert World(owned("db-0", "10.0.0.1")).plan(self.LEAVING).groups == ()

    def test_what_is_not_there_is_not_made(self) -> None:
        assert World().plan(self.LEAVING).groups == ()

    def test_another_address_is_given_up(self) -> None:
        assert World(owned("db-0", "10.0.0.9")).plan(self.LEAVING).verbs == ["delete db-0"]

    def test_of_several_addresses_those_that_are_asked_for_stay(self) -> None:
        planned = World(owned("db-0", "10.0.0.1", "10.0.0.2")).plan(self.LEAVING)
        assert planned.groups[0].changes[-1].record.values == ("10.0.0.1",)

    def test_a_successor_costs_one_swap(self) -> None:
        planned = World(owned("db-0", "10.0.0.1")).plan(endpoint("db-0", "10.0.0.2"))
        assert planned.changes == ["DELETE A db-0", "CREATE A db-0"]


class TestCollisions:
    """The ownership text of one name may stand where another name wants to be a CNAME."""

    def test_the_first_by_name_gets_its_way_and_the_other_is_told(self) -> None:
        planned = World().plan(endpoint("www", "10.0.0.1"), endpoint("a-www", "lb.example.net", by="other"))
        assert planned.verbs == ["create a-www"]
        assert planned.skips == [("OwnershipTextTaken", "service/web/www")]


class TestBlocked:
    """A name that failed lately rests; its neighbours do not."""

    def test_only_the_blocked_name_waits(self) -> None:
        blocked = {"Z1/www.example.com": blocked_until(datetime(2026, 1, 1, tzinfo=UTC))}
        planned = World().plan(endpoint("www", "10.0.0.1"), endpoint("api", "10.0.0.2"), blocked=blocked)
        assert planned.verbs == ["create api"]
        assert planned.skips == [("Blocked", "service/web/www")]


class TestNoRegistry:
    """With registry noop every record of a wanted name counts as ours, and nothing is ever deleted."""

    NOOP = Registry("", enabled=False)

    def test_no_text_is_written(self) -> None:
        assert World().plan(endpoint("www", "10.0.0.1"), registry=self.NOOP).changes == ["CREATE A www"]

    def test_an_unowned_record_is_updated(self) -> None:
        planned = World(record("www", "192.0.2.1")).plan(endpoint("www", "10.0.0.1"), registry=self.NOOP)
        assert planned.changes == ["DELETE A www", "CREATE A www"]

    def test_nothing_is_deleted(self) -> None:
        assert World(record("www", "192.0.2.1")).plan(registry=self.NOOP).groups == ()
