"""What is left of each limit while a plan grows, and what subnets have left."""

from typing import Any

from addons.autoscaler import names
from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.intents import GroupRecord, Intent
from addons.autoscaler.model.snapshot import Snapshot, Totals
from addons.autoscaler.plan.groups import group_states
from addons.autoscaler.plan.limits import Limits
from addons.autoscaler.plan.options import GrowOptions
from tests.support.as_growth import NOW, group, instance, node, proven, snapshot


class Counted:
    """The limits of a snapshot, and its groups."""

    def __init__(self, snap: Snapshot, **options: Any) -> None:
        self.states = group_states(snap, GrowOptions(**options))
        self.limits = Limits(snap, self.states, GrowOptions(**options))

    def left(self, name: str = "a", *, probes: bool = False) -> tuple[int, str]:
        count, why = self.limits.left(self.states[name], probes=probes)
        return count, why.code

    def take(self, count: int, name: str = "a", *, probes: bool = False) -> None:
        self.limits.take(self.states[name], count, probes=probes)


def counted(*groups: Group, options: dict[str, Any] | None = None, **fields: Any) -> Counted:
    return Counted(snapshot(groups or [group()], **fields), **(options or {}))


class TestLeft:
    """The tightest limit counts."""

    def test_what_is_taken_is_left_no_more(self) -> None:
        found = counted()
        assert found.left() == (10, names.AT_MAX)
        found.take(4)
        assert found.left() == (6, names.AT_MAX)
        assert found.limits.taken("a") == 4

    def test_nodes_that_start_are_counted_once(self) -> None:
        starting = node(created=NOW - 9, not_ready_why="x")
        given = group(instances=(instance(),), desired=2)
        assert counted(given, nodes=[starting], totals=Totals(max_nodes=5)).left() == (3, names.TOTAL_LIMIT)

    def test_cores_of_nodes_that_come_are_whole_as_those_of_nodes_are(self) -> None:
        found = counted(group(desired=1), totals=Totals(max_cores=6))
        assert found.left() == (2, names.TOTAL_LIMIT)

    def test_a_live_node_says_what_the_next_one_adds(self) -> None:
        big = node(capacity={"cpu": 4000, "memory": 1})
        given = group(instances=(instance(),))
        assert counted(given, nodes=[big], totals=Totals(max_cores=12)).left() == (2, names.TOTAL_LIMIT)

    def test_a_limit_that_is_broken_already_leaves_nothing(self) -> None:
        nodes = [node(f"i-{number}") for number in range(5)]
        assert counted(nodes=nodes, totals=Totals(max_nodes=3)).left() == (0, names.TOTAL_LIMIT)

    def test_probes_of_all_groups_count_together(self) -> None:
        groups = [group(name) for name in "abc"]
        found = counted(*groups, records={}, options={"max_unproven": 2})
        found.take(1, "a", probes=True)
        found.take(1, "b", probes=True)
        assert found.left("c", probes=True) == (0, names.PROBING)

    def test_what_somebody_else_adds_to_an_unproven_group_keeps_no_other_from_a_probe(self) -> None:
        groups = [group("a", desired=9), group("b")]
        assert counted(*groups, records={}, options={"max_unproven": 2}).left("b", probes=True)[0] == 1

    def test_tags_are_tried_by_one_node_whatever_the_group_has_shown(self) -> None:
        found = counted(records={"a": proven(step=8)})
        assert found.left(probes=True) == (1, names.PROBING)

    def test_and_by_no_other_while_that_is_open(self) -> None:
        trial = Intent(id="x", group="a", count=1, at=NOW, template="", state="launching", is_probe=True)
        assert counted(records={"a": proven(intents=(trial,))}).left(probes=True)[0] == 0

    def test_a_group_whose_nodes_joined_before_may_try_more(self) -> None:
        assert counted(records={"a": GroupRecord(step=4)}).left(probes=True) == (4, names.PROBING)


class TestAddresses:
    """Subnets have so many addresses left."""

    def free(self, *groups: Group) -> int:
        return counted(*groups).left()[0]

    def test_where_it_is_not_known_nothing_is_limited(self) -> None:
        assert self.free(group(free_addresses=None)) == 10

    def test_all_zones_together(self) -> None:
        assert self.free(group(free_addresses={"eu-1a": 2, "eu-1b": 3})) == 5

    def test_what_aws_still_owes_is_taken_already(self) -> None:
        assert self.free(group(desired=2, free_addresses={"eu-1a": 5})) == 3

    def test_what_another_group_is_owed_in_the_same_subnet_too(self) -> None:
        one = group(subnets=("s1", "s2"), free_addresses={"eu-1a": 5})
        assert self.free(one, group("b", subnets=("s2",), desired=2)) == 3

    def test_not_in_another_subnet(self) -> None:
        one = group(subnets=("s1",), free_addresses={"eu-1a": 5})
        assert self.free(one, group("b", subnets=("s2",), desired=2)) == 5
