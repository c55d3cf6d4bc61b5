"""The number that the scheduler is told, and when it is told to keep away."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from addons.cni.model.pool import Demand, Placement, Policy
from addons.cni.plan.capacity import Capacity, pod_ip_capacity
from addons.cni.plan.view import NEW_INTERFACE, Rest
from tests.support.cni_pool import NOW, eni, subnet, view

FULL = eni(0, *range(1, 10))


def capacity(
    *enis: Any, before: Capacity | None = None, sharers: int = 1, rank: int = 0, **more: Any
) -> Capacity:
    return pod_ip_capacity(view(*enis, **more), before, sharers=sharers, rank=rank)


class TestValue:
    def test_a_new_node_counts_what_it_could_have(self) -> None:
        assert capacity(eni(0)).value == 27

    def test_max_pods_is_a_limit_less_the_pods_of_the_hosts_network(self) -> None:
        assert capacity(eni(0), max_pods=20, demand=Demand(host_network=3)).value == 17

    def test_max_eni_is_a_limit(self) -> None:
        assert capacity(eni(0), policy=Policy(max_eni=2)).value == 18

    def test_custom_networking_leaves_the_first_interface_out(self) -> None:
        custom = Placement(subnet_ids=("subnet-1",), primary_serves=False, is_custom=True)
        assert capacity(eni(0), placement=custom).value == 18

    def test_cooling_addresses_do_not_count_on_a_full_node(self) -> None:
        enis = [eni(n, *range(n * 9 + 1, n * 9 + 10)) for n in range(3)]
        assert capacity(*enis, cooling={1: 9, 2: 9}).value == 25

    def test_addresses_that_can_still_come_make_up_for_cooling_ones(self) -> None:
        assert capacity(FULL, cooling={1: 9, 2: 9}).value == 25

    def test_prefixes_hold_sixteen(self) -> None:
        assert capacity(eni(0), policy=Policy(has_prefixes=True)).value == 27 * 16

    def test_pods_that_did_not_request_theirs_are_taken_off(self) -> None:
        assert capacity(FULL, used=[1, 2, 3], demand=Demand(unrequested=2, requested=1)).value == 25

    def test_a_short_subnet_is_a_limit(self) -> None:
        assert capacity(eni(0, 1, 2), used=[1, 2], free=4).value == 6

    def test_a_new_interface_costs_an_address(self) -> None:
        assert capacity(FULL, used=range(1, 10), free=4).value == 9 + 3

    @pytest.mark.parametrize("key", [NEW_INTERFACE, "subnet-1"])
    def test_nothing_can_come_while_ec2_refuses(self, key: str) -> None:
        rests = {key: Rest(NOW + timedelta(seconds=9), "RequestLimitExceeded", "slow down")}
        assert capacity(FULL, rests=rests).value == 9

    def test_nodes_that_share_a_subnet_promise_what_there_is_together(self) -> None:
        shares = [capacity(eni(0), free=11, sharers=2, rank=rank).value for rank in range(2)]
        assert shares == [6, 5]

    def test_each_takes_of_its_own_share_until_ec2_is_asked_again(self) -> None:
        busy = replace(subnet(free=8), taken=3)
        shares = [
            capacity(eni(0, 5, 6, 7), subnets={"subnet-1": busy}, sharers=2, rank=0).value,
            capacity(eni(0), free=11, sharers=2, rank=1).value,
        ]
        assert shares == [6, 5]


class TestClaim:
    """Of shared subnets a node promises more than before only when others have given up that part."""

    def test_what_ec2_divides_anew_is_promised_when_the_others_have_had_time_to_promise_less(self) -> None:
        first = capacity(eni(0, 5, 6, 7), free=2, sharers=2)
        assert first.value == 3 + 1
        then = capacity(eni(0, 5, 6, 7), free=8, sharers=2, before=first)
        assert then.value == 3 + 1
        later: dict[str, Any] = {"free": 8, "sharers": 2, "before": then}
        assert capacity(eni(0, 5, 6, 7), now=NOW + timedelta(seconds=24), **later).value == 3 + 1
        assert capacity(eni(0, 5, 6, 7), now=NOW + timedelta(seconds=25), **later).value == 3 + 4

    def test_an_address_that_is_taken_of_the_share_changes_nothing(self) -> None:
        first = capacity(eni(0), free=11, sharers=2)
        taken = {"subnet-1": replace(subnet(free=10), taken=1)}
        assert capacity(eni(0, 5), subnets=taken, sharers=2, before=first).value == first.value == 6

    def test_a_smaller_share_is_counted_at_once(self) -> None:
        first = capacity(eni(0), free=8, sharers=2)
        assert capacity(eni(0), free=2, sharers=2, before=first).exact == 1

    def test_an_address_that_has_rested_is_ours_all_the_while(self) -> None:
        first = capacity(eni(0, 5), free=0, sharers=2, cooling={5: 9})
        assert first.value == 0
        assert capacity(eni(0, 5), free=0, sharers=2, before=first).value == 1

    def test_a_node_that_shares_with_nobody_waits_for_nobody(self) -> None:
        first = capacity(eni(0), free=2)
        assert capacity(eni(0), free=8, before=first).value == 8


class TestDelay:
    """It rises at once, falls after ten seconds, and never below what pods have requested."""

    def after(self, before: Capacity, seconds: float, free: int) -> Capacity:
        return capacity(eni(0), before=before, free=free, now=NOW + timedelta(seconds=seconds))

    def test_more_is_told_at_once(self) -> None:
        assert self.after(capacity(eni(0), free=3), 0, 5).value == 5

    def test_less_is_told_when_it_stays_less(self) -> None:
        start = capacity(eni(0), free=5)
        less = self.after(start, 1, 3)
        assert (less.value, less.exact) == (5, 3)
        still = self.after(less, 10.9, 3)
        assert still.value == 5
        assert self.after(still, 11, 3).value == 3

    def test_a_dip_is_forgotten(self) -> None:
        dip = self.after(capacity(eni(0), free=5), 1, 3)
        back = self.after(dip, 5, 5)
        assert self.after(back, 12, 3).value == 5

    def test_it_never_falls_below_what_pods_have_requested(self) -> None:
        assert capacity(eni(0, 1), used=[1], free=0, demand=Demand(requested=4)).value == 4


class TestTaint:
    """Nothing left for five seconds taints the node; something left for five takes the taint away."""

    def look(self, before: Capacity | None, seconds: float, free: int) -> Capacity:
        demand = Demand(requested=1)
        now = NOW + timedelta(seconds=seconds)
        return capacity(eni(0, 1), used=[1], before=before, free=free, demand=demand, now=now)

    def test_it_comes_and_goes_with_delay(self) -> None:
        first = self.look(None, 0, 0)
        assert (first.taint, first.left) == (False, 0)
        assert not self.look(first, 4.9, 0).taint
        tainted = self.look(first, 5, 0)
        assert tainted.taint
        freed = self.look(tainted, 6, 2)
        assert freed.taint
        assert not self.look(freed, 11, 2).taint

    def test_it_says_why(self) -> None:
        assert self.look(None, 0, 0).because == "subnet subnet-1 has 0 free addresses"
        assert self.look(None, 0, 2).because == "2 addresses left"

    def test_pods_without_requests_exhaust_a_node_too(self) -> None:
        spent = Demand(requested=0, unrequested=9)
        one = capacity(FULL, used=range(1, 10), demand=spent, policy=Policy(max_eni=1))
        assert (one.value, one.left) == (0, 0)


def test_an_unknown_subnet_is_no_limit() -> None:
    assert capacity(eni(0), subnets={}).value == 27
    assert capacity(eni(0), subnets={"subnet-1": subnet(free=2)}).value == 2
