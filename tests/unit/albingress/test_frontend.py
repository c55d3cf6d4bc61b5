"""Who may reach a load balancer; a wish that cannot be read never lets anybody in."""

from typing import Any

from addons.albingress.desired.frontend import Frontend, frontend, groups_to_resolve
from addons.albingress.desired.inputs import Member, Unresolved
from addons.albingress.desired.listeners import group_ports
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.stack import Permission
from tests.support.alb_groups import doubtful, inputs, member, resolved, told
from tests.support.alb_stacks import forward, listener, stack

TEN, ELEVEN = "10.0.0.0/8", "11.0.0.0/8"
GROUPS = {"sg-1": ("sg-1",), "mine": ("sg-2",), "twice": ("sg-3", "sg-4"), "gone": ()}


def build(
    *members: Member, incumbent: ObservedStack | None = None, dualstack: bool = False, **settings: Any
) -> Frontend:
    group = inputs(*members, incumbent=incumbent, answers=resolved(security_groups=GROUPS), **settings)
    return frontend(group, group_ports(group)[0], dualstack=dualstack)


def sources(found: Frontend) -> list[str]:
    assert found.managed
    return [one.cidr or one.prefix_list for one in found.managed.permissions]


def cidrs(name: str, text: str) -> Member:
    return member(name, {"inbound-cidrs": text})


def reachable_from(*networks: str) -> ObservedStack:
    allowed = tuple(Permission(80, 80, cidr=one) for one in networks)
    return stack(listener(80, forward("a")), sources=allowed)


class TestSources:
    """The managed security group has a permission for each port and source."""

    def test_everybody_where_nobody_says_anything(self) -> None:
        found = build(member("a"))
        assert found.managed
        assert found.managed.permissions == (Permission(80, 80, cidr="0.0.0.0/0"),)
        assert (found.managed.name, found.managed.description) == (
            "k8s-team-d22888548e",
            "[k8s] Managed SecurityGroup for LoadBalancer",
        )
        assert dict(found.managed.tags)["ingress.k8s.aws/resource"] == "ManagedLBSecurityGroup"
        assert (found.uses_backend_group, found.problems) == (True, ())

    def test_everybody_by_both_families(self) -> None:
        assert sources(build(member("a"), dualstack=True)) == ["0.0.0.0/0", "::/0"]

    def test_networks_of_members_count_for_the_whole_port(self) -> None:
        found = build(cidrs("a", f"{ELEVEN}, {TEN}"), member("b"))
        assert (sources(found), found.problems) == ([TEN, ELEVEN], ())

    def test_prefix_lists_beside_networks_and_alone(self) -> None:
        lists = {"security-group-prefix-lists": "pl-1"}
        assert sources(build(member("a", lists))) == ["pl-1"]
        assert sources(build(member("a", {**lists, "inbound-cidrs": TEN}))) == ["pl-1", TEN]

    def test_networks_of_ipv6_only_where_the_load_balancer_has_such_addresses(self) -> None:
        assert sources(build(cidrs("a", f"{TEN},fd00::/8"))) == [TEN]
        assert sources(build(cidrs("a", f"{TEN},fd00::/8"), dualstack=True)) == [TEN, "fd00::/8"]

    def test_the_class_wins(self) -> None:
        said = {"inbound-cidrs": ELEVEN, "security-group-prefix-lists": "pl-2"}
        one = member("a", said, params={"inboundCIDRs": [TEN], "prefixListsIDs": ["pl-1"]})
        assert sources(build(one)) == ["pl-1", TEN]

    def test_of_different_wishes_what_is_there_wins_else_the_first(self) -> None:
        wishes = cidrs("a", TEN), cidrs("b", ELEVEN)
        found = [build(*wishes, incumbent=has) for has in (None, reachable_from(ELEVEN))]
        assert [sources(one) for one in found] == [[TEN], [ELEVEN]]
        assert [told(one.problems)[0][0] for one in found] == ["b", "a"]


class TestFailsClosed:
    """A wish that cannot be read keeps the sources that the port has, and a new port has none of it."""

    def test_a_port_keeps_its_sources(self) -> None:
        found = build(cidrs("a", "office"), incumbent=reachable_from(TEN))
        assert found.managed
        assert (found.managed.permissions, found.managed.kept_ports) == ((), (80,))
        assert told(found.problems) == [("a", "InvalidAnnotation")]

    def test_a_new_port_lets_nobody_in(self) -> None:
        found = build(cidrs("a", "office"))
        assert found.managed
        assert (found.managed.permissions, found.managed.kept_ports) == ((), (80,))

    def test_a_new_port_lets_those_in_whom_others_name(self) -> None:
        found = build(cidrs("a", "office"), cidrs("b", TEN))
        assert found.managed
        assert (sources(found), found.managed.kept_ports) == ([TEN], ())

    def test_a_prefix_list_that_cannot_be_read_is_no_other(self) -> None:
        found = build(member("a", {"security-group-prefix-lists": "office"}), incumbent=reachable_from(TEN))
        assert found.managed
        assert found.managed.kept_ports == (80,)

    def test_a_member_in_doubt_keeps_the_sources_of_its_ports(self) -> None:
        found = build(doubtful("a"), cidrs("b", ELEVEN), incumbent=reachable_from(TEN))
        assert found.managed
        assert found.managed.kept_ports == (80,)

    def test_other_ports_are_not_concerned(self) -> None:
        other = member("b", {"listen-ports": '[{"HTTP": 8080}]'})
        found = build(cidrs("a", "office"), other, incumbent=reachable_from(TEN))
        assert found.managed
        assert found.managed.permissions == (Permission(8080, 8080, cidr="0.0.0.0/0"),)


class TestNamedGroups:
    """Security groups by annotation, in place of a managed one."""

    def named(self, text: str, name: str = "a") -> Member:
        return member(name, {"security-groups": text})

    def test_by_id_and_by_name(self) -> None:
        assert build(self.named("mine, sg-1")) == Frontend(("sg-2", "sg-1"), None, uses_backend_group=False)

    def test_with_the_shared_group_where_that_is_asked_for(self) -> None:
        one = member("a", {"security-groups": "sg-1", "manage-backend-security-group-rules": "true"})
        assert build(one) == Frontend(("sg-1",), None, uses_backend_group=True)
        own = build(one, backend_security_group="sg-9")
        assert (own.named, own.uses_backend_group) == (("sg-1", "sg-9"), False)

    def test_that_needs_the_shared_group(self) -> None:
        one = member("a", {"security-groups": "sg-1", "manage-backend-security-group-rules": "true"})
        found = build(one, enable_backend_security_group=False)
        assert (found.uses_backend_group, told(found.problems)) == (False, [("a", "InvalidAnnotation")])

    def test_those_that_are_not_there_let_nobody_into_a_new_load_balancer(self) -> None:
        for text in ("gone", "twice", "sg-7"):
            found = build(self.named(text), member("b"))
            assert found.managed
            assert (found.managed.permissions, found.managed.kept_ports) == ((), (80,))
            assert told(found.problems) == [("a", "InvalidAnnotation")]

    def test_those_that_are_not_there_leave_the_groups_that_there_are(self) -> None:
        has = stack(listener(80), security_groups=("sg-5", "sg-backend"))
        assert build(self.named("gone"), incumbent=has).named == ("sg-5",)
        managed = build(self.named("gone"), incumbent=stack(listener(80)))
        assert managed.managed
        assert sources(managed) == ["0.0.0.0/0"]

    def test_a_look_up_that_failed_leaves_them_too(self) -> None:
        group = inputs(
            self.named("sg-1"),
            incumbent=stack(listener(80), security_groups=("sg-5",)),
            answers=resolved(security_groups={"sg-1": Unresolved("throttled")}),
        )
        assert frontend(group, group_ports(group)[0], dualstack=False).named == ("sg-5",)

    def test_a_conflict_is_told_to_the_loser(self) -> None:
        found = build(self.named("sg-1"), self.named("mine", "b"))
        assert (found.named, told(found.problems)) == (("sg-1",), [("b", "ConflictingSetting")])

    def test_names_that_have_to_be_looked_up(self) -> None:
        assert groups_to_resolve([self.named("mine,sg-1"), member("b")]) == {"mine", "sg-1"}


class TestSharedGroup:
    """The group of the cluster that is the source of what load balancers send to nodes and pods."""

    def test_there_may_be_none(self) -> None:
        found = build(member("a"), enable_backend_security_group=False)
        assert (found.named, found.uses_backend_group) == ((), False)

    def test_it_may_be_one_of_the_user(self) -> None:
        found = build(member("a"), backend_security_group="sg-9")
        assert (found.named, found.uses_backend_group) == (("sg-9",), False)
