"""How packets go: from pods of any interface, to them, and by which address the others see them."""

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest

from addons.cni.net.snat import written
from addons.cni.net.table import TABLE
from addons.cni.net.wiring import RuleLayout
from addons.sim.fabric.echo import Echo
from addons.sim.fabric.router import INTERNET, PEERED
from addons.sim.fabric.subnets import PEERED_NETWORK
from addons.sim.net import Namespace
from tests.support.cni_net import Host, eni, host, pod
from tests.support.cni_sandbox import Sandbox, pod_network
from tests.support.fabric import Site, pings, seen_by, site
from tests.support.flow import flow
from tests.support.node_port import open_node_port
from tests.support.processes import output_of

NODE, OTHER_NODE = "10.0.1.4", "10.0.1.5"
ON_ETH0, ON_ETH1 = "10.0.1.60", "10.0.1.70"
ENIS = (eni(1, 0, NODE, ON_ETH0), eni(3, 1, "10.0.1.20", ON_ETH1))
LAYOUTS = ["table", "compat"]
NODE_PORT = 30080
STRICT, LOOSE = "1", "2"


@pytest.fixture
def vpc() -> Iterator[Site]:
    with site() as made:
        yield made


@pytest.fixture(params=LAYOUTS)
async def on(request: pytest.FixtureRequest, vpc: Site) -> AsyncIterator[Host]:
    async with host(vpc, vpc.one, *ENIS, layout=request.param) as ready:
        ready.translate()
        yield ready


def inside(sandbox: Sandbox) -> Namespace:
    assert sandbox.inside
    return sandbox.inside


def filter_reverse_paths(namespace: Namespace, value: str) -> None:
    for name in ("all", "eth0", "eth1"):
        namespace.set_kernel(f"ipv4/conf/{name}/rp_filter", value if name != "all" else "0")


class TestWhatOthersSee:
    @pytest.mark.parametrize("ip", [ON_ETH0, ON_ETH1])
    async def test_in_the_vpc_the_pod_s_own_address(self, vpc: Site, on: Host, ip: str) -> None:
        async with pod(on, ip) as (sandbox, _):
            with Echo(vpc.two.inside):
                assert await seen_by(inside(sandbox), OTHER_NODE) == ip

    async def test_it_leaves_by_the_interface_that_has_the_address(self, vpc: Site, on: Host) -> None:
        async with pod(on, ON_ETH1) as (sandbox, _):
            before = sent_by(on, "eth1")
            assert pings(inside(sandbox), OTHER_NODE)
            assert sent_by(on, "eth1") > before

    @pytest.mark.parametrize("ip", [ON_ETH0, ON_ETH1])
    async def test_in_the_internet_the_public_address_of_the_node(self, vpc: Site, on: Host, ip: str) -> None:
        async with pod(on, ip) as (sandbox, _):
            assert await seen_by(inside(sandbox), str(INTERNET)) == str(vpc.one.public)
            assert vpc.fabric.router.dropped()["no_public_address"] == 0

    @pytest.mark.parametrize("ip", [ON_ETH0, ON_ETH1])
    async def test_in_a_peered_network_the_pod_s_own_where_it_is_exempt(self, on: Host, ip: str) -> None:
        async with pod(on, ip) as (sandbox, _):
            assert await seen_by(inside(sandbox), str(PEERED)) == NODE
            on.translate(str(PEERED_NETWORK))
            assert await seen_by(inside(sandbox), str(PEERED)) == ip

    async def test_what_the_node_itself_sends_is_the_node_s(self, vpc: Site, on: Host) -> None:
        assert await seen_by(on.inside, str(INTERNET)) == str(vpc.one.public)
        with Echo(vpc.two.inside):
            assert await seen_by(on.inside, OTHER_NODE) == NODE

    async def test_pods_of_two_nodes_see_each_other_as_they_are(self, vpc: Site, on: Host) -> None:
        others = (eni(2, 0, OTHER_NODE, "10.0.1.80"), eni(4, 1, "10.0.1.21", "10.0.1.90"))
        async with host(vpc, vpc.two, *others) as two:
            two.translate()
            for mine, its in itertools.product((ON_ETH0, ON_ETH1), ("10.0.1.80", "10.0.1.90")):
                async with pod(on, mine) as (sandbox, _), pod(two, its) as (other, _):
                    with Echo(inside(other)), Echo(inside(sandbox)):
                        assert await seen_by(inside(sandbox), its) == mine
                        assert await seen_by(inside(other), mine) == its
                    assert pings(inside(sandbox), its, size=9001 - 20 - 1)

    async def test_a_pod_with_an_address_of_a_prefix_is_reached(self, vpc: Site) -> None:
        enis = (eni(1, 0, NODE), eni(3, 1, "10.0.1.20", prefix="10.0.1.96/28"))
        async with host(vpc, vpc.one, *enis) as on, pod(on, "10.0.1.97") as (sandbox, _):
            assert pings(inside(sandbox), OTHER_NODE)
            assert on.ip("rule").count("from 10.0.1.96/28 lookup 2") == 1


@pytest.mark.parametrize("strictness", [STRICT, LOOSE])
class TestWithAFilterOfReversePaths:
    async def test_a_node_port_leads_to_pods_of_any_interface(
        self, vpc: Site, on: Host, strictness: str
    ) -> None:
        filter_reverse_paths(on.inside, strictness)
        async with pod(on, ON_ETH1) as (sandbox, wiring):
            open_node_port(on.inside, ON_ETH1, NODE_PORT)
            on.inside.set_kernel(f"ipv4/conf/{wiring.host_if}/rp_filter", strictness)
            with Echo(inside(sandbox)):
                assert await seen_by(vpc.two.inside, NODE, port=NODE_PORT) == OTHER_NODE
                assert await seen_by(vpc.fabric.router.outside, str(vpc.one.public), port=NODE_PORT) != ""

    async def test_answers_from_the_internet_come_in(self, vpc: Site, on: Host, strictness: str) -> None:
        filter_reverse_paths(on.inside, strictness)
        on.translate(has_node_ports=False)
        async with pod(on, ON_ETH1) as (sandbox, _):
            assert await seen_by(inside(sandbox), str(INTERNET)) == str(vpc.one.public)
            assert pings(inside(sandbox), OTHER_NODE)

    async def test_it_is_the_mark_that_lets_them_in(self, vpc: Site, on: Host, strictness: str) -> None:
        filter_reverse_paths(on.inside, strictness)
        on.snat.remove()
        async with pod(on, ON_ETH1) as (sandbox, _):
            open_node_port(on.inside, ON_ETH1, NODE_PORT)
            with Echo(inside(sandbox)):
                assert await seen_by(vpc.two.inside, NODE, port=NODE_PORT) == ""


class TestTheTable:
    async def test_it_is_verified_and_put_in_place_again(self, on: Host) -> None:
        translation = on.translation()
        assert on.snat.differences(translation) == ()
        output_of(*on.inside.command("nft", f"flush chain inet {TABLE} translate"))
        assert on.snat.ensure(translation) == ("chain translate has 0 rules, not 2",)
        assert on.snat.ensure(translation) == ()

    async def test_nft_lists_it_as_it_was_written(self, on: Host) -> None:
        listed = output_of(*on.inside.command("nft", "--stateless", "list", "table", "inet", TABLE))
        assert listed == written(on.translation())

    async def test_other_networks_replace_it(self, on: Host) -> None:
        on.translate("192.168.0.0/16")
        listed = output_of(*on.inside.command("nft", "list", "table", "inet", TABLE))
        assert listed.count("ip daddr 192.168.0.0/16 accept") == 2

    async def test_connections_go_on_while_it_is_replaced(self, vpc: Site, on: Host) -> None:
        async with pod(on, ON_ETH1) as (sandbox, _), flow(inside(sandbox), str(INTERNET)) as say:
            assert await say("one") == "one"
            on.translate("192.168.0.0/16")
            assert await say("two") == "two"


class TestAFlow:
    @pytest.mark.parametrize("layout", LAYOUTS)
    async def test_nothing_is_lost_while_the_daemon_is_another(self, vpc: Site, layout: RuleLayout) -> None:
        """Its threads and sockets end; a new one finds everything as wanted, and goes on."""
        with pod_network() as sandbox:
            async with AsyncExitStack() as flows:
                async with host(vpc, vpc.one, *ENIS, layout=layout) as one:
                    one.translate()
                    wiring = one.wiring(sandbox, ON_ETH1)
                    await one.connect(wiring)
                    say = await flows.enter_async_context(flow(inside(sandbox), str(PEERED)))
                    assert await say("before") == "before"
                assert await say("meanwhile") == "meanwhile"
                async with host(vpc, vpc.one, *ENIS, layout=layout, assigned=one.assigned) as two:
                    assert two.amiss == ()
                    assert two.snat.differences(two.translation()) == ()
                    assert await two.pods.adopt(wiring) == ()
                    assert await say("after") == "after"


def sent_by(on: Host, link: str) -> int:
    """Packets that left by a link so far."""
    counted = output_of(*on.inside.command("cat", "/proc/thread-self/net/dev"))
    row = next(line for line in counted.splitlines() if line.strip().startswith(f"{link}:"))
    return int(row.partition(":")[2].split()[9])
