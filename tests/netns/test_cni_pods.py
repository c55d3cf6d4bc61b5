"""Pods are wired, checked, repaired, taken over and taken away in real namespaces."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from addons.cni.net.pods import LinkTaken, Pods
from addons.cni.net.wiring import Wiring
from addons.runtime.errors import AlreadyExists, Denied, Invalid, NotFound, Unavailable
from addons.sim.net import Namespace
from tests.support.capabilities import CAP_SYS_ADMIN, without
from tests.support.cni_net import Host, eni, host, pod
from tests.support.cni_sandbox import Sandbox, pod_network
from tests.support.fabric import pings, site
from tests.support.processes import output_of
from tests.support.until import until

NODE, OTHER_NODE = "10.0.1.4", "10.0.1.5"
POD, ANOTHER = "10.0.1.60", "10.0.1.61"
ENIS = (eni(1, 0, NODE, POD, ANOTHER), eni(3, 1, "10.0.1.20", "10.0.1.70"))
ON_ETH1 = "10.0.1.70"
LAYOUTS = ["table", "compat"]


@pytest.fixture(params=LAYOUTS)
async def on(request: pytest.FixtureRequest) -> AsyncIterator[Host]:
    with site() as made:
        async with host(made, made.one, *ENIS, layout=request.param) as ready:
            yield ready


def inside(sandbox: Sandbox) -> Namespace:
    assert sandbox.inside
    return sandbox.inside


def links(on: Host) -> list[str]:
    """The names of pods' links on the node."""
    names = (line.split()[0].partition("@")[0] for line in on.ip("-br", "link").splitlines())
    return [name for name in names if name.startswith("eni")]


def shown(namespace: Namespace, *arguments: str) -> str:
    return output_of(*namespace.command("ip", *arguments))


def index_of(namespace: Namespace, link: str) -> int:
    return int(shown(namespace, "link", "show", link).partition(":")[0])


def last_index(namespace: Namespace) -> int:
    """The index of a link that is made now, and removed."""
    namespace.ip("link add passing type bridge")
    index = index_of(namespace, "passing")
    namespace.ip("link del passing")
    return index


def level(one: Namespace, other: Namespace) -> None:
    """Have both namespaces give their next links the same index."""
    indexes = [last_index(one), last_index(other)]
    while indexes[0] != indexes[1]:
        behind = indexes.index(min(indexes))
        indexes[behind] = last_index((one, other)[behind])


class TestAWiredPod:
    async def test_it_reaches_the_node_and_the_vpc_and_they_reach_it(self, on: Host) -> None:
        async with pod(on, POD) as (sandbox, _):
            assert pings(inside(sandbox), NODE)
            assert pings(inside(sandbox), OTHER_NODE)
            assert pings(on.inside, POD)

    async def test_it_reaches_another_pod_of_the_node(self, on: Host) -> None:
        async with pod(on, POD) as (sandbox, _), pod(on, ANOTHER) as (other, _):
            assert pings(inside(sandbox), ANOTHER)
            assert pings(inside(other), POD)

    async def test_it_is_wired_as_by_the_original(self, on: Host) -> None:
        async with pod(on, POD) as (sandbox, wiring):
            routes = shown(inside(sandbox), "route")
            assert "default via 169.254.1.1 dev eth0" in routes
            assert "169.254.1.1 dev eth0" in routes
            neighbours = shown(inside(sandbox), "neigh")
            assert "169.254.1.1 dev eth0 lladdr" in neighbours
            assert "PERMANENT" in neighbours
            assert f"inet {POD}/32" in shown(inside(sandbox), "addr")
            assert links(on) == [wiring.host_if]

    async def test_it_says_the_hardware_addresses_of_both_ends(self, on: Host) -> None:
        with pod_network() as sandbox:
            wired = await on.connect(on.wiring(sandbox, POD))
            assert wired.pod_mac in shown(inside(sandbox), "link")
            assert wired.host_mac in on.ip("link")

    async def test_packets_have_the_size_that_was_asked_for(self, on: Host) -> None:
        async with pod(on, POD) as (sandbox, _):
            assert pings(inside(sandbox), OTHER_NODE, size=9001 - 20 - 1)
        with pod_network() as small:
            await on.connect(msgspec.structs.replace(on.wiring(small, ANOTHER), mtu=1400))
            assert "mtu 1400" in shown(inside(small), "link", "show", "eth0")

    async def test_it_cannot_tell_the_node_where_to_send_ipv6(self, on: Host) -> None:
        async with pod(on, POD) as (_, wiring):
            setting = f"/proc/sys/net/ipv6/conf/{wiring.host_if}/disable_ipv6"
            assert output_of(*on.inside.command("cat", setting)).strip() == "1"

    async def test_it_is_reached_at_once_though_both_ends_have_one_index(self, on: Host) -> None:
        """The kernel may take a second then to notice that the pod's end is up."""
        for ip in (POD, ANOTHER, ON_ETH1):
            with pod_network() as sandbox:
                level(inside(sandbox), on.inside)
                wiring = on.wiring(sandbox, ip)
                await on.connect(wiring)
                assert pings(on.inside, ip)
                assert index_of(on.inside, wiring.host_if) == index_of(inside(sandbox), "eth0")

    async def test_its_second_interface_has_a_link_of_its_own(self, on: Host) -> None:
        async with pod(on, POD) as (sandbox, wiring):
            second = on.wiring(sandbox, ANOTHER, if_name="eth1")
            assert second.host_if != wiring.host_if
            inside(sandbox).ip("route del default")
            await on.connect(second)
            assert sorted(links(on)) == sorted([second.host_if, wiring.host_if])
            await on.disconnect(second)
            assert links(on) == [wiring.host_if]


class TestAgain:
    async def test_connecting_again_changes_nothing(self, on: Host) -> None:
        async with pod(on, POD) as (sandbox, wiring):
            before = on.ip("-d", "link"), on.ip("rule"), shown(inside(sandbox), "route")
            assert await on.connect(wiring) == await on.connect(wiring)
            assert (on.ip("-d", "link"), on.ip("rule"), shown(inside(sandbox), "route")) == before

    async def test_what_was_left_half_made_is_made_anew(self, on: Host) -> None:
        with pod_network() as sandbox:
            wiring = on.wiring(sandbox, POD)
            on.inside.ip(f"link add {wiring.host_if} type veth peer name eth0 netns {inside(sandbox).name}")
            await on.connect(wiring)
            assert await on.pods.check(wiring) == ()

    async def test_disconnecting_again_is_nothing(self, on: Host) -> None:
        async with pod(on, POD) as (sandbox, wiring):
            rules = on.ip("rule")
            await on.disconnect(wiring)
            assert links(on) == []
            assert "eth0" not in shown(inside(sandbox), "link")
            await on.disconnect(wiring)
            await on.connect(wiring)
            assert on.ip("rule") == rules

    async def test_a_pod_is_taken_away_without_its_namespace(self, on: Host) -> None:
        with pod_network() as sandbox:
            wiring = on.wiring(sandbox, POD)
            before = on.ip("rule")
            await on.connect(wiring)
        await until(lambda: links(on) == [])
        await on.disconnect(msgspec.structs.replace(wiring, netns=""))
        assert on.ip("rule") == before

    async def test_many_go_at_once(self, on: Host) -> None:
        async with pod(on, POD) as (_, one), pod(on, ANOTHER) as (_, two), pod(on, ON_ETH1) as (_, three):
            await asyncio.gather(*map(on.disconnect, (one, two, three)))
            assert links(on) == []


class TestWhileTheJournalWrites:
    """The pair is made meanwhile; a kill leaves one that is nobody's, and to which nothing leads."""

    async def test_nothing_leads_to_the_pod(self, on: Host) -> None:
        seen: list[str] = []
        with pod_network() as sandbox:
            wiring = on.wiring(sandbox, POD)

            def wait() -> None:
                seen.extend((on.ip("link"), on.ip("rule"), on.ip("route", "show", "table", "all")))

            await on.pods.connect(wiring, wait)
            assert wiring.host_if in seen[0]
            assert wiring.key.container_id not in seen[0]
            assert POD not in f"{seen[1]}{seen[2].replace('local ' + POD, '')}"
            assert POD in on.ip("route", "show", "table", "all")
            await on.pods.disconnect(wiring)

    async def test_a_failure_of_the_journal_leaves_nothing(self, on: Host) -> None:
        def fail() -> None:
            raise Unavailable("the disk is full")

        with pod_network() as sandbox:
            with pytest.raises(Unavailable, match="the disk is full"):
                await on.pods.connect(on.wiring(sandbox, POD), fail)
            assert links(on) == []
            assert "eth0" not in output_of(*inside(sandbox).command("ip", "link"))


class TestOfTwoSandboxesOfOneName:
    async def test_the_first_one_keeps_its_link(self, on: Host) -> None:
        async with pod(on, POD, "web") as (sandbox, _):
            with pod_network("web") as late:
                wiring = on.wiring(late, ANOTHER)
                with pytest.raises(LinkTaken) as told:
                    await on.pods.connect(wiring)
                assert told.value.owner == (sandbox.container, "eth0")
                await on.pods.disconnect(wiring)
            assert pings(inside(sandbox), OTHER_NODE)

    async def test_rules_of_an_address_that_another_has_by_now_stay(self, on: Host) -> None:
        async with pod(on, ON_ETH1) as (sandbox, _):
            with pod_network("gone") as gone:
                await on.pods.disconnect(on.wiring(gone, ON_ETH1))
            assert pings(inside(sandbox), OTHER_NODE)


class TestWhatCannotBe:
    async def test_a_namespace_that_is_gone(self, on: Host) -> None:
        with pod_network() as sandbox:
            wiring = on.wiring(sandbox, POD)
        with pytest.raises(NotFound, match="namespace /run/netns/"):
            await on.pods.connect(wiring)
        assert links(on) == []

    async def test_the_node_s_own_namespace(self, on: Host) -> None:
        wiring = on.wiring(Sandbox(on.inside), POD)
        with pytest.raises(Invalid, match="is that of the node itself"):
            await on.pods.connect(wiring)

    async def test_a_pod_that_has_such_an_interface_already(self, on: Host) -> None:
        with pod_network() as sandbox:
            inside(sandbox).ip("link add eth0 type bridge")
            with pytest.raises(AlreadyExists, match=r"eth0 in .*: is there already"):
                await on.pods.connect(on.wiring(sandbox, POD))
            assert links(on) == []

    async def test_without_the_right_to_enter_namespaces_it_does_not_start(self, on: Host) -> None:
        pods = on.inside.call(Pods)
        with without(CAP_SYS_ADMIN), pytest.raises(Denied, match="needs CAP_SYS_ADMIN"):
            async with pods:
                pass

    async def test_a_file_that_is_no_namespace(self, on: Host, tmp_path: object) -> None:
        wiring = msgspec.structs.replace(on.wiring(Sandbox(None), POD), netns=__file__)
        with pytest.raises(NotFound, match="is not a namespace"):
            await on.pods.connect(wiring)


MISSING = {
    "address": ("addr del 10.0.1.60/32 dev eth0", ["address 10.0.1.60: is not on eth0 in the pod"]),
    "default": ("route del default", ["default route in the pod: is not there"]),
    "neighbour": (
        "neigh del 169.254.1.1 dev eth0",
        ["neighbour 169.254.1.1 in the pod: is not there for good"],
    ),
    "mtu": ("link set eth0 mtu 1500", ["link eth0: has an MTU of 1500, not 9001 in the pod"]),
    "mac": (
        "link set eth0 address 02:11:22:33:44:55",
        ["neighbour 169.254.1.1 in the pod: is not there for good"],
    ),
}
"""What is done inside a pod, and what is said of it."""


class TestCheck:
    async def test_a_wired_pod_is_as_it_was_made(self, on: Host) -> None:
        async with pod(on, POD) as (_, wiring), pod(on, ON_ETH1) as (_, other):
            assert await on.pods.check(wiring) == ()
            assert await on.pods.check(other) == ()

    @pytest.mark.parametrize("what", MISSING)
    async def test_what_is_missing_in_the_pod_is_said_and_put_right(self, on: Host, what: str) -> None:
        change, words = MISSING[what]
        async with pod(on, POD) as (sandbox, wiring):
            inside(sandbox).ip(change)
            found = await on.pods.check(wiring)
            assert set(words) <= set(found)
            assert await on.pods.repair(wiring) == found
            assert await on.pods.check(wiring) == ()
            assert pings(inside(sandbox), OTHER_NODE)

    async def test_a_link_that_went_down_and_up_is_put_right(self, on: Host) -> None:
        async with pod(on, POD) as (sandbox, wiring):
            inside(sandbox).ip("link set eth0 down", "link set eth0 up")
            assert "default route in the pod: is not there" in await on.pods.repair(wiring)
            assert await on.pods.check(wiring) == ()
            assert pings(inside(sandbox), OTHER_NODE)

    async def test_what_is_missing_on_the_node_is_said_and_put_right(self, on: Host) -> None:
        async with pod(on, POD) as (_, wiring):
            table = "200" if on.layout == "table" else "main"
            on.inside.ip(f"route del {POD} table {table}", f"link set {wiring.host_if} alias other")
            assert await on.pods.check(wiring) == (
                f"link {wiring.host_if}: has the alias 'other', not {wiring.alias!r}",
                f"route {POD} in table {table}: is not there",
            )
            await on.pods.repair(wiring)
            assert await on.pods.check(wiring) == ()

    async def test_a_rule_that_leads_elsewhere_is_said(self, on: Host) -> None:
        async with pod(on, ON_ETH1) as (_, wiring):
            on.inside.ip(f"rule del from {ON_ETH1} pref 1536")
            assert await on.pods.check(wiring) == (f"rule 1536 from {ON_ETH1}: is not there",)
            on.inside.ip(f"rule add from {ON_ETH1} lookup 9 pref 1536")
            assert await on.pods.check(wiring) == (f"rule 1536 from {ON_ETH1}: leads to table 9, not 2",)

    async def test_a_pod_whose_namespace_is_not_known_is_looked_at_from_outside(self, on: Host) -> None:
        async with pod(on, POD) as (_, wiring):
            taken_over = msgspec.structs.replace(wiring, netns="")
            assert await on.pods.check(taken_over) == ()
            table = "200" if on.layout == "table" else "main"
            on.inside.ip(f"route del {POD} table {table}")
            assert await on.pods.repair(taken_over) == (f"route {POD} in table {table}: is not there",)
            assert await on.pods.check(wiring) == ()

    async def test_a_pod_whose_link_is_gone_is_told(self, on: Host) -> None:
        async with pod(on, POD) as (_, wiring):
            on.inside.ip(f"link del {wiring.host_if}")
            assert f"link {wiring.host_if}: is not there" in await on.pods.check(wiring)
            with pytest.raises(NotFound):
                await on.pods.repair(wiring)


class TestThePermanentNeighbour:
    """It is flushed with a change of the pod's own hardware address: the node answers for the gateway."""

    async def test_a_pod_that_changes_its_hardware_address_is_not_mute(self, on: Host) -> None:
        async with pod(on, POD) as (sandbox, _):
            assert pings(inside(sandbox), OTHER_NODE)
            inside(sandbox).ip("link set eth0 address 02:11:22:33:44:55")
            assert shown(inside(sandbox), "neigh").strip() == ""
            assert pings(inside(sandbox), OTHER_NODE)
            assert pings(on.inside, POD)

    async def test_a_pod_is_answered_for_its_gateway_alone(self, on: Host) -> None:
        async with pod(on, POD) as (sandbox, _):
            inside(sandbox).ip("route add 10.0.1.99 dev eth0")
            pings(inside(sandbox), "10.0.1.99")
            assert "lladdr" not in shown(inside(sandbox), "neigh", "show", "10.0.1.99")


class TestTakingOver:
    """Pods that the original wired are ours from then on; what flows goes on."""

    @staticmethod
    def wired_by_the_original(on: Host, sandbox: Sandbox, wiring: Wiring) -> None:
        name = inside(sandbox).name
        on.inside.ip(
            f"link add {wiring.host_if} mtu 9001 type veth peer name eth0 mtu 9001 netns {name}",
            f"link set {wiring.host_if} up",
            f"route add {wiring.ip}/32 dev {wiring.host_if} scope link",
            f"rule add to {wiring.ip} lookup main pref 512",
        )
        if wiring.table != 254:
            rule = f"from {wiring.ip} lookup {wiring.table} pref 1536"
            on.inside.ip(*([] if on.layout == "table" else [f"rule add {rule}"]))
        mac = on.ip("-br", "link", "show", wiring.host_if).split()[2]
        inside(sandbox).ip(
            "link set eth0 up",
            f"addr add {wiring.ip}/32 dev eth0",
            "route add 169.254.1.1 dev eth0 scope link",
            "route add default via 169.254.1.1 dev eth0",
            f"neigh add 169.254.1.1 lladdr {mac} dev eth0 nud permanent",
        )

    async def test_its_pods_reach_the_vpc_and_are_as_ours(self, on: Host) -> None:
        with pod_network() as sandbox:
            wiring = on.wiring(sandbox, ON_ETH1)
            self.wired_by_the_original(on, sandbox, wiring)
            await on.ensure()
            assert pings(inside(sandbox), OTHER_NODE)
            await on.pods.adopt(wiring)
            on.assigned[wiring.ip] = wiring.table
            await on.ensure()
            assert await on.pods.check(wiring) == ()
            assert pings(inside(sandbox), OTHER_NODE)
            assert on.ip("rule").count(f"to {ON_ETH1} ") == (on.layout == "compat")
            await on.disconnect(wiring)
            assert links(on) == []

    async def test_a_pod_s_namespace_is_found_by_its_link(self, on: Host) -> None:
        async with pod(on, POD) as (sandbox, wiring), pod(on, ANOTHER):
            assert await on.pods.namespace_of(wiring.host_if) == f"/var{sandbox.netns}"
        on.inside.ip("link add one type veth peer name other")
        assert await on.pods.namespace_of("one") == ""

    async def test_there_must_be_a_link(self, on: Host) -> None:
        with pod_network() as sandbox, pytest.raises(NotFound, match="link eni"):
            await on.pods.adopt(on.wiring(sandbox, POD))
