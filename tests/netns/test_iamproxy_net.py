"""The redirect in real namespaces: a pod never reaches the node's metadata, by whatever way it tries."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from addons.iamproxy.net.redirect import Redirect
from addons.iamproxy.net.table import TABLE, RedirectSettings
from addons.sim.net import METADATA, METADATA_V6, NODE, NODE_V6, Pod
from tests.support.processes import output_of, run
from tests.support.until import until
from tests.support.vpc import OTHER_PORT, PEER_FIRST, REFUSED, Vpc, stand_in, vpc

LISTENERS = [str(address) for address in RedirectSettings().listener]
BOTH = [METADATA, METADATA_V6]
PORTS = (8181, 8182)


@pytest.fixture
async def world() -> AsyncIterator[Vpc]:
    async with vpc() as made:
        yield made


@pytest.fixture
def pod(world: Vpc) -> Pod:
    return world.fabric.add_pod("prod/app")


@contextmanager
def new_redirect(world: Vpc, settings: RedirectSettings | None = None) -> Iterator[Redirect]:
    made = world.fabric.node.call(lambda: Redirect(settings or RedirectSettings()))
    try:
        yield made
    finally:
        made.close()


@asynccontextmanager
async def listening(world: Vpc) -> AsyncIterator[None]:
    """Somebody listens on the daemon's ports, as carelessly as can be: at every address of the node."""
    sockets = [world.fabric.node.listener(host, port) for host in ("0.0.0.0", "::") for port in PORTS]
    async with stand_in(*sockets):
        yield


@asynccontextmanager
async def redirected(world: Vpc, settings: RedirectSettings | None = None) -> AsyncIterator[Redirect]:
    async with AsyncExitStack() as stack:
        redirect = stack.enter_context(new_redirect(world, settings))
        await redirect.ensure()
        await stack.enter_async_context(listening(world))
        yield redirect


def measured(what: str) -> float:
    """What Prometheus is told of the redirect."""
    return REGISTRY.get_sample_value(f"addons_iamproxy_redirect_{what}") or 0.0


def own_address(pod: Pod, address: str) -> str:
    return pod.address_v6 if ":" in address else pod.address


class TestWithoutTheRedirect:
    """The control: every way that is closed below is open here, and leads to the canaries."""

    @pytest.mark.parametrize("address", BOTH)
    @pytest.mark.parametrize("port", [80, OTHER_PORT])
    async def test_a_pod_sees_the_node(self, world: Vpc, pod: Pod, address: str, port: int) -> None:
        assert world.sees_the_node(await world.ask(pod.inside, address, port))

    @pytest.mark.parametrize("address", BOTH)
    async def test_datagrams_arrive(self, world: Vpc, pod: Pod, address: str) -> None:
        world.send(pod.inside, address, OTHER_PORT)
        await world.settle()
        assert world.datagrams == [(own_address(pod, address), b"datagram")]

    async def test_a_pod_may_take_another_s_address(self, world: Vpc, pod: Pod) -> None:
        thief = world.fabric.add_pod("dev/thief")
        thief.inside.ip(f"addr add {pod.address}/32 dev eth0")
        world.send(thief.inside, METADATA, OTHER_PORT, source=pod.address)
        await world.settle()
        assert world.datagrams == [(pod.address, b"datagram")]

    async def test_the_daemon_s_ports_are_open(self, world: Vpc, pod: Pod) -> None:
        async with listening(world):
            for port in PORTS:
                assert PEER_FIRST in await world.ask(pod.inside, NODE, port)


class TestPods:
    @pytest.mark.parametrize("address", BOTH)
    async def test_a_pod_reaches_the_listener_as_itself(self, world: Vpc, pod: Pod, address: str) -> None:
        async with redirected(world):
            answer = await world.ask(pod.inside, address)
        assert answer == f"{PEER_FIRST} {own_address(pod, address)}"
        assert world.imds.requests == []

    @pytest.mark.parametrize("address", BOTH)
    async def test_other_ports_lead_nowhere(self, world: Vpc, pod: Pod, address: str) -> None:
        async with redirected(world):
            assert await world.hears_nothing(pod.inside, address, OTHER_PORT)

    @pytest.mark.parametrize("address", BOTH)
    @pytest.mark.parametrize("port", [80, OTHER_PORT])
    async def test_datagrams_lead_nowhere(self, world: Vpc, pod: Pod, address: str, port: int) -> None:
        async with redirected(world):
            world.send(pod.inside, address, port)
            await world.settle()
        assert world.datagrams == []

    async def test_another_s_address_leads_nowhere(self, world: Vpc, pod: Pod) -> None:
        thief = world.fabric.add_pod("dev/thief")
        thief.inside.ip(
            f"addr add {pod.address}/32 dev eth0", f"addr add {pod.address_v6}/128 dev eth0 nodad"
        )
        async with redirected(world):
            for address in BOTH:
                assert await world.hears_nothing(thief.inside, address, source=own_address(pod, address))
            dropped = world.nft("list", "chain", "inet", TABLE, "antispoof").count("packets 0 bytes 0")
        assert dropped == 0, "both rules have counted"

    @pytest.mark.parametrize("port", PORTS)
    @pytest.mark.parametrize("address", [*LISTENERS, NODE, NODE_V6])
    async def test_the_daemon_cannot_be_opened_directly(
        self, world: Vpc, pod: Pod, address: str, port: int
    ) -> None:
        async with redirected(world):
            assert await world.ask(pod.inside, address, port) == REFUSED

    async def test_a_connection_from_before_ends(self, world: Vpc, pod: Pod) -> None:
        dialled = pod.inside.open_socket()
        with dialled:
            dialled.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(dialled, (METADATA, 80))
            async with redirected(world):
                await loop.sock_sendall(dialled, b"GET /latest/user-data HTTP/1.1\r\nHost: x\r\n\r\n")
                with pytest.raises((TimeoutError, ConnectionResetError)):
                    async with asyncio.timeout(0.4):
                        await loop.sock_recv(dialled, 1)
        assert world.imds.requests == []


class TestOthers:
    @pytest.mark.parametrize("address", BOTH)
    async def test_the_node_still_sees_itself(self, world: Vpc, address: str) -> None:
        async with redirected(world):
            assert world.sees_the_node(await world.ask(world.fabric.node, address))

    async def test_the_node_can_probe_the_daemon(self, world: Vpc) -> None:
        async with redirected(world):
            for port in PORTS:
                assert PEER_FIRST in await world.ask(world.fabric.node, NODE, port)

    async def test_other_hosts_are_refused(self, world: Vpc) -> None:
        async with redirected(world):
            for port in PORTS:
                assert await world.ask(world.fabric.ec2, NODE, port) == REFUSED

    async def test_the_admin_port_can_be_opened_to_a_network(self, world: Vpc) -> None:
        settings = RedirectSettings(admin_networks=(ip_network("10.77.0.0/24"),))
        async with redirected(world, settings):
            answers = [await world.ask(world.fabric.ec2, NODE, port) for port in PORTS]
        assert answers == [REFUSED, f"{PEER_FIRST} 10.77.0.1"]


class TestNarrowed:
    """Who is not redirected gets no credentials; nobody gets through for that."""

    @pytest.mark.parametrize(
        "settings",
        [
            RedirectSettings(interfaces=("cali+",)),
            RedirectSettings(interfaces=("!eni+", "cbr0")),
        ],
    )
    async def test_others_are_dropped(self, world: Vpc, pod: Pod, settings: RedirectSettings) -> None:
        async with redirected(world, settings):
            for address in BOTH:
                assert await world.hears_nothing(pod.inside, address)

    @pytest.mark.parametrize(
        "settings",
        [
            RedirectSettings(interfaces=("cali+", "eni+")),
            RedirectSettings(interfaces=("!eth0",)),
        ],
    )
    async def test_those_who_are_meant_are_redirected(
        self, world: Vpc, pod: Pod, settings: RedirectSettings
    ) -> None:
        async with redirected(world, settings):
            for address in BOTH:
                assert PEER_FIRST in await world.ask(pod.inside, address)


class TestFailClosed:
    @pytest.mark.parametrize("address", BOTH)
    async def test_a_pod_is_refused_at_once_while_nobody_listens(
        self, world: Vpc, pod: Pod, address: str
    ) -> None:
        with new_redirect(world) as redirect:
            await redirect.ensure()
        assert await world.ask(pod.inside, address) == REFUSED
        assert await world.hears_nothing(pod.inside, address, OTHER_PORT)
        assert world.imds.requests == []

    async def test_what_is_removed_comes_back(self, world: Vpc, pod: Pod) -> None:
        async with redirected(world) as redirect:
            stopping, repairs = asyncio.Event(), measured("repairs_total")
            keeping = asyncio.create_task(redirect.keep(stopping))
            for damage in (
                ["flush", "ruleset"],
                ["delete", "table", "inet", TABLE],
                ["flush", "chain", "inet", TABLE, "forward"],
                ["insert", "rule", "inet", TABLE, "intercept", "return"],
                ["add", "chain", "inet", TABLE, "another"],
                ["add", "table", "inet", TABLE, "{ flags dormant; }"],
            ):
                world.nft(*damage)
                await until(lambda: world.nft("--stateless", "list", "ruleset") == redirect.text)
            stopping.set()
            await keeping
            assert PEER_FIRST in await world.ask(pod.inside)
            assert await world.hears_nothing(pod.inside, METADATA, OTHER_PORT)
            assert (measured("in_place"), measured("repairs_total") - repairs) == (1, 6)

    async def test_a_replacement_of_the_rules_is_never_seen_half_done(self, world: Vpc, pod: Pod) -> None:
        async with redirected(world) as redirect:
            for number in range(30):
                world.nft("insert", "rule", "inet", TABLE, "output", "counter")
                asking = asyncio.create_task(world.ask(pod.inside))
                await asyncio.sleep(number / 10_000)
                assert await redirect.ensure()
                assert PEER_FIRST in await asking
        assert world.imds.requests == []

    async def test_a_lost_address_comes_back(self, world: Vpc, pod: Pod) -> None:
        async with redirected(world) as redirect:
            world.fabric.node.ip(*(f"addr del {address} dev lo" for address in LISTENERS))
            assert len(await redirect.ensure()) == 2
            assert PEER_FIRST in await world.ask(pod.inside)

    async def test_a_second_look_finds_everything_in_place(self, world: Vpc) -> None:
        with new_redirect(world) as redirect:
            assert redirect.not_ready() == "no redirect"
            assert await redirect.ensure()
            assert (await redirect.ensure(), redirect.not_ready()) == ((), "")

    @pytest.mark.parametrize("address", BOTH)
    async def test_removed_is_removed(self, world: Vpc, pod: Pod, address: str) -> None:
        async with redirected(world) as redirect:
            for _ in range(2):
                await redirect.remove()
        assert world.nft("list", "ruleset") == ""
        assert world.sees_the_node(await world.ask(pod.inside, address))


class TestText:
    @pytest.mark.parametrize(
        "settings",
        [
            RedirectSettings(),
            RedirectSettings(
                interfaces=("eni+", "!eth0", "cbr0"),
                admin_networks=(ip_network("10.0.0.0/9"), ip_network("10.1.1.1"), ip_network("fd77::/63")),
            ),
        ],
    )
    async def test_the_kernel_holds_what_the_text_says(self, world: Vpc, settings: RedirectSettings) -> None:
        with new_redirect(world, settings) as redirect:
            await redirect.ensure()
            assert world.nft("--stateless", "list", "ruleset") == redirect.text
            assert await redirect.observe() == ()


ASK_IN_A_GROUP = """
import pathlib, sys, urllib.request
pathlib.Path(sys.argv[1], "cgroup.procs").write_text("0")
print(urllib.request.urlopen("http://169.254.169.254/latest/user-data", timeout=1).read().decode())
"""


class TestPodsInTheNetworkOfTheNode:
    """They are told by their control group, where the kernel has cgroup v2."""

    @pytest.fixture
    def groups(self, tmp_path: Path) -> Iterator[Path]:
        root, made = tmp_path / "cgroup", []
        root.mkdir()
        mounting = ["mount", "-t", "cgroup2", "cgroup2", str(root)]
        if subprocess.run(mounting, capture_output=True, check=False).returncode:
            pytest.skip("the kernel has no cgroup v2")
        try:
            for name in ("kubepods.slice", "kubepods.slice/pod-a", "system.slice"):
                (root / name).mkdir()
                made.append(root / name)
            yield root
        finally:
            for folder in reversed(made):
                folder.rmdir()
            output_of("umount", root)

    async def ask(self, world: Vpc, group: Path) -> str:
        command = world.fabric.node.command(sys.executable, "-c", ASK_IN_A_GROUP, str(group))
        return (await run(*command)).out

    async def test_they_do_not_see_the_node_and_others_do(self, world: Vpc, groups: Path) -> None:
        pods, others = groups / "kubepods.slice/pod-a", groups / "system.slice"
        assert world.sees_the_node(await self.ask(world, pods)), "the control: without the redirect"
        redirect = world.fabric.node.call(lambda: Redirect(RedirectSettings(), cgroup_root=groups))
        try:
            await redirect.ensure()
            assert redirect.uncovered == ""
            assert await redirect.observe() == ()
            assert await self.ask(world, pods) == ""
            assert world.sees_the_node(await self.ask(world, others))
        finally:
            redirect.close()

    async def test_where_they_cannot_be_told_it_is_said(self, world: Vpc, tmp_path: Path) -> None:
        redirect = world.fabric.node.call(lambda: Redirect(RedirectSettings(), cgroup_root=tmp_path))
        assert "no cgroup v2" in redirect.uncovered
        redirect.close()
