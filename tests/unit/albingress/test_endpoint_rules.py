"""Which ports of nodes and pods are open, and to whom."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from addons.albingress.desired.endpoint_rules import desired_permissions, openings, port_numbers
from addons.albingress.model.objects import ServicePort
from addons.albingress.model.stack import Permission
from addons.albingress.model.targets import Access, AccessPort, Target, Wanted
from addons.albingress.names import SHARED_RULE_DESCRIPTION
from addons.albingress.plan.endpoint_rules import RulePlan, RuleView, covers, merged, plan_endpoint_rules
from tests.support.alb_objects import binding, endpoint, piece, service

TARGETS = Wanted(targets=(Target("10.0.1.1", 8080), Target("10.0.1.2", 9090)))
PORTS = st.sets(st.integers(1, 40), max_size=12)


def rule(
    first: int, last: int = 0, source: str = "sg-lb", description: str = SHARED_RULE_DESCRIPTION
) -> Permission:
    return Permission(first, last or first, security_group=source, description=description)


def opened(
    *ports: AccessPort, source: str = "sg-lb", restricted: bool = True
) -> dict[str, list[tuple[int, int]]]:
    wanted = replace(binding(), access=(Access((source,), ports),))
    found = openings(wanted, TARGETS, {"admin": frozenset((9000,))}, restricted=restricted)
    return {id_: sorted((each.port, each.to_port) for each in ports) for id_, ports in found.items()}


class TestDesired:
    """Exactly the ports in use are open."""

    def test_each_target_is_reached_at_its_own_port(self) -> None:
        assert opened(AccessPort()) == {"10.0.1.1": [(8080, 8080)], "10.0.1.2": [(9090, 9090)]}

    def test_and_at_that_of_its_health_check(self) -> None:
        assert opened(AccessPort(), AccessPort("81"))["10.0.1.1"] == [(81, 81), (8080, 8080)]

    def test_a_name_stands_for_its_numbers(self) -> None:
        assert opened(AccessPort("admin"))["10.0.1.1"] == [(9000, 9000)]

    def test_an_empty_port_is_all_of_them(self) -> None:
        assert opened(AccessPort(""))["10.0.1.1"] == [(0, 65535)]

    def test_so_is_every_port_where_rules_are_not_to_be_restricted(self) -> None:
        assert opened(AccessPort(), restricted=False)["10.0.1.1"] == [(0, 65535)]

    def test_without_access_nothing_is_opened(self) -> None:
        assert openings(binding(), TARGETS, {}, restricted=True) == {}

    def test_names_are_those_of_the_service_and_of_its_pods(self) -> None:
        named = service(ServicePort(name="http", port=80, target_port="web"))
        numbers = port_numbers(named, [piece(endpoint("10.0.1.1"))])
        assert numbers == {"http": frozenset((8080,)), "web": frozenset((8080,))}

    def test_targets_of_one_security_group_share_its_rules(self) -> None:
        wishes = [{"a": frozenset((rule(80),)), "b": frozenset((rule(81),)), "c": frozenset((rule(82),))}]
        found = desired_permissions(wishes, {"a": "sg-1", "b": "sg-1"})
        assert found == {"sg-1": frozenset((rule(80), rule(81)))}


def plan(
    wanted: list[Permission],
    observed: list[Permission],
    *,
    stale: tuple[Permission, ...] = (),
    is_known: bool = True,
    most: int = 0,
) -> RulePlan:
    return plan_endpoint_rules(
        RuleView(wanted=wanted, observed=observed, stale_before=stale, is_known=is_known, most=most)
    )


class TestPlan:
    """A security group lets in what is wanted; what is useless goes at the second look."""

    def test_what_is_missing_is_let_in(self) -> None:
        assert plan([rule(80), rule(90)], [rule(80)]) == RulePlan(authorize=(rule(90),))

    def test_a_wider_range_of_the_original_stays_as_it_is(self) -> None:
        assert plan([rule(8080), rule(9090)], [rule(8080, 9090)]) == RulePlan()

    def test_it_stays_while_it_lets_in_any_port_that_is_wanted(self) -> None:
        assert plan([rule(9090)], [rule(8080, 9090)], stale=(rule(8080, 9090),)) == RulePlan()

    def test_a_rule_of_somebody_else_that_covers_is_enough(self) -> None:
        assert plan([rule(80)], [rule(0, 65535, description="by hand")]) == RulePlan()

    def test_a_useless_rule_is_noted_first(self) -> None:
        assert plan([], [rule(80)]) == RulePlan(stale=(rule(80),))

    def test_and_goes_when_it_is_useless_still(self) -> None:
        assert plan([], [rule(80)], stale=(rule(80),)) == RulePlan(revoke=(rule(80),))

    def test_not_while_somebodys_wishes_are_unknown(self) -> None:
        assert plan([], [rule(80)], stale=(rule(80),), is_known=False) == RulePlan()

    def test_nor_if_it_is_not_ours(self) -> None:
        other = rule(80, description="by hand")
        assert plan([], [other], stale=(other,)) == RulePlan()

    def test_of_two_sources_each_has_its_own_rules(self) -> None:
        assert plan([rule(80, source="sg-2")], [rule(80)]).authorize == (rule(80, source="sg-2"),)


class TestFullGroup:
    """Where AWS takes no more rules, ports are put together into ranges."""

    def test_the_nearest_ports_are_put_together(self) -> None:
        assert merged([rule(80), rule(82), rule(9000)], 2) == (rule(80, 82), rule(9000))

    def test_sources_are_never_put_together(self) -> None:
        assert len(merged([rule(80), rule(81, source="sg-2")], 1)) == 2

    def test_one_rule_makes_room_and_the_others_go_when_the_range_is_there(self) -> None:
        made = plan([rule(80), rule(82), rule(84)], [rule(80), rule(82)], most=1)
        assert made == RulePlan(make_room=(rule(80),), authorize=(rule(80, 84),), revoke=(rule(82),))

    @given(PORTS, st.integers(1, 5))
    def test_ranges_let_in_all_that_was_wanted(self, ports: set[int], most: int) -> None:
        wanted = [rule(port) for port in ports]
        found = merged(wanted, most)
        assert all(any(covers(wide, each) for wide in found) for each in wanted)
        assert len(found) <= most

    @given(PORTS, PORTS, st.integers(0, 5))
    def test_carrying_the_plan_out_twice_is_enough(
        self, wanted: set[int], observed: set[int], most: int
    ) -> None:
        wishes, there = [rule(port) for port in wanted], {rule(port) for port in observed}
        stale: tuple[Permission, ...] = ()
        for _ in range(2):
            made = plan(wishes, sorted(there), stale=stale, most=most)
            there = (there - {*made.make_room, *made.revoke}) | set(made.authorize)
            stale = made.stale
            assert all(any(covers(wide, each) for wide in there) for each in wishes)
        assert plan(wishes, sorted(there), stale=stale, most=most) == RulePlan()
        assert all(
            any(covers(each, wish) for wish in (merged(wishes, most) if most else wishes)) for each in there
        )
