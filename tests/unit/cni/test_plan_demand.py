"""How many addresses a node holds when pods decide."""

from datetime import timedelta
from typing import Any

import pytest

from addons.cni.model.actions import (
    Action,
    AssignAddresses,
    AssignPrefixes,
    CreateEni,
    DeleteEni,
    ReleaseAddresses,
    ReleasePrefixes,
)
from addons.cni.model.enis import Eni
from addons.cni.model.pool import Arrivals, Placement, Policy
from addons.cni.plan.pool import plan_pool
from addons.cni.plan.view import NEW_INTERFACE, Rest, UnderWay, View
from tests.support.cni_pool import HUGE, NOW, eni, prefixes, subnet, view

BUSY = Arrivals(1.0, NOW)
"""A pod a second: as much headroom as is allowed."""

PREFIXES = Policy(has_prefixes=True)


def short(action: Action) -> tuple[Any, ...]:
    """An action without its reason."""
    match action:
        case AssignAddresses() | AssignPrefixes():
            return "assign", action.eni_id, action.count
        case CreateEni():
            return "create", action.subnet_ids[0], action.addresses or action.prefixes
        case ReleaseAddresses():
            return "release", action.eni_id, tuple(sorted(int(address) & 255 for address in action.ips))
        case ReleasePrefixes():
            return "release", action.eni_id, tuple(map(str, action.prefixes))
        case DeleteEni():
            return "delete", action.eni_id
    return type(action).__name__, action.key


def plan(*enis: Eni, **more: Any) -> list[tuple[Any, ...]]:
    return planned(view(*enis, **more))


def planned(seen: View) -> list[tuple[Any, ...]]:
    return [short(action) for action in plan_pool(seen).actions]


class TestGrowth:
    """A node asks for what its pods wait for, and a few more, in one call."""

    def test_a_node_without_pods_holds_half_the_headroom(self) -> None:
        assert plan(eni(0)) == [("assign", "eni-0", 4)]

    def test_a_settled_node_does_nothing(self) -> None:
        assert plan(eni(0, 1, 2, 3), used=[1]) == []

    def test_all_pods_that_wait_are_served_by_one_call(self) -> None:
        assert plan(eni(0), waiting=5) == [("assign", "eni-0", 9)]

    def test_pods_that_come_fast_are_met_by_more_headroom(self) -> None:
        assert plan(eni(0), arrivals=BUSY) == [("assign", "eni-0", 8)]

    def test_in_a_burst_an_interface_gives_at_once_what_the_next_seconds_need(self) -> None:
        burst = Arrivals(0.1, NOW, lately=2.5)
        assert plan(eni(0), waiting=1, arrivals=burst, limits=HUGE) == [("assign", "eni-0", 30)]
        assert plan(eni(0), waiting=1, arrivals=burst) == [("assign", "eni-0", 9)]
        assert plan(eni(0), waiting=1, arrivals=burst, free=16) == [("assign", "eni-0", 1)]

    def test_headroom_is_not_topped_up_one_by_one(self) -> None:
        assert plan(eni(0, 1, 2, 3), used=[1], arrivals=BUSY) == []
        assert plan(eni(0, 1, 2), used=[1], arrivals=BUSY) == [("assign", "eni-0", 7)]

    def test_a_burst_fills_interfaces_and_makes_new_ones_at_once(self) -> None:
        assert plan(eni(0), waiting=20) == [
            ("assign", "eni-0", 9),
            ("create", "subnet-1", 9),
            ("create", "subnet-1", 6),
        ]

    def test_the_limit_of_the_type_is_kept(self) -> None:
        assert plan(eni(0), waiting=200)[-1] == ("create", "subnet-1", 9)
        assert len(plan(eni(0), waiting=200)) == 3

    def test_cooling_addresses_are_not_available_and_are_grown_for(self) -> None:
        assert plan(eni(0, 1), cooling={1: 20}, waiting=1, limits=HUGE) == [("assign", "eni-0", 10)]

    def test_growth_is_generous_while_pods_come_and_go(self) -> None:
        assert plan(eni(0, 1), cooling={1: 20}, waiting=1) == [("assign", "eni-0", 8)]
        assert plan(eni(0, 1), used=[1], waiting=1) == [("assign", "eni-0", 5)]

    def test_an_address_that_has_cooled_down_within_a_second_is_waited_for(self) -> None:
        assert plan(eni(0, 1), cooling={1: 0.5}, waiting=1, free=0) == []

    def test_no_interface_is_made_when_addresses_will_have_cooled_down_sooner(self) -> None:
        full = eni(0, *range(1, 10))
        assert plan(full, used=range(2, 10), cooling={1: 4}, waiting=1, free=16) == []
        assert plan(full, used=range(2, 10), cooling={1: 20}, waiting=1, free=16) == [
            ("create", "subnet-1", 1)
        ]

    def test_the_interface_with_most_pods_grows_first(self) -> None:
        assert plan(eni(0, 1), eni(1, 11, 12), used=[1, 11, 12], waiting=2) == [("assign", "eni-1", 6)]

    def test_one_call_is_better_than_two(self) -> None:
        one, other = eni(0, *range(1, 9)), eni(1, 11)
        assert plan(one, other, used=[*range(1, 9), 11], waiting=4) == [("assign", "eni-1", 8)]

    def test_no_interface_is_made_for_the_last_of_the_headroom(self) -> None:
        almost = eni(0, *range(1, 9))
        assert plan(almost, used=range(1, 9)) == [("assign", "eni-0", 1)]

    def test_headroom_ends_at_the_number_of_pods_that_the_node_runs(self) -> None:
        assert plan(eni(0), arrivals=BUSY, max_pods=3) == [("assign", "eni-0", 3)]

    def test_what_is_on_its_way_is_not_asked_for_again(self) -> None:
        begun = UnderWay(AssignAddresses(eni_id="eni-0", count=6, because=""), NOW)
        assert plan(eni(0), waiting=5, under_way=(begun,)) == []

    def test_no_interface_is_made_for_what_one_can_take_that_is_only_busy(self) -> None:
        begun = UnderWay(AssignAddresses(eni_id="eni-0", count=6, because=""), NOW)
        assert plan(eni(0), waiting=8, under_way=(begun,)) == []

    def test_more_pods_than_a_busy_interface_can_take_go_to_another_one(self) -> None:
        begun = UnderWay(AssignAddresses(eni_id="eni-0", count=6, because=""), NOW)
        (made,) = plan(eni(0), waiting=14, under_way=(begun,))
        assert made[:2] == ("create", "subnet-1")
        assert made[2] >= 14 - 9

    def test_one_that_is_about_to_go_takes_nothing(self) -> None:
        full, leaving = eni(0, *range(1, 10)), eni(1)
        begun = UnderWay(DeleteEni(eni_id="eni-1", attachment_id="a", because=""), NOW)
        (made,) = plan(full, leaving, used=range(1, 10), waiting=2, under_way=(begun,))
        assert made[0] == "create"

    def test_pods_that_have_their_address_but_are_not_known_to_have_it_do_not_count(self) -> None:
        assert plan(eni(0, 1, 2, 3), used=[1, 2, 3], waiting=3, being_assigned=3) == [("assign", "eni-0", 4)]

    def test_prefixes_hold_sixteen(self) -> None:
        assert plan(eni(0), waiting=17, policy=PREFIXES) == [("assign", "eni-0", 2)]


class TestLimits:
    """Interfaces of others take places, and so do those under way."""

    def test_max_eni_is_a_limit_and_nothing_is_none(self) -> None:
        full = eni(0, *range(1, 10))
        assert plan(full, used=range(1, 10), waiting=1, policy=Policy(max_eni=1)) == []
        assert len(plan(full, used=range(1, 10), waiting=1, policy=Policy(max_eni=0))) == 1

    def test_an_interface_that_is_not_ours_takes_a_place(self) -> None:
        full, other = eni(0, *range(1, 10)), eni(1, is_managed=False)
        assert len(plan(full, other, used=range(1, 10), waiting=20)) == 1

    def test_one_of_another_card_takes_none(self) -> None:
        full, other = eni(0, *range(1, 10)), eni(1, is_managed=False, network_card=1)
        assert len(plan(full, other, used=range(1, 10), waiting=20)) == 2

    def test_interfaces_being_made_take_places(self) -> None:
        action = CreateEni(subnet_ids=("subnet-1",), security_groups=(), addresses=9, because="")
        begun = (UnderWay(action, NOW), UnderWay(action, NOW))
        full = eni(0, *range(1, 10))
        assert plan(full, used=range(1, 10), waiting=40, under_way=begun) == []


class TestSubnets:
    """What is left in a subnet is for pods; headroom comes out of plenty only."""

    def test_a_subnet_below_its_reserve_gives_no_headroom(self) -> None:
        assert plan(eni(0), free=9) == []

    def test_pods_that_wait_get_its_last_addresses(self) -> None:
        assert plan(eni(0), free=9, waiting=5) == [("assign", "eni-0", 5)]

    def test_no_more_is_asked_for_than_it_has(self) -> None:
        assert plan(eni(0), free=3, waiting=5) == [("assign", "eni-0", 3)]

    def test_an_empty_one_is_not_asked(self) -> None:
        assert plan(eni(0), free=0, waiting=5) == []

    def test_a_new_interface_takes_an_address_of_its_own(self) -> None:
        full = eni(0, *range(1, 10))
        assert plan(full, used=range(1, 10), waiting=5, free=3) == [("create", "subnet-1", 2)]

    def test_interfaces_are_made_in_the_emptiest_and_the_others_are_tried_after(self) -> None:
        full = eni(0, *range(1, 10))
        subnets = {name: subnet(name, free) for name, free in (("subnet-1", 0), ("b", 50), ("c", 90))}
        seen = view(
            full,
            used=range(1, 10),
            waiting=1,
            subnets=subnets,
            placement=Placement(subnet_ids=("b", "c", "subnet-1"), security_groups=("sg-1",)),
        )
        (action,) = plan_pool(seen).actions
        assert isinstance(action, CreateEni)
        assert action.subnet_ids == ("c", "b", "subnet-1")

    def test_a_full_subnet_rests_while_the_next_one_is_tried(self) -> None:
        rest = Rest(NOW + timedelta(seconds=30), "InsufficientFreeAddressesInSubnet", "full")
        full = eni(0, *range(1, 10))
        subnets = {name: subnet(name, free) for name, free in (("subnet-1", 90), ("b", 50))}
        placement = Placement(subnet_ids=("subnet-1", "b"), security_groups=("sg-1",))
        more: dict[str, Any] = {"subnets": subnets, "placement": placement, "rests": {"subnet-1": rest}}
        assert plan(full, used=range(1, 10), waiting=1, **more) == [("create", "b", 1)]

    def test_below_the_reserve_spare_addresses_go_back_sooner(self) -> None:
        assert plan(eni(0, 1, 2, 3), used=[1], idle=20, free=5) == [("release", "eni-0", (2, 3))]

    @pytest.mark.parametrize(
        ("reserve", "free", "held"), [("0", 8, 0), ("0", 9, 1), ("20", 28, 0), ("20", 40, 4)]
    )
    def test_the_reserve_may_be_a_number(self, reserve: str, free: int, held: int) -> None:
        planned = plan(eni(0), free=free, policy=Policy(subnet_reserve=reserve))
        assert planned == ([("assign", "eni-0", held)] if held else [])


class TestRests:
    """What EC2 refused is left alone for a while."""

    REST = Rest(NOW + timedelta(seconds=5), "RequestLimitExceeded", "slow down")

    def test_a_resting_interface_is_not_grown(self) -> None:
        assert plan(eni(0), eni(1), waiting=2, rests={"eni-0": self.REST}) == [("assign", "eni-1", 6)]

    def test_throttling_is_not_evaded_by_the_three_calls_of_a_new_interface(self) -> None:
        assert plan(eni(0), waiting=2, rests={"eni-0": self.REST}) == []

    def test_another_failure_of_an_interface_is_evaded_by_a_new_one(self) -> None:
        broken = Rest(NOW + timedelta(seconds=5), "InternalError", "oops")
        assert plan(eni(0), waiting=2, rests={"eni-0": broken}) == [("create", "subnet-1", 6)]

    def test_no_interface_is_made_while_that_rests(self) -> None:
        both = {"eni-0": self.REST, NEW_INTERFACE: self.REST}
        assert plan(eni(0), waiting=2, rests=both) == []

    def test_after_the_rest_it_is_tried_again(self) -> None:
        over = Rest(NOW, "RequestLimitExceeded", "slow down")
        assert plan(eni(0), waiting=2, rests={"eni-0": over}) == [("assign", "eni-0", 6)]


class TestShrink:
    """What is beyond the headroom for a minute goes back, in one call for each interface."""

    def test_up_to_the_headroom_is_kept(self) -> None:
        assert plan(eni(0, *range(1, 10)), used=[1]) == []

    def test_what_is_beyond_goes_back(self) -> None:
        assert plan(eni(0, *range(1, 10))) == [("release", "eni-0", (9,))]

    def test_what_was_free_for_less_than_a_minute_stays(self) -> None:
        assert plan(eni(0, *range(1, 10)), idle=59) == []

    def test_the_interface_with_fewest_pods_gives_first(self) -> None:
        one, other = eni(0, *range(1, 10)), eni(1, *range(11, 20))
        assert plan(one, other, used=[1, 2, 3, 4, 11]) == [("release", "eni-1", (15, 16, 17, 18, 19))]

    def test_an_interface_without_pods_goes_as_a_whole(self) -> None:
        one, other = eni(0, *range(1, 10)), eni(1, *range(11, 20))
        assert plan(one, other, used=[1]) == [("delete", "eni-1")]

    def test_the_first_interface_stays(self) -> None:
        one, other = eni(0, *range(1, 10)), eni(1, *range(11, 20))
        assert [what for what, *_ in plan(one, other, used=[11])] == ["release"]

    def test_an_interface_younger_than_a_minute_stays(self) -> None:
        young = eni(1, *range(11, 20), created_at=NOW - timedelta(seconds=59))
        assert ("delete", "eni-1") not in plan(eni(0, *range(1, 10)), young, used=[1])

    def test_an_interface_with_a_cooling_address_stays(self) -> None:
        one, other = eni(0, *range(1, 10)), eni(1, *range(11, 20))
        assert ("delete", "eni-1") not in plan(one, other, used=[1], cooling={11: 5})

    def test_a_cordoned_node_gives_nothing_back_and_says_so(self) -> None:
        seen = view(eni(0, *range(1, 10)), is_cordoned=True)
        assert planned(seen) == []
        assert [skip.message for skip in plan_pool(seen).skips] == ["node is cordoned: nothing is given back"]

    def test_a_node_that_terminates_gives_nothing_back(self) -> None:
        assert plan(eni(0, *range(1, 10)), is_leaving=True) == []

    def test_nothing_is_given_back_while_pods_are_not_known(self) -> None:
        assert plan(eni(0, *range(1, 10)), demand=None) == []

    def test_prefixes_go_back_whole(self) -> None:
        seen = eni(0, prefixes=prefixes(16, 32, 48))
        assert plan(seen, policy=PREFIXES, used=range(17, 30)) == [("release", "eni-0", ("10.0.0.32/28",))]


class TestCordoned:
    """On a cordoned node pods that are there all the same get addresses, but no interface is made."""

    def test_pods_are_served_without_headroom(self) -> None:
        assert plan(eni(0), waiting=2, is_cordoned=True) == [("assign", "eni-0", 2)]

    def test_no_interface_is_made_unless_that_is_asked_for(self) -> None:
        full = eni(0, *range(1, 10))
        assert plan(full, used=range(1, 10), waiting=2, is_cordoned=True) == []
        asked = Policy(manages_cordoned=True)
        assert plan(full, used=range(1, 10), waiting=2, is_cordoned=True, policy=asked) == [
            ("create", "subnet-1", 2)
        ]


class TestCustomNetworking:
    """Pods get addresses of the ENIConfig's subnet, and none of the first interface."""

    PLACE = Placement(
        subnet_ids=("pods",), security_groups=("sg-pods",), primary_serves=False, is_custom=True
    )

    def test_the_first_interface_serves_no_pods(self) -> None:
        assert plan(eni(0, 1, 2), placement=self.PLACE, idle=0, waiting=2) == [("create", "pods", 6)]

    def test_what_it_has_goes_back(self) -> None:
        spare = eni(1, 11, subnet="pods", security_groups=("sg-pods",))
        assert plan(eni(0, 1, 2), spare, placement=self.PLACE) == [("release", "eni-0", (1, 2))]

    def test_an_interface_of_another_subnet_is_not_grown(self) -> None:
        old = eni(1, 11, subnet="old")
        assert plan(eni(0), old, used=[11], placement=self.PLACE, waiting=2) == [("create", "pods", 6)]

    def test_without_an_eni_config_none_is_made_and_what_is_there_serves(self) -> None:
        nowhere = Placement(primary_serves=False, is_custom=True, reason="EniConfigMissing", problem="none")
        have = eni(1, 11, subnet="pods")
        assert plan(eni(0), have, used=[11], placement=nowhere, waiting=2) == []
