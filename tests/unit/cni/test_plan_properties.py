"""What holds for every plan, whatever the node looks like: checked on random nodes."""

from datetime import timedelta
from ipaddress import IPv4Address, IPv4Network
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from addons.cni.model.actions import AssignAddresses, AssignPrefixes, CreateEni
from addons.cni.model.enis import InstanceLimits
from addons.cni.model.pool import Policy
from addons.cni.plan.capacity import pod_ip_capacity
from addons.cni.plan.grow import growable
from addons.cni.plan.pool import plan_pool
from tests.support.cni_nodes import Ec2, Node

POLICIES = [
    Policy(),
    Policy(headroom=0),
    Policy(headroom=64, subnet_reserve="0"),
    Policy(max_eni=2),
    Policy(warm_eni=0),
    Policy(warm_eni=1),
    Policy(warm_ip=2),
    Policy(warm_ip=3, minimum_ip=12),
    Policy(minimum_ip=7),
    Policy(has_prefixes=True),
    Policy(has_prefixes=True, warm_prefix=1),
    Policy(has_prefixes=True, warm_ip=5, minimum_ip=20),
]
LIMITS = [InstanceLimits(1, 2), InstanceLimits(3, 4), InstanceLimits(3, 10), InstanceLimits(4, 15)]
CIDRS = ["10.0.0.0/28", "10.0.0.0/27", "10.0.0.0/24"]


def lived(seed: int) -> Node:
    """A node after a random life: pods came, went and waited, time passed."""
    random = Random(seed)
    names = ["subnet-1", "subnet-2"][: random.randint(1, 2)]
    cidrs = {name: IPv4Network(random.choice(CIDRS)) for name in names}
    if len(cidrs) == 2:
        cidrs["subnet-2"] = IPv4Network("10.9.0.0/26")
    node = Node(
        Ec2(cidrs),
        limits=random.choice(LIMITS),
        policy=random.choice(POLICIES),
        cooldown=random.choice([0, 5, 30]),
        assign_seconds=random.choice([0, 0.3]),
        create_seconds=random.choice([0, 3]),
    )
    for number in range(random.randint(0, 20)):
        for _ in range(random.choice([0, 0, 1, 1, 2, 9])):
            node.add(f"pod-{number}-{random.random()}")
        for pod in random.sample(sorted(node.pods), random.randint(0, len(node.pods))):
            if random.random() < 0.3:
                node.delete(pod)
        node.now += timedelta(seconds=random.choice([0.1, 1, 10, 70]))
        node.step()
    return node


seeds = st.integers(0, 2**32)


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_no_address_of_a_pod_and_none_that_cools_down_is_given_back(seed: int) -> None:
    node = lived(seed)
    view = node.view()
    for action in plan_pool(view).actions:
        assert not node.given_up(action) & view.addresses.unavailable(view.now)


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_limits_are_never_exceeded(seed: int) -> None:
    view = lived(seed).view()
    slots, made = {eni.eni_id: eni.used_slots for eni in view.enis}, view.creations
    for action in plan_pool(view).actions:
        if isinstance(action, AssignAddresses | AssignPrefixes):
            slots[action.eni_id] += action.count
        if isinstance(action, CreateEni):
            made += 1
            assert 0 < action.addresses + action.prefixes <= view.limits.slots_per_eni
    assert max(slots.values()) <= view.limits.slots_per_eni
    assert len(view.enis) + made <= max(view.eni_limit, len(view.enis) + view.creations)


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_no_interface_is_touched_on_which_something_is_under_way_and_none_twice(seed: int) -> None:
    view = lived(seed).view()
    keys = [action.key for action in plan_pool(view).actions if not isinstance(action, CreateEni)]
    assert len(set(keys)) == len(keys)
    assert not view.busy & set(keys)


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(seed: int) -> None:
    node = lived(seed)
    node.under_way = []
    node._seconds = 0, 0
    node.settle()
    assert plan_pool(node.view()).actions == ()


@settings(max_examples=50, deadline=None)
@given(seeds, st.integers(0, 2**32))
def test_whatever_part_of_a_plan_is_carried_out_pods_keep_their_addresses(seed: int, chosen: int) -> None:
    node = lived(seed)
    pods = dict(node.pods)
    actions = list(plan_pool(node.view()).actions)
    for action in Random(chosen).sample(actions, Random(chosen).randint(0, len(actions))):
        node.carry_out(action)
    held = frozenset[IPv4Address]().union(*(eni.all_addresses() for eni in node.enis))
    assert held.issuperset(pods.values())


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_after_giving_back_there_is_enough_for_those_who_wait(seed: int) -> None:
    node = lived(seed)
    view = node.view()
    lost = frozenset[IPv4Address]().union(*map(node.given_up, plan_pool(view).actions))
    if lost:
        assert view.stock.free - len(lost) >= view.waiting


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_a_pod_that_waits_is_told_why_and_only_such_a_one(seed: int) -> None:
    view = lived(seed).view()
    why = plan_pool(view).why_waiting
    assert (why is None) == (0 < view.stock.free >= view.waiting)


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_the_same_view_gives_the_same_plan(seed: int) -> None:
    view = lived(seed).view()
    shuffled = replace(view, enis=tuple(reversed(view.enis)))
    assert plan_pool(view) == plan_pool(view)
    assert set(plan_pool(view).actions) == set(plan_pool(shuffled).actions)


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_a_cordoned_node_never_shrinks_and_makes_no_interface(seed: int) -> None:
    view = replace(lived(seed).view(), is_cordoned=True)
    allowed = AssignAddresses | AssignPrefixes
    assert all(isinstance(action, allowed) for action in plan_pool(view).actions)


@settings(max_examples=50, deadline=None)
@given(seeds)
def test_the_scheduler_is_told_no_more_than_there_can_be(seed: int) -> None:
    view = lived(seed).view()
    told = pod_ip_capacity(view)
    most = view.eni_limit * view.limits.slots_per_eni * view.unit
    assert 0 <= told.exact <= max(most, view.stock.usable)
    assert told.value == max(told.exact, len(view.addresses.assigned) + view.waiting)
    assert growable(view) <= sum(subnet.free for subnet in view.subnets.values())
