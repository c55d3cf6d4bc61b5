"""In which subnets a load balancer stands."""

from typing import Any

import pytest

from addons.albingress.desired.inputs import Member, Unresolved
from addons.albingress.desired.subnets import ChosenSubnets, choose_subnets
from addons.albingress.model.network import Subnet
from tests.support.alb_groups import doubtful, inputs, member, resolved, subnet, told

CLUSTER, OTHERS = ("kubernetes.io/cluster/prod", "owned"), ("kubernetes.io/cluster/test", "shared")
ROLE = ("kubernetes.io/role/internal-elb", "1")
A, B = subnet("a", "a"), subnet("b", "b")


def choose(
    *known: Subnet,
    members: tuple[Member, ...] = (member(),),
    scheme: str = "internal",
    ipv6: bool = False,
    incumbent: tuple[str, ...] | None = None,
) -> ChosenSubnets:
    group = inputs(*members, answers=resolved(subnets=known))
    return choose_subnets(group, scheme, ipv6=ipv6, incumbent=incumbent)


def naming(*names: str) -> tuple[Member, ...]:
    return (member("web", {"subnets": ",".join(names)}),)


class TestDiscovery:
    """Where nobody names any: one for each zone, by tag or else by route."""

    @pytest.mark.parametrize(
        ("scheme", "tag"),
        [("internal", "kubernetes.io/role/internal-elb"), ("internet-facing", "kubernetes.io/role/elb")],
    )
    @pytest.mark.parametrize("value", ["", "1"])
    def test_by_the_tag_of_the_scheme(self, scheme: str, tag: str, value: str) -> None:
        others = (subnet("c", "c", tags=((tag, "0"),)), subnet("d", "d", tags=()))
        tagged = [subnet(name, name, tags=((tag, value),)) for name in "ab"]
        assert choose(*tagged, *others, scheme=scheme).ids == ("subnet-a", "subnet-b")

    @pytest.mark.parametrize(("scheme", "is_public"), [("internal", False), ("internet-facing", True)])
    def test_by_route_where_nothing_is_tagged(self, scheme: str, is_public: bool) -> None:
        known = [subnet(name, name, tags=(), is_public=is_public) for name in "ab"]
        others = [subnet(name, name, tags=(), is_public=not is_public) for name in "cd"]
        assert choose(*known, *others, scheme=scheme).ids == ("subnet-a", "subnet-b")

    def test_those_whose_routes_nobody_knows_are_not_taken(self) -> None:
        assert choose(*(subnet(name, name, tags=()) for name in "ab")).missing

    def test_of_a_zone_the_one_of_this_cluster_else_the_lowest_id(self) -> None:
        known = (subnet("a2", "a", tags=(ROLE, CLUSTER)), subnet("b2", "b"))
        assert choose(A, B, *known).ids == ("subnet-a2", "subnet-b")

    def test_not_those_of_other_clusters_or_without_room(self) -> None:
        known = (subnet("c", "c", tags=(ROLE, OTHERS)), subnet("d", "d", free_addresses=7))
        assert choose(A, B, *known).ids == ("subnet-a", "subnet-b")

    def test_those_of_several_clusters_are_ours_too(self) -> None:
        assert choose(A, subnet("c", "c", tags=(ROLE, OTHERS, CLUSTER))).ids == ("subnet-a", "subnet-c")

    def test_with_ipv6_only_those_that_have_it(self) -> None:
        known = [subnet(name, name, has_ipv6=True) for name in "cd"]
        assert choose(A, B, *known, ipv6=True).ids == ("subnet-c", "subnet-d")

    def test_too_few_are_told_with_what_is_wrong_with_each(self) -> None:
        found = choose(A, subnet("c", "c", free_addresses=3), subnet("d", "d", tags=(ROLE, OTHERS)))
        assert found.missing == (
            "subnets of 2 zones are needed, and there are those of: a; "
            "subnet-c has 3 free addresses, 8 are needed; subnet-d is tagged for other clusters only; "
            "tag subnets of two zones kubernetes.io/role/internal-elb=1, "
            "or name them in the annotation subnets"
        )

    def test_one_is_enough_in_a_local_zone(self) -> None:
        assert choose(subnet("l", "l", zone_type="local-zone")).ids == ("subnet-l",)

    def test_zones_of_different_kinds_do_not_go_together(self) -> None:
        assert "do not go together" in choose(A, B, subnet("l", "l", zone_type="local-zone")).missing

    def test_a_load_balancer_that_exists_stays_where_it_is(self) -> None:
        assert choose(incumbent=("subnet-x", "subnet-y")) == ChosenSubnets()

    def test_a_look_up_that_failed_moves_nothing_and_makes_nothing(self) -> None:
        group = inputs(member(), answers=resolved(subnets=Unresolved("throttled")))
        found = [choose_subnets(group, "internal", ipv6=False, incumbent=has) for has in (("s",), None)]
        assert [one.missing for one in found] == ["", "subnets cannot be looked up: throttled"]


class TestNamed:
    """Subnets by annotation or by class."""

    def test_by_id_and_by_name(self) -> None:
        named = subnet("n", "n", tags=(("Name", "my subnet"),))
        assert choose(A, B, named, members=naming("my subnet", "subnet-a")).ids == ("subnet-a", "subnet-n")

    @pytest.mark.parametrize(
        ("names", "fault"),
        [
            (
                ("subnet-a", "subnet-x"),
                "no subnet of the VPC has the id or the tag Name subnet-x; name another one",
            ),
            (
                ("subnet-a", "two"),
                "2 subnets have the tag Name two (subnet-t1, subnet-t2); name one by its id",
            ),
            (("subnet-a", "subnet-a2"), "subnet-a, subnet-a2 are in the same zone a; name one of them"),
            (("subnet-a",), "subnets of 2 zones are needed, and there are those of: a"),
        ],
    )
    def test_those_that_cannot_be_used_are_told_and_nothing_is_made(
        self, names: tuple[str, ...], fault: str
    ) -> None:
        twins = [subnet(name, name, tags=(("Name", "two"),)) for name in ("t1", "t2")]
        found = choose(A, B, subnet("a2", "a"), *twins, members=naming(*names))
        assert (found.ids, told(found.problems)) == ((), [("web", "SubnetsMissing")])
        assert (found.missing, found.problems[0].message) == (
            "those that are named cannot be used",
            f"annotation alb.ingress.kubernetes.io/subnets: {fault}",
        )

    def test_a_load_balancer_that_exists_stays_where_it_is(self) -> None:
        found = choose(A, B, members=naming("subnet-x"), incumbent=("subnet-y", "subnet-a"))
        assert (found.ids, found.missing) == (("subnet-a", "subnet-y"), "")
        assert told(found.problems) == [("web", "SubnetsMissing")]

    def test_others_are_served_from_subnets_that_are_found(self) -> None:
        found = choose(A, B, members=(*naming("subnet-x"), member("other")))
        assert (found.ids, told(found.problems)) == (("subnet-a", "subnet-b"), [("web", "SubnetsMissing")])

    def test_the_same_in_another_order_is_no_conflict(self) -> None:
        one, other = naming("subnet-a", "subnet-b")[0], member("z", {"subnets": "subnet-b,subnet-a"})
        assert choose(A, B, members=(one, other)) == ChosenSubnets(("subnet-a", "subnet-b"))

    def test_a_newcomer_does_not_move_the_load_balancer(self) -> None:
        one, other = naming("subnet-a", "subnet-b")[0], member("a", {"subnets": "subnet-c,subnet-b"})
        found = choose(A, B, subnet("c", "c"), members=(one, other), incumbent=("subnet-b", "subnet-a"))
        assert (found.ids, told(found.problems)) == (("subnet-a", "subnet-b"), [("a", "ConflictingSetting")])

    @pytest.mark.parametrize(
        "selector",
        [{"ids": ["subnet-a", "subnet-b"]}, {"tags": {ROLE[0]: ["0", "1"]}}, {"tags": {"t": ["x"]}}],
    )
    def test_by_class(self, selector: Any) -> None:
        one, other = (subnet(name, name, tags=(ROLE, ("t", "x"))) for name in "ab")
        chosen = choose(one, other, members=(member("web", params={"subnets": selector}),))
        assert chosen == ChosenSubnets(("subnet-a", "subnet-b"))

    def test_a_class_that_cannot_be_read_is_told(self) -> None:
        found = choose(A, B, members=(member("web", params={"subnets": "all"}), member("z")))
        assert (found.ids, told(found.problems)) == (
            ("subnet-a", "subnet-b"),
            [("public", "InvalidIngressClass")],
        )

    def test_one_in_doubt_leaves_the_load_balancer_where_it_is(self) -> None:
        members = (doubtful("d"), *naming("subnet-a", "subnet-b"))
        found = choose(A, B, members=members, incumbent=("subnet-c", "subnet-d"))
        assert found.ids == ("subnet-c", "subnet-d")
