"""What a node's rules, routes and links are to be, and what changes for that."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from addons.cni.model.enis import Eni
from addons.cni.net.kernel import ANYWHERE, LinkState, Route, Rule
from addons.cni.net.wanted import Changes, DataPath, Observed, Wanted, changes, wanted_network
from addons.cni.net.wiring import PROTOCOL, RuleLayout

MAIN, PODS, ETH1 = 254, 200, 2
PRIMARY = "10.0.1.4"
OURS = PROTOCOL


def ip(last: int) -> IPv4Address:
    return IPv4Address(f"10.0.1.{last}")


def alone(last: int) -> IPv4Network:
    return IPv4Network(ip(last))


def eni(index: int, *last: int, is_managed: bool = True, prefixes: Iterable[str] = ()) -> Eni:
    return Eni(
        eni_id=f"eni-{index}",
        mac=f"02:00:00:00:00:0{index}",
        device_index=index,
        subnet_id="subnet-1",
        subnet_cidr=IPv4Network("10.0.1.0/24"),
        primary_ip=ip(10 + index),
        addresses=frozenset(map(ip, last)),
        prefixes=frozenset(map(IPv4Network, prefixes)),
        is_managed=is_managed,
    )


POD = LinkState(9, "eni9", "", "ce:00:00:00:00:09", 9001, is_up=True, kind="veth")


def link(index: int, **other: object) -> LinkState:
    state = LinkState(index + 2, f"eth{index}", "", f"02:00:00:00:00:0{index}", 9001, is_up=True)
    return replace(state, **other)


def wanted(*enis: Eni, assigned: dict[int, int] | None = None, layout: RuleLayout = "table") -> Wanted:
    pods = {ip(last): table for last, table in (assigned or {}).items()}
    return wanted_network([eni(0), *enis], pods, DataPath(layout=layout))


def observed(
    *rules: Rule, routes: Iterable[Route] = (), links: Iterable[LinkState] = (), addresses: str = ""
) -> Observed:
    held = {each.index: frozenset(addresses.split()) for each in links}
    return Observed(links=tuple(links), rules=rules, routes=tuple(routes), addresses=held)


def applied(change: Changes, before: Observed) -> Observed:
    """What the kernel holds once everything was done."""
    done = dict(before.addresses)
    up = {}
    for each, state in change.links:
        done[state.index] = done.get(state.index, frozenset()) | {each.address}
        up[state.index] = replace(state, is_up=True, mtu=9001)
    rules = list(before.rules)
    for rule in change.old_rules:
        rules.reverse()
        rules.remove(rule)
        rules.reverse()
    made = [replace(rule, protocol=OURS) for rule in change.new_rules]
    return Observed(
        links=tuple(up.get(state.index, state) for state in before.links),
        rules=(*rules, *made),
        routes=(*(each for each in before.routes if each not in change.old_routes), *change.new_routes),
        addresses=done,
    )


class TestRules:
    def test_one_rule_leads_to_all_pods(self) -> None:
        assert Rule(512, PODS) in wanted(assigned={60: MAIN}).rules
        assert not [rule for rule in wanted(assigned={60: MAIN}).rules if rule.destination != ANYWHERE]

    def test_in_the_layout_of_the_original_each_pod_has_its_rules(self) -> None:
        rules = wanted(eni(1), assigned={60: MAIN, 70: ETH1}, layout="compat").rules
        assert {rule for rule in rules if rule.priority in (512, 1536)} == {
            Rule(512, MAIN, destination=alone(60)),
            Rule(512, MAIN, destination=alone(70)),
            Rule(1536, ETH1, alone(70)),
        }

    def test_every_address_of_another_interface_leaves_by_it_before_a_pod_has_it(self) -> None:
        rules = wanted(eni(1, 70, prefixes=["10.0.1.96/28"])).rules
        assert {rule for rule in rules if rule.priority == 1536} == {
            Rule(1536, ETH1, alone(70)),
            Rule(1536, ETH1, IPv4Network("10.0.1.96/28")),
        }

    def test_the_interface_itself_has_a_rule(self) -> None:
        assert Rule(32765, ETH1, alone(11)) in wanted(eni(1)).rules

    def test_what_is_marked_goes_by_the_first_interface(self) -> None:
        assert Rule(1024, MAIN, mark=0x80, mask=0x80) in wanted().rules
        assert not [rule for rule in wanted_network([], {}, DataPath(mark=0)).rules if rule.mark]

    def test_interfaces_of_others_are_left_alone(self) -> None:
        assert wanted(eni(1, 70, is_managed=False)).links == ()
        assert not [rule for rule in wanted(eni(1, 70, is_managed=False)).rules if rule.table == ETH1]


class TestWhatChanges:
    def test_what_is_there_stays_whoever_made_it(self) -> None:
        rules = [replace(rule, protocol=0) for rule in wanted(eni(1, 70)).rules]
        found = changes(wanted(eni(1, 70)), observed(*rules))
        assert (found.new_rules, found.old_rules) == ((), ())

    def test_a_second_copy_goes(self) -> None:
        copies = [Rule(512, MAIN, destination=alone(60), protocol=by) for by in (0, OURS)]
        asked = wanted(assigned={60: MAIN}, layout="compat")
        assert changes(asked, observed(*copies)).old_rules == (copies[1],)

    @pytest.mark.parametrize("protocol", [OURS, 0])
    def test_rules_of_an_address_that_is_gone_go(self, protocol: int) -> None:
        left = (
            Rule(512, MAIN, destination=alone(60), protocol=protocol),
            Rule(1536, ETH1, alone(70), protocol=protocol),
        )
        assert changes(wanted(), observed(*left)).old_rules == left

    @pytest.mark.parametrize(
        "rule",
        [
            Rule(512, 99, protocol=4),
            Rule(1536, ETH1, IPv4Network("10.0.0.0/8"), protocol=4),
            Rule(1536, ETH1, alone(70), protocol=186),
            Rule(100, MAIN, alone(70)),
        ],
    )
    def test_rules_of_others_stay(self, rule: Rule) -> None:
        assert changes(wanted(), observed(rule)).old_rules == ()

    def test_a_living_pod_s_rule_stays_though_its_interface_is_gone(self) -> None:
        rule = Rule(1536, ETH1, alone(70), protocol=OURS)
        assert changes(wanted(assigned={70: ETH1}), observed(rule)).old_rules == ()

    def test_it_goes_when_another_one_does_its_work(self) -> None:
        old = Rule(1536, ETH1, alone(70), protocol=OURS)
        assert changes(wanted(eni(2, 70), assigned={70: 3}), observed(old)).old_rules == (old,)

    def test_a_rule_of_the_original_goes_once_the_pod_is_in_our_table(self) -> None:
        old = Rule(512, MAIN, destination=alone(60))
        asked = wanted(assigned={60: MAIN})
        assert changes(asked, observed(old)).old_rules == ()
        routed = observed(old, routes=[Route(PODS, alone(60), 9)], links=[POD])
        assert changes(asked, routed).old_rules == (old,)

    def test_our_table_is_asked_until_every_pod_has_a_rule_of_its_own(self) -> None:
        old = Rule(512, PODS, protocol=OURS)
        asked = wanted(assigned={60: MAIN, 61: MAIN}, layout="compat")
        one = [Route(MAIN, alone(60), 9)]
        both = [*one, Route(MAIN, alone(61), 9)]
        assert changes(asked, observed(old, routes=one, links=[POD])).old_rules == ()
        assert changes(asked, observed(old, routes=both, links=[POD])).old_rules == (old,)

    @pytest.mark.parametrize("layout", ["table", "compat"])
    def test_rules_of_a_pod_that_nobody_knows_stay_while_a_link_leads_to_it(self, layout: RuleLayout) -> None:
        its = (Rule(512, MAIN, destination=alone(70)), Rule(1536, 3, alone(70)))
        lives = observed(*its, routes=[Route(MAIN, alone(70), 9)], links=[POD])
        assert changes(wanted(layout=layout), lives).old_rules == ()
        gone = observed(*its, routes=[], links=[])
        assert changes(wanted(layout=layout), gone).old_rules == its


class TestInterfaces:
    def test_an_interface_without_a_link_is_waited_for(self) -> None:
        assert changes(wanted(eni(1)), observed()).missing == {"eni-1"}

    @pytest.mark.parametrize("state", [{"is_up": False}, {"mtu": 1500}])
    def test_its_link_is_set_up(self, state: dict[str, object]) -> None:
        found = changes(wanted(eni(1)), observed(links=[link(1, **state)], addresses="10.0.1.11/24"))
        assert [(asked.eni_id, has.name) for asked, has in found.links] == [("eni-1", "eth1")]

    def test_a_pair_of_the_same_hardware_address_is_not_it(self) -> None:
        found = changes(wanted(eni(1)), observed(links=[link(1, alias="aws-addons-cni abc eth0")]))
        assert found.missing == {"eni-1"}

    def test_its_table_leads_to_the_subnet_s_router(self) -> None:
        found = changes(wanted(eni(1)), observed(links=[link(1)]))
        assert found.new_routes == (
            Route(ETH1, IPv4Network("10.0.1.1/32"), 3, protocol=OURS),
            Route(ETH1, ANYWHERE, 3, IPv4Address("10.0.1.1"), protocol=OURS),
        )

    def test_the_route_that_the_kernel_adds_for_its_address_goes(self) -> None:
        connected = Route(MAIN, IPv4Network("10.0.1.0/24"), 3, protocol=2)
        of_eth0 = replace(connected, index=2)
        found = changes(wanted(eni(1)), observed(routes=[connected, of_eth0], links=[link(0), link(1)]))
        assert found.old_routes == (connected,)


def test_what_changes_is_said_in_words() -> None:
    found = changes(wanted(eni(1)), observed(Rule(512, MAIN, destination=alone(60)), links=[link(1)]))
    assert "link eth1 of eni-1: is not set up" in found.words()
    assert "route default in table 2: is not there" in found.words()
    assert "rule 512: from all to 10.0.1.60 lookup main: serves nobody" in found.words()


LASTS = st.integers(60, 66)
RULES = st.builds(
    lambda priority, table, source, destination, protocol: Rule(
        priority, table, source, destination, protocol=protocol
    ),
    st.sampled_from([512, 1024, 1536, 32765]),
    st.sampled_from([MAIN, PODS, ETH1, 3]),
    st.one_of(st.just(ANYWHERE), LASTS.map(alone)),
    st.one_of(st.just(ANYWHERE), LASTS.map(alone)),
    st.sampled_from([0, 4, OURS, 186]),
)


@given(
    st.lists(RULES),
    st.lists(LASTS.map(lambda last: Route(PODS, alone(last), 9)), unique=True),
    st.dictionaries(LASTS, st.sampled_from([MAIN, ETH1]), max_size=3),
    st.sampled_from(["table", "compat"]),
)
def test_once_everything_is_as_wanted_nothing_changes(
    rules: list[Rule], routes: list[Route], assigned: dict[int, int], layout: RuleLayout
) -> None:
    asked = wanted(eni(1, 64), assigned=assigned, layout=layout)
    once = applied(changes(asked, before := observed(*rules, routes=routes, links=[link(1), POD])), before)
    assert changes(asked, once).words() == ()
    assert asked.rules <= {replace(rule, protocol=0) for rule in once.rules}
