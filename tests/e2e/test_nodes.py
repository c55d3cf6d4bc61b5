"""The real nodes that other tests stand on: pods run and reach each other, and nothing outlives the tests."""

from pathlib import Path

import pytest

from tests.support.cluster import Cluster, find_assets
from tests.support.kubectl import Kubectl
from tests.support.nodes import Site, running_with_nodes

pytestmark = pytest.mark.kube


@pytest.fixture(scope="module")
def cluster(site: Site) -> Cluster:
    """The cluster with nodes, in the place of the one without."""
    return site.cluster


async def run(kubectl: Kubectl, name: str, node: str) -> str:
    """Run a pod on a node; return its address."""
    on_node = f'--overrides={{"spec": {{"nodeName": "{node}"}}}}'
    await kubectl.ok("run", name, "--image=local/busybox:1", "--image-pull-policy=Never", on_node)
    await kubectl.ok("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
    return await kubectl.ok("get", "pod", name, "-o", "jsonpath={.status.podIP}")


async def test_pods_reach_pods_of_other_nodes_and_the_network_of_the_test(
    site: Site, kubectl: Kubectl
) -> None:
    first, second = site.nodes
    await run(kubectl, "one", first.name)
    address = await run(kubectl, "two", second.name)
    await kubectl.ok("exec", "one", "--", "ping", "-c", "1", "-W", "5", address)
    await kubectl.ok("exec", "one", "--", "ping", "-c", "1", "-W", "5", second.address)
    await kubectl.ok("delete", "pod", "one", "two", "--now")


def left_over(folder: Path, site: Site) -> list[str]:
    """What there still is of a site: processes, mounts, links to logs, network namespaces and CNI results."""
    commands = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            commands.append((process / "cmdline").read_text())
        except OSError:
            continue
    found = [command for command in commands if str(folder) in command]
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if str(folder) in line]
    links = Path("/var/log/containers").glob("*.log")
    found += [str(link) for link in links if str(folder) in str(link.readlink())]
    own = site.nodes[0].name.removesuffix("node1")
    for place in ("/run/netns", "/var/lib/cni/results"):
        found += [str(file) for file in Path(place).glob(f"{own}*")]
    return found


async def fail_with_a_pod_on_own_nodes(folder: Path, sites: list[Site]) -> None:
    """Run nodes and a pod, note the site, and fail in the midst of it."""
    assets = find_assets()
    assert assets
    with running_with_nodes(folder, assets) as site:
        sites.append(site)
        kubectl = Kubectl((str(assets / "kubectl"), "--kubeconfig", str(site.cluster.kubeconfig)))
        await run(kubectl, "one", site.nodes[0].name)
        assert len(left_over(folder, site)) > 10
        raise ZeroDivisionError


@pytest.mark.usefixtures("site")
async def test_nothing_is_left_of_nodes_and_pods_when_a_test_fails(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("own")
    sites: list[Site] = []
    with pytest.raises(ZeroDivisionError):
        await fail_with_a_pod_on_own_nodes(folder, sites)
    assert left_over(folder, sites[0]) == []
