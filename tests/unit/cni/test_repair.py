"""Interfaces that were begun and not finished, and those with other security groups; when to look again."""

from datetime import timedelta
from typing import Any

import pytest

from addons.cni.model.enis import Eni
from addons.cni.model.pool import Placement
from addons.cni.names import INSTANCE_TAG
from addons.cni.plan.pool import plan_pool
from addons.cni.plan.view import Rest
from tests.support.cni_pool import NOW, eni, view

HAVE = eni(0, 1, 2, 3, 4)


def done(*enis: Eni, **more: Any) -> list[tuple[str, str, str]]:
    actions = plan_pool(view(HAVE, *enis, **more)).actions
    return [(type(action).__name__, action.key, action.because) for action in actions]


class TestRepair:
    @pytest.mark.parametrize(
        ("fields", "because"),
        [
            ({"tags": {}}, "it is not tagged"),
            ({"deletes_on_termination": False}, "it would outlive the instance"),
            ({"attachment_id": ""}, "it is not attached"),
        ],
    )
    def test_what_is_missing_is_made_good(self, fields: dict[str, Any], because: str) -> None:
        assert done(eni(1, 11, **fields), used=[11]) == [("RepairEni", "eni-1", because)]

    def test_one_that_somebody_else_attached_may_outlive_the_instance(self) -> None:
        theirs = eni(1, 11, deletes_on_termination=False, tags={INSTANCE_TAG: "i-1"})
        assert done(theirs, used=[11]) == []

    def test_one_that_is_not_managed_is_left_alone(self) -> None:
        assert done(eni(1, tags={}, is_managed=False)) == []

    def test_one_that_failed_lately_rests(self) -> None:
        rests = {"eni-1": Rest(NOW + timedelta(seconds=1), "Denied", "no")}
        assert done(eni(1, 11, tags={}), used=[11], rests=rests) == []


class TestSecurityGroups:
    def test_they_follow_the_nodes(self) -> None:
        expected = ("SetSecurityGroups", "eni-1", "it has other security groups")
        assert done(eni(1, 11, security_groups=("sg-9",)), used=[11]) == [expected]

    def test_their_order_does_not_matter(self) -> None:
        both = Placement(subnet_ids=("subnet-1",), security_groups=("sg-1", "sg-2"))
        assert done(eni(1, 11, security_groups=("sg-2", "sg-1")), used=[11], placement=both) == []

    def test_under_custom_networking_those_of_other_subnets_keep_theirs(self) -> None:
        custom = Placement(
            subnet_ids=("pods",), security_groups=("sg-2",), is_custom=True, primary_serves=False
        )
        old, new = eni(1, 11), eni(2, 21, 22, 23, 24, subnet="pods")
        assert [key for _, key, _ in done(old, new, used=[1, 2, 3, 4, 11], placement=custom)] == ["eni-2"]

    def test_unknown_groups_change_nothing(self) -> None:
        unknown = Placement(subnet_ids=("subnet-1",))
        assert done(eni(1, 11), used=[11], placement=unknown) == []


class TestLookAgain:
    def when(self, *enis: Eni, **more: Any) -> float | None:
        moment = plan_pool(view(*enis, **more)).look_again
        return (moment - NOW).total_seconds() if moment else None

    def test_nothing_changes_by_itself_on_a_settled_node(self) -> None:
        assert self.when(HAVE) is None

    def test_the_next_address_that_has_rested(self) -> None:
        assert self.when(HAVE, cooling={1: 20, 2: 10}) == 10

    def test_the_end_of_a_rest(self) -> None:
        assert self.when(HAVE, rests={"eni-0": Rest(NOW + timedelta(seconds=3), "Throttling", "")}) == 3

    def test_an_address_that_may_go_back_then(self) -> None:
        assert self.when(HAVE, idle=45) == 15

    def test_an_interface_that_is_no_longer_young_then(self) -> None:
        young = eni(1, 11, created_at=NOW - timedelta(seconds=20))
        assert self.when(HAVE, young) == 40
