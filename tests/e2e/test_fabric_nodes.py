"""The ground for a CNI plugin of a VPC: real runtimes and kubelets on instances of the simulated EC2.

A plugin of Debian's plays ours: it gives pods addresses of a prefix that their node's interface has.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from addons.sim.aws.ec2.interfaces import Wish
from addons.sim.aws.server import AwsEndpoint
from addons.sim.fabric.vpc import PEERED
from addons.sim.fabric.world import VpcWorld, WorldNode
from tests.support import fabric
from tests.support.cluster import find_assets
from tests.support.cni_sandbox import Sandbox
from tests.support.cri import Cri, CriError
from tests.support.fabric_nodes import FabricSite, running_in_fabric, runtime, short_folder
from tests.support.kubectl import Kubectl
from tests.support.nodes import missing
from tests.support.until import until

pytestmark = [pytest.mark.kube, pytest.mark.timeout(180)]

PREFIX = "10.0.1.64/28"


def conflist(folder: Path, prefix: str) -> str:
    """A network whose pods have addresses of a prefix."""
    addresses = {
        "type": "host-local",
        "dataDir": str(folder / "addresses"),
        "ranges": [[{"subnet": prefix}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    plugins = [{"type": "ptp", "ipam": addresses}]
    return json.dumps({"cniVersion": "1.0.0", "name": "prefixes", "plugins": plugins})


@pytest.fixture
def vpc() -> Iterator[fabric.Site]:
    """Two instances, the first of which has a prefix."""
    if lack := missing():
        pytest.skip(lack)
    with fabric.site() as made:
        made.put(fabric.interface(1, "10.0.1.4", instance="i-1", prefix=PREFIX))
        yield made


class TestARuntime:
    @pytest.fixture
    def cri(self, vpc: fabric.Site) -> Iterator[Cri]:
        with short_folder() as folder, runtime(folder, vpc.one.inside) as home:
            self.home = home
            yield Cri(home / "containerd.sock", home / "logs")

    async def test_it_has_no_network_before_the_configuration_is_written(self, cri: Cri) -> None:
        assert not cri.is_network_ready()
        with pytest.raises(CriError, match="cni plugin not initialized"):
            cri.run(Sandbox(None))
        self.configure()
        await until(cri.is_network_ready)

    async def test_a_sandbox_has_an_address_while_it_runs(self, cri: Cri, vpc: fabric.Site) -> None:
        self.configure()
        await until(cri.is_network_ready)
        container = cri.run(Sandbox(None))
        address = cri.address(container)
        assert ip_address(address) in ip_network(PREFIX)
        assert fabric.pings(vpc.two.inside, address)
        cri.stop(container)
        assert not fabric.pings(vpc.two.inside, address)
        cri.remove(container)

    async def test_nothing_is_left_of_it(
        self, vpc: fabric.Site, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        folder = tmp_path_factory.mktemp("own")
        with runtime(folder, vpc.one.inside) as self.home:
            self.configure()
            cri = Cri(self.home / "containerd.sock", self.home / "logs")
            await until(cri.is_network_ready)
            cri.run(Sandbox(None))
            assert len(left_over(folder)) > 4
        assert left_over(folder) == []

    def configure(self) -> None:
        (self.home / "cni.d" / "10-prefixes.conflist").write_text(conflist(self.home, PREFIX))


class TestKubelets:
    @pytest.fixture
    async def site(self) -> AsyncIterator[FabricSite]:
        """Two nodes of the strict EC2, which has assigned a prefix to each."""
        assets = find_assets()
        if assets is None or missing():
            pytest.skip(missing() or "no real Kubernetes; `make kube` builds one")
        async with AwsEndpoint() as aws, VpcWorld(aws) as world:
            nodes = [await world.add_node() for _ in range(2)]
            instances = [(each.node, str(each.address)) for each in nodes]
            with short_folder() as folder, running_in_fabric(folder, assets, world.fabric, instances) as site:
                for instance, node in zip(nodes, site.nodes, strict=True):
                    prefix = assign_prefix(world, instance)
                    place = site.configurations(node)
                    (place / "10-prefixes.conflist").write_text(conflist(place.parent, prefix))
                site.await_ready()
                yield site

    async def test_pods_of_both_nodes_reach_each_other_and_are_seen_by_their_own_address(
        self, site: FabricSite
    ) -> None:
        kubectl = Kubectl((str(site.assets / "kubectl"), "--kubeconfig", str(site.cluster.kubeconfig)))
        addresses = [await run(kubectl, f"on-{node.name}", node.name) for node in site.nodes]
        first = f"on-{site.nodes[0].name}"
        await kubectl.ok("exec", first, "--", "ping", "-c", "1", "-W", "5", addresses[1])
        seen = await kubectl.ok("exec", first, "--", "wget", "-q", "-O", "-", f"http://{PEERED}/")
        assert seen == addresses[0]


def assign_prefix(world: VpcWorld, node: WorldNode) -> str:
    """Have EC2 assign a prefix to a node's primary interface."""
    (primary,) = world.ec2.account.interfaces_of(node.instance.id)
    _, (prefix,) = world.ec2.interfaces.assign(primary.id, Wish(prefix_count=1))
    return str(prefix)


def left_over(folder: Path) -> list[str]:
    """What there is of a runtime: processes, mounts, and results of CNI."""
    found = []
    for place in (*Path("/proc").glob("[0-9]*/cmdline"), *Path("/var/lib/cni/results").glob("*")):
        with suppress(OSError):
            found += [str(place)] if str(folder) in place.read_text() else []
    return found + [line for line in Path("/proc/mounts").read_text().splitlines() if str(folder) in line]


async def run(kubectl: Kubectl, name: str, node: str) -> str:
    """Run a pod on a node; return its address."""
    on_node = f'--overrides={{"spec": {{"nodeName": "{node}"}}}}'
    await kubectl.ok("run", name, "--image=local/busybox:1", "--image-pull-policy=Never", on_node)
    await kubectl.ok("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
    return await kubectl.ok("get", "pod", name, "-o", "jsonpath={.status.podIP}")
