"""Which Ingresses share a load balancer, and in which order."""

from itertools import permutations
from typing import Any

from addons.albingress.desired.classes import NotOurs
from addons.albingress.desired.groups import (
    Membership,
    Unplaced,
    finalizer_of,
    groups_held,
    groups_left,
    in_order,
    membership,
)
from addons.albingress.desired.inputs import Member
from addons.albingress.model.groups import GroupId
from addons.albingress.model.objects import Ingress
from tests.support.alb_groups import (
    TEAM,
    class_params,
    config,
    doubtful,
    ingress,
    ingress_class,
    member,
    objects,
    told,
)
from tests.support.alb_stacks import forward, listener, stack

ALONE = GroupId("web", "shop")
IN_TEAM = ("group.ingress.k8s.aws/team",)


def join(one: Ingress, spec: Any = None, **settings: Any) -> Membership:
    found = (ingress_class(params="public"), class_params(spec)) if spec else (ingress_class(),)
    return membership(one, objects(*found), config(**settings))


def group_of(one: Ingress, spec: Any = None) -> GroupId:
    found = join(one, spec)
    assert isinstance(found, Member)
    return found.group


def order(*members: Member, incumbent: Any = None) -> list[str]:
    return [one.ingress.metadata.name for one in in_order(members, incumbent)]


class TestMembership:
    """An Ingress is alone, or in the group that it names, or that its class names."""

    def test_an_ingress_that_names_no_group_is_alone(self) -> None:
        assert group_of(ingress()) == ALONE

    def test_one_that_names_a_group_is_in_it(self) -> None:
        assert group_of(ingress(said={"group.name": "team"})) == TEAM

    def test_the_group_of_the_class_wins(self) -> None:
        assert group_of(ingress(said={"group.name": "other"}), {"group": {"name": "team"}}) == TEAM

    def test_one_that_is_being_deleted_belongs_to_none(self) -> None:
        assert isinstance(join(ingress(deleted=True)), NotOurs)

    def test_a_name_that_cannot_be_used_is_told_and_gets_nothing(self) -> None:
        found = join(ingress(said={"group.name": "My Team"}))
        assert isinstance(found, Unplaced)
        assert "group.name: 'My Team' is not a name of at most 63" in found.problem.message

    def test_an_ingress_that_was_served_stays_where_it_was_when_its_group_cannot_be_read(self) -> None:
        found = join(ingress(said={"group.name": "My Team"}, finalizers=IN_TEAM))
        assert isinstance(found, Member)
        assert (found.group, bool(found.doubt), told(found.problems)) == (
            TEAM,
            True,
            [("web", "InvalidAnnotation")],
        )

    def test_an_ingress_that_was_served_stays_where_it_was_when_its_class_is_gone(self) -> None:
        found = membership(ingress(finalizers=IN_TEAM), objects(), config())
        assert isinstance(found, Member)
        assert (found.group, told(found.problems)) == (TEAM, [("web", "InvalidIngressClass")])
        assert found.problems[0].message.endswith("what AWS has of it stays as it is")

    def test_while_it_moves_and_cannot_be_read_it_is_where_it_asks_to_be(self) -> None:
        held = (*IN_TEAM, "ingress.k8s.aws/resources")
        one, other = ingress(finalizers=held), ingress(said={"group.name": "team"}, finalizers=held)
        found = [membership(which, objects(), config()) for which in (one, other)]
        assert [which.group for which in found if isinstance(which, Member)] == [ALONE, TEAM]

    def test_names_of_groups_can_be_forbidden_on_new_ingresses(self) -> None:
        new = ingress(said={"group.name": "team"})
        old = ingress(said={"group.name": "team"}, finalizers=IN_TEAM)
        found = [join(one, disable_ingress_group_name_annotation=True) for one in (new, old)]
        assert [type(one) for one in found] == [Unplaced, Member]


class TestLeaving:
    """What holds a group's finalizer and belongs elsewhere has to be taken out of it."""

    def test_finalizers_say_where_aws_may_have_something_of_it(self) -> None:
        held = (*IN_TEAM, "ingress.k8s.aws/resources", "example.org/other")
        assert groups_held(ingress(finalizers=held)) == (TEAM, ALONE)
        assert (finalizer_of(TEAM), finalizer_of(ALONE)) == held[:2]

    def test_one_that_moved_leaves_the_group_where_it_was(self) -> None:
        one = ingress(said={"group.name": "other"}, finalizers=IN_TEAM)
        assert groups_left(one, join(one)) == (TEAM,)

    def test_one_that_is_deleted_leaves_all(self) -> None:
        one = ingress(finalizers=IN_TEAM, deleted=True)
        assert groups_left(one, join(one)) == (TEAM,)

    def test_one_that_went_to_another_controller_leaves_all(self) -> None:
        one = ingress(class_annotation="nginx", finalizers=IN_TEAM)
        assert groups_left(one, join(one)) == (TEAM,)

    def test_one_that_cannot_be_read_leaves_none(self) -> None:
        one = ingress(finalizers=(*IN_TEAM, "ingress.k8s.aws/resources"))
        assert groups_left(one, membership(one, objects(), config())) == ()


class TestOrder:
    """Rules stand in the order of their members."""

    def test_by_order_then_by_name(self) -> None:
        last, first = member("a", {"group.order": "1"}), member("z", {"group.order": "-1"})
        everyone = (last, member("c"), member("b"), first)
        assert {tuple(order(*some)) for some in permutations(everyone)} == {("z", "b", "c", "a")}

    def test_an_order_that_cannot_be_read_is_told_to_its_owner_alone(self) -> None:
        assert told(member("a", {"group.order": "first"}).problems) == [("a", "InvalidAnnotation")]

    def test_it_comes_behind_order_0_where_nothing_is_known(self) -> None:
        lost = member("a", {"group.order": "first"})
        assert order(lost, member("b"), member("c", {"group.order": "1"})) == ["b", "a", "c"]

    def test_it_keeps_the_place_of_its_rules(self) -> None:
        lost = member("z", {"group.order": "first"})
        has = stack(listener(80, forward("z"), forward("b"), forward("c")))
        assert order(lost, member("b"), member("c"), incumbent=has) == ["z", "b", "c"]

    def test_so_does_one_whose_class_is_gone(self) -> None:
        has = stack(listener(80, forward("b"), forward("x"), forward("c")))
        assert order(doubtful("x"), member("b"), member("c"), incumbent=has) == ["b", "x", "c"]
