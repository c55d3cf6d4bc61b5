"""Nodes over time: what they hold, what they give back, and what that costs. Time is a number here."""

from datetime import timedelta
from ipaddress import IPv4Network

import pytest

from addons.cni.model.enis import InstanceLimits
from addons.cni.model.pool import Policy
from addons.cni.plan.capacity import Capacity, pod_ip_capacity
from tests.support.cni_nodes import Ec2, Node
from tests.support.cni_pool import LARGE, NOW

XLARGE, FOUR_XLARGE = InstanceLimits(4, 15), InstanceLimits(8, 30)


CHURN = [
    *((LARGE, every) for every in (0.1, 0.2, 0.5, 1, 3, 10, 60)),
    *((XLARGE, every) for every in (1, 3, 10, 60)),
    *((FOUR_XLARGE, every) for every in (0.5, 1, 3, 10, 60)),
]
"""Types of instances, and how many seconds apart pods come."""


def roomy() -> Ec2:
    return Ec2({"subnet-1": IPv4Network("10.0.0.0/22")})


def with_free(addresses: int) -> Ec2:
    """A subnet of /28, in which this many are left to two nodes that have their first address."""
    return Ec2({"subnet-1": IPv4Network("10.0.0.0/28")}, taken=9 - addresses)


def wait(seconds: float, *nodes: Node) -> None:
    """Let time pass in steps of a tenth of a second, or longer ones where it is much."""
    steps = min(20, max(1, round(seconds * 10)))
    for _ in range(steps):
        for node in nodes:
            node.now += timedelta(seconds=seconds / steps)
            node.step()


class TestTwoNodes:
    """A subnet with nine addresses left: neither node hoards, and nine pods run wherever they are."""

    def test_idle_nodes_take_nothing(self) -> None:
        ec2 = with_free(9)
        nodes = [Node(ec2, limits=LARGE) for _ in range(2)]
        wait(120, *nodes)
        assert [node.view().stock.free for node in nodes] == [0, 0]
        assert len(ec2.free["subnet-1"]) == 9

    @pytest.mark.parametrize(("here", "there"), [(5, 4), (9, 0), (1, 8)])
    def test_pods_on_both_get_the_last_addresses(self, here: int, there: int) -> None:
        one, other = (Node(ec2, limits=LARGE) for ec2 in [with_free(9)] * 2)
        for number in range(9):
            (one if number < here else other).add(f"pod-{number}")
        wait(1, one, other)
        assert (len(one.pods), len(other.pods)) == (here, there)

    def test_what_pods_leave_goes_back_for_the_other_node(self) -> None:
        ec2 = with_free(9)
        one, other = Node(ec2, limits=LARGE), Node(ec2, limits=LARGE)
        for number in range(9):
            one.add(f"pod-{number}")
        wait(1, one, other)
        for number in range(5):
            one.delete(f"pod-{number}")
            other.add(f"new-{number}")
        wait(50, one, other)
        assert len(other.pods) == 5


class TestScheduler:
    """Two nodes in a subnet with eleven addresses, and twenty pods: eleven run, nine stay unscheduled."""

    @staticmethod
    def schedule(pending: list[str], nodes: list[Node], told: list[Capacity | None]) -> None:
        """Bind pods where the most of what was told is left, as the scheduler does."""
        while pending:
            left = [
                (capacity.value if capacity else 0) - len(node.pods) - len(node.waiting)
                for node, capacity in zip(nodes, told, strict=True)
            ]
            if max(left) <= 0:
                return
            nodes[left.index(max(left))].add(pending.pop(0))

    def test_the_capacities_come_to_what_there_is(self) -> None:
        ec2 = Ec2({"subnet-1": IPv4Network("10.0.0.0/27")}, taken=14)
        nodes = [Node(ec2, limits=LARGE, assign_seconds=0.3, create_seconds=3) for _ in range(2)]
        assert len(ec2.free["subnet-1"]) == 11
        pending = [f"pod-{number}" for number in range(20)]
        told: list[Capacity | None] = [None, None]
        for _ in range(300):
            told = [
                pod_ip_capacity(node.view(), old, sharers=2, rank=rank)
                for rank, (node, old) in enumerate(zip(nodes, told, strict=True))
            ]
            self.schedule(pending, nodes, told)
            wait(0.1, *nodes)
        assert [len(node.waiting) for node in nodes] == [0, 0]
        assert (sum(len(node.pods) for node in nodes), len(pending)) == (11, 9)
        last = [capacity for capacity in told if capacity]
        assert [capacity.taint for capacity in last] == [True, True]
        assert last[0].because == "subnet subnet-1 has 0 free addresses"


class TestChurn:
    """Pods come and go: a call for ten of them at most, and none is refused."""

    def churn(self, node: Node, every: float) -> float:
        """The longest wait in seconds of 100 pods, of which 10 live at a time."""
        longest = 0.0
        for number in range(100):
            if number >= 10:
                node.delete(f"pod-{number - 10}")
            begun = node.now
            node.add(f"pod-{number}")
            while node.waiting:
                wait(0.1, node)
            longest = max(longest, (node.now - begun).total_seconds())
            wait(max(0.1, every - (node.now - begun).total_seconds()), node)
        return longest

    @pytest.mark.parametrize(("limits", "every"), CHURN, ids=str)
    def test_a_tenth_of_a_call_for_each_pod(self, limits: InstanceLimits, every: float) -> None:
        node = Node(roomy(), limits=limits, assign_seconds=0.3, create_seconds=3)
        longest = self.churn(node, every)
        assert node.ec2.calls.total() <= 10, node.ec2.calls
        assert longest < 30

    @pytest.mark.parametrize("limits", [XLARGE, FOUR_XLARGE], ids=str)
    def test_where_each_pod_needs_a_fresh_address_the_interfaces_are_what_costs(
        self, limits: InstanceLimits
    ) -> None:
        """A hundred pods within the cool-down of the first: three calls for a new interface, and two more."""
        node = Node(roomy(), limits=limits, assign_seconds=0.3, create_seconds=3)
        assert self.churn(node, 0.2) < 30
        assert node.ec2.calls == {"CreateEni": 9, "AssignAddresses": 2}


class TestBurst:
    def test_thirty_pods_on_an_empty_node_need_one_round(self) -> None:
        node = Node(roomy(), limits=FOUR_XLARGE)
        for number in range(30):
            node.add(f"pod-{number}")
        node.step()
        assert len(node.pods) == 30

    def test_pods_that_ended_leave_the_node_as_small_as_before(self) -> None:
        node = Node(roomy(), limits=LARGE)
        for number in range(27):
            node.add(f"pod-{number}")
        wait(1, node)
        for number in range(27):
            node.delete(f"pod-{number}")
        wait(120, node)
        assert [eni.used_slots for eni in node.enis] == [Policy().headroom]

    def test_a_quiet_node_makes_no_calls(self) -> None:
        node = Node(roomy(), limits=LARGE)
        node.add("pod")
        wait(200, node)
        calls = node.ec2.calls.total()
        wait(600, node)
        assert node.ec2.calls.total() == calls
        assert node.now > NOW
