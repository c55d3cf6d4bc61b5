"""The original's targets: every example of its documentation, and what differs here."""

from dataclasses import dataclass
from ipaddress import IPv4Network
from math import ceil
from typing import Any

import pytest

from addons.cni.model.enis import Eni, InstanceLimits
from addons.cni.model.pool import Policy
from addons.cni.plan.pool import plan_pool
from tests.support.cni_nodes import Ec2, Node
from tests.support.cni_pool import HUGE, LARGE, SMALL, eni, prefixes, subnet, view

ONE_WARM = Policy(warm_eni=1)


@dataclass(frozen=True)
class Case:
    """A row of the original's tables: with so many pods, the units on each interface."""

    limits: InstanceLimits
    policy: Policy
    pods: int
    per_eni: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.limits.enis}x{self.limits.addresses_per_eni}-{self.pods}-pods"


def settled(case: Case) -> tuple[int, ...]:
    """The units of each interface after pods came one by one, and the pool came to rest."""
    ec2 = Ec2({"subnet-1": IPv4Network("10.0.0.0/22")})
    node = Node(ec2, limits=case.limits, policy=case.policy)
    node.settle()
    for number in range(case.pods):
        node.add(f"pod-{number}")
        node.settle()
    return tuple(one.used_slots for one in node.enis)


ADDRESSES = [
    Case(SMALL, Policy(warm_eni=1), 0, (3,)),
    Case(SMALL, Policy(warm_eni=1), 5, (3, 3, 3)),
    Case(SMALL, Policy(warm_eni=1), 9, (3, 3, 3)),
    Case(SMALL, Policy(warm_ip=1, minimum_ip=1), 0, (1,)),
    Case(SMALL, Policy(warm_ip=1, minimum_ip=1), 5, (3, 3)),
    Case(SMALL, Policy(warm_ip=1, minimum_ip=1), 9, (3, 3, 3)),
    Case(SMALL, Policy(warm_ip=2, minimum_ip=5), 5, (3, 3, 1)),
    Case(SMALL, Policy(warm_ip=2, minimum_ip=5), 9, (3, 3, 3)),
    Case(HUGE, Policy(warm_eni=1), 0, (49,)),
    Case(HUGE, Policy(warm_eni=1), 3, (49, 49)),
    Case(HUGE, Policy(warm_eni=1), 95, (49, 49, 49)),
    Case(HUGE, Policy(warm_ip=5, minimum_ip=10), 0, (10,)),
    Case(HUGE, Policy(warm_ip=5, minimum_ip=10), 7, (12,)),
    Case(HUGE, Policy(warm_ip=5, minimum_ip=10), 15, (20,)),
    Case(HUGE, Policy(warm_ip=5, minimum_ip=10), 45, (49, 1)),
]


def prefix_policy(**targets: Any) -> Policy:
    return Policy(has_prefixes=True, **targets)


PREFIXES = [
    Case(SMALL, prefix_policy(warm_prefix=1), 0, (1,)),
    Case(SMALL, prefix_policy(warm_prefix=1), 5, (2,)),
    Case(SMALL, prefix_policy(warm_prefix=1), 16, (2,)),
    Case(SMALL, prefix_policy(warm_prefix=1), 17, (3,)),
    Case(SMALL, prefix_policy(warm_prefix=1), 58, (3, 2)),
    Case(SMALL, prefix_policy(warm_ip=1, minimum_ip=1), 0, (1,)),
    Case(SMALL, prefix_policy(warm_ip=1, minimum_ip=1), 5, (1,)),
    Case(SMALL, prefix_policy(warm_ip=1, minimum_ip=1), 17, (2,)),
    Case(SMALL, prefix_policy(warm_ip=1, minimum_ip=1), 58, (3, 1)),
    Case(SMALL, prefix_policy(warm_ip=7, minimum_ip=20), 0, (2,)),
    Case(SMALL, prefix_policy(warm_ip=7, minimum_ip=20), 5, (2,)),
    Case(SMALL, prefix_policy(warm_ip=7, minimum_ip=20), 17, (2,)),
    Case(SMALL, prefix_policy(warm_ip=7, minimum_ip=20), 58, (3, 2)),
    Case(HUGE, prefix_policy(warm_prefix=1), 0, (1,)),
    Case(HUGE, prefix_policy(warm_prefix=1), 3, (2,)),
    Case(HUGE, prefix_policy(warm_prefix=1), 95, (7,)),
    Case(HUGE, prefix_policy(warm_ip=5, minimum_ip=10), 0, (1,)),
    Case(HUGE, prefix_policy(warm_ip=5, minimum_ip=10), 7, (1,)),
    Case(HUGE, prefix_policy(warm_ip=5, minimum_ip=10), 15, (2,)),
    Case(HUGE, prefix_policy(warm_ip=5, minimum_ip=10), 45, (4,)),
]
"""Of its examples with p3dn the numbers of prefixes; they are on one interface, as its text and code say."""


class TestExamples:
    """`docs/eni-and-ip-target.md` and `docs/prefix-and-ip-target.md` of amazon-vpc-cni-k8s 1.23."""

    @pytest.mark.parametrize("case", ADDRESSES, ids=str)
    def test_addresses(self, case: Case) -> None:
        assert settled(case) == case.per_eni

    def test_a_minimum_beyond_one_interface_fills_the_first_one_first(self) -> None:
        policy = Policy(warm_ip=2, minimum_ip=5)
        assert settled(Case(SMALL, policy, 0, ())) == (3, 2)

    @pytest.mark.parametrize("case", PREFIXES, ids=str)
    def test_prefixes(self, case: Case) -> None:
        assert settled(case) == case.per_eni


def actions(*enis: Eni, policy: Policy, **more: object) -> list[str]:
    planned = plan_pool(view(*enis, policy=policy, **more)).actions  # type: ignore[arg-type]
    return [f"{type(action).__name__} {action.key}" for action in planned]


class TestDifferences:
    """Cooling addresses are not there; pods that wait count as if they had their address."""

    def test_cooling_addresses_are_grown_for(self) -> None:
        policy = Policy(warm_ip=2, minimum_ip=0)
        assert actions(eni(0, 1, 2), policy=policy) == []
        assert actions(eni(0, 1, 2), policy=policy, cooling={1: 9}) == ["AssignAddresses eni-0"]

    def test_pods_that_wait_are_grown_for(self) -> None:
        (action,) = plan_pool(view(eni(0, 1, 2), policy=Policy(warm_ip=2), waiting=3)).actions
        assert getattr(action, "count", 0) == 3

    def test_a_node_with_an_address_for_each_pod_it_runs_grows_no_more(self) -> None:
        assert actions(eni(0, 1, 2), policy=ONE_WARM, limits=LARGE, used=[1], max_pods=2) == []

    def test_a_scarce_subnet_is_emptied_as_the_administrator_wants_it(self) -> None:
        assert actions(eni(0), policy=ONE_WARM, subnets={"subnet-1": subnet(free=9)}) == [
            "AssignAddresses eni-0"
        ]


class TestShrink:
    def test_addresses_over_the_target_go_back(self) -> None:
        policy = Policy(warm_ip=2, minimum_ip=4)
        (action,) = plan_pool(view(eni(0, 1, 2, 3, 4, 5, 6), policy=policy, used=[1])).actions
        assert len(getattr(action, "ips", ())) == 2

    def test_an_interface_needed_for_the_minimum_stays(self) -> None:
        policy = Policy(warm_ip=0, minimum_ip=10)
        assert actions(eni(0, *range(1, 10)), eni(1, 11), policy=policy) == []

    def test_a_whole_warm_interface_more_than_the_target_goes(self) -> None:
        enis = [eni(number, *range(number * 9 + 1, number * 9 + 10)) for number in range(3)]
        assert actions(*enis, policy=ONE_WARM, used=range(1, 11)) == []
        assert actions(*enis, policy=ONE_WARM, used=range(1, 10)) == ["DeleteEni eni-2"]
        assert actions(*enis, policy=ONE_WARM) == ["DeleteEni eni-2", "DeleteEni eni-1"]

    def test_without_a_warm_interface_one_without_pods_goes(self) -> None:
        enis = [eni(0, *range(1, 10)), eni(1, *range(11, 20))]
        assert actions(*enis, policy=Policy(warm_eni=0), used=[1]) == ["DeleteEni eni-1"]

    def test_free_prefixes_beyond_the_target_go_back(self) -> None:
        one = eni(0, prefixes=prefixes(0, 16, 32))
        assert actions(one, policy=prefix_policy(warm_prefix=1), used=[1]) == ["ReleasePrefixes eni-0"]


def test_the_tables_are_about_as_many_addresses_as_they_say() -> None:
    """A check of the rows: pods and warm addresses fit into what is attached."""
    for case in ADDRESSES:
        warm = case.policy.warm_ip or 0
        most = case.limits.enis * case.limits.slots_per_eni
        assert sum(case.per_eni) >= min(case.pods + warm, most)
    for case in PREFIXES:
        assert sum(case.per_eni) >= ceil(case.pods / 16)
