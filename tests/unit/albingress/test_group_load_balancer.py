"""The load balancer of a group: never made anew because wishes contradict each other or cannot be read."""

from typing import Any

from addons.albingress.desired.inputs import Member
from addons.albingress.desired.listeners import group_ports
from addons.albingress.desired.load_balancer import GroupLoadBalancer, group_load_balancer
from addons.albingress.model.stack import DesiredLoadBalancer, Permission
from tests.support.alb_groups import doubtful, ingress, inputs, member, resolved, subnet, told
from tests.support.alb_stacks import forward, listener, stack

NOW = stack(listener(80, forward("a")))
PROTECTS = {"load-balancer-attributes": "deletion_protection.enabled=true"}


def build(*members: Member, **how: Any) -> GroupLoadBalancer:
    group = inputs(*members, **how)
    return group_load_balancer(group, group_ports(group)[0])


def made(*members: Member, **how: Any) -> DesiredLoadBalancer:
    found = build(*members, **how).load_balancer
    assert found is not None
    return found


def says(name: str, **said: str) -> Member:
    return member(name, {key.replace("_", "-"): text for key, text in said.items()})


class TestDefaults:
    """What is made where nobody says anything."""

    def test_a_load_balancer_as_the_original_makes_it(self) -> None:
        found = made(member("a"))
        assert (found.name, found.scheme, found.ip_address_type) == (
            "k8s-team-2371496512",
            "internal",
            "ipv4",
        )
        assert (found.subnets, found.uses_backend_group) == (("subnet-a", "subnet-b"), True)
        assert (found.attributes, found.waf_acl, found.owner.ref.name) == ((), "", "a")
        assert dict(found.tags)["ingress.k8s.aws/resource"] == "LoadBalancer"

    def test_the_scheme_of_the_settings(self) -> None:
        found = made(member("a"), default_load_balancer_scheme="internet-facing")
        assert found.scheme == "internet-facing"


class TestScheme:
    """Whether people outside can reach it is never guessed and never flipped by a conflict."""

    def test_of_two_the_first_wins(self) -> None:
        found = build(says("a", scheme="internal"), says("b", scheme="internet-facing"))
        assert found.load_balancer
        assert found.load_balancer.scheme == "internal"
        assert told(found.problems) == [("b", "ConflictingSetting")]

    def test_of_two_what_is_there_wins(self) -> None:
        found = build(says("a", scheme="internet-facing"), says("b", scheme="internal"), incumbent=NOW)
        assert found.load_balancer
        assert found.load_balancer.scheme == "internal"
        assert told(found.problems) == [("a", "ConflictingSetting")]

    def test_one_wish_for_another_is_a_change(self) -> None:
        found = made(says("a", scheme="internet-facing"), member("b"), incumbent=NOW)
        assert (found.scheme, found.name) == ("internet-facing", "k8s-team-93d393fde0")
        assert found.subnets == ("subnet-a", "subnet-b")

    def test_one_that_cannot_be_read_leaves_what_is_there(self) -> None:
        assert made(says("a", scheme="public"), incumbent=NOW).scheme == "internal"

    def test_a_class_that_is_gone_leaves_what_is_there(self) -> None:
        public = stack(listener(80, forward("a")), scheme="internet-facing")
        assert made(doubtful("a"), says("b", scheme="internal"), incumbent=public).scheme == "internet-facing"

    def test_alone_it_makes_nothing_and_is_told(self) -> None:
        found = build(says("a", scheme="public"))
        assert (found.load_balancer, found.security_group) == (None, None)
        assert found.held == "no scheme that can be used is asked for"
        assert told(found.problems) == [("a", "InvalidAnnotation")]

    def test_others_get_the_load_balancer_that_they_would_have_without_it(self) -> None:
        assert made(says("a", scheme="public"), member("b")).scheme == "internal"

    def test_a_class_may_say_it_in_a_wrong_type(self) -> None:
        found = build(member("a", params={"scheme": 5}), member("b"))
        assert found.load_balancer
        assert told(found.problems) == [("public", "InvalidIngressClass")]


class TestName:
    """A name is given once: AWS cannot rename a load balancer."""

    def test_as_it_is_asked_for(self) -> None:
        assert made(says("a", load_balancer_name="mine")).name == "mine"

    def test_one_that_exists_keeps_its_name_and_who_asks_for_another_is_told(self) -> None:
        found = build(says("a", load_balancer_name="mine"), incumbent=NOW)
        assert found.load_balancer
        assert found.load_balancer.name == "k8s-team-2371496512"
        assert told(found.problems) == [("a", "AttributeKept")]

    def test_one_that_has_a_name_by_an_annotation_that_is_gone_keeps_it(self) -> None:
        found = build(member("a"), incumbent=stack(listener(80), name="mine"))
        assert found.load_balancer
        assert (found.load_balancer.name, found.problems) == ("mine", ())

    def test_a_new_one_cannot_have_the_name_of_the_one_that_it_replaces(self) -> None:
        has = stack(listener(80), name="mine")
        found = build(says("a", load_balancer_name="mine", scheme="internet-facing"), incumbent=has)
        assert found.load_balancer
        assert found.load_balancer.name.startswith("k8s-team-")
        assert told(found.problems) == [("a", "AttributeKept")]

    def test_one_that_cannot_be_used_costs_only_the_name(self) -> None:
        found = build(says("a", load_balancer_name="a" * 33))
        assert found.load_balancer
        assert found.load_balancer.name == "k8s-team-2371496512"
        assert told(found.problems) == [("a", "InvalidAnnotation")]


class TestAddresses:
    """IPv6 needs subnets that have it; without them it is told and everything else is made."""

    SIX = tuple(subnet(name, name, has_ipv6=True) for name in "ab")

    def test_dualstack(self) -> None:
        found = made(says("a", ip_address_type="dualstack"), answers=resolved(subnets=self.SIX))
        assert found.ip_address_type == "dualstack"

    def test_without_such_subnets(self) -> None:
        found = build(says("a", ip_address_type="dualstack"), member("b"))
        assert found.load_balancer
        assert found.load_balancer.ip_address_type == "ipv4"
        assert told(found.problems) == [("a", "SubnetsMissing")]

    def test_one_that_exists_stays_as_it_is_where_its_subnets_have_none(self) -> None:
        found = build(says("a", ip_address_type="dualstack"), incumbent=NOW)
        assert found.load_balancer
        assert found.load_balancer.ip_address_type == "ipv4"
        assert found.problems[0].message == (
            "ip-address-type stays ipv4: subnet-a, subnet-b have no IPv6 addresses"
        )


class TestSubnets:
    """Without subnets nothing can be made, and everybody hears of it."""

    def test_everybody_who_gets_nothing_is_told(self) -> None:
        found = build(member("a"), member("b"), answers=resolved(subnets=()))
        assert (found.load_balancer, bool(found.held)) == (None, True)
        assert told(found.problems) == [("a", "SubnetsMissing"), ("b", "SubnetsMissing")]

    def test_one_that_exists_needs_none(self) -> None:
        found = build(member("a"), answers=resolved(subnets=()), incumbent=NOW)
        assert found.load_balancer
        assert (found.load_balancer.subnets, found.problems) == ((), ())


class TestAttributes:
    """Attributes add up; each defect costs only its key."""

    def test_of_members_and_classes(self) -> None:
        by_class = {"loadBalancerAttributes": [{"key": "idle_timeout.timeout_seconds", "value": "30"}]}
        said = {"load-balancer-attributes": "idle_timeout.timeout_seconds=60,routing.http2.enabled=false"}
        found = build(member("a", said, params=by_class))
        assert found.load_balancer
        assert found.load_balancer.attributes == (
            ("idle_timeout.timeout_seconds", "30"),
            ("routing.http2.enabled", "false"),
        )
        assert found.problems == ()

    def test_a_value_that_aws_would_refuse_is_left_out_and_told(self) -> None:
        said = "idle_timeout.timeout_seconds=9999,routing.http2.enabled=false,some.new.one=x"
        found = build(says("a", load_balancer_attributes=said))
        assert found.load_balancer
        assert found.load_balancer.attributes == (
            ("routing.http2.enabled", "false"),
            ("some.new.one", "x"),
        )
        assert told(found.problems) == [("a", "InvalidAnnotation")]

    def test_a_web_acl(self) -> None:
        arn = "arn:aws:wafv2:eu-west-1:1:regional/webacl/a/b"
        assert made(says("a", wafv2_acl_arn=arn)).waf_acl == arn
        assert made(says("a", wafv2_acl_arn=arn), enable_wafv2=False).waf_acl == ""
        assert made(says("a", wafv2_acl_arn="none")).waf_acl == "none"
        assert made(says("a", wafv2_acl_arn="mine")).waf_acl == ""


class TestDoubt:
    """A group of which nobody can be read stays as AWS has it."""

    def test_everything_is_as_it_is(self) -> None:
        has = stack(
            listener(80, forward("a")),
            sources=(Permission(80, 80, cidr="10.0.0.0/8"),),
            scheme="internet-facing",
            name="mine",
            ip_address_type="dualstack",
            tags=(("cost", "1"), ("aws-addons.io/spec", "x")),
        )
        found = build(doubtful("a"), incumbent=has)
        assert found.load_balancer
        assert found.security_group
        one, group = found.load_balancer, found.security_group
        assert (one.name, one.scheme, one.ip_address_type) == ("mine", "internet-facing", "dualstack")
        assert (one.attributes, one.security_groups, group.kept_ports) == ((), (), (80,))
        assert dict(one.tags)["cost"] == "1"
        assert "aws-addons.io/spec" not in dict(one.tags)
        assert found.problems == ()

    def test_where_aws_has_nothing_nothing_is_made(self) -> None:
        assert build(doubtful("a")).held


class TestLastOneGoes:
    """Without members nothing is asked for, unless one that leaves protects the load balancer."""

    def test_nothing_is_asked_for(self) -> None:
        assert build(leaving=(ingress("a", deleted=True),), incumbent=NOW) == GroupLoadBalancer()

    def test_protection_keeps_the_load_balancer_alone_and_is_told_to_the_one_that_asks_for_it(self) -> None:
        leaving = (ingress("a", PROTECTS, deleted=True), ingress("b", deleted=True))
        found = build(leaving=leaving, incumbent=NOW)
        assert found.load_balancer
        assert found.load_balancer.name == "k8s-team-2371496512"
        assert (found.load_balancer.owner.ref.name, told(found.problems)) == (
            "a",
            [("a", "DeletionProtected")],
        )
        assert found.security_group
        assert found.load_balancer.uses_backend_group

    def test_while_others_stay_it_does_not_matter(self) -> None:
        leaving = (ingress("a", PROTECTS, deleted=True),)
        assert build(member("b"), leaving=leaving, incumbent=NOW).problems == ()
