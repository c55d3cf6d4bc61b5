"""Every test here runs against the emulator and against a real API server: the emulator must not differ."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from addons.sim.kubeapi.server import KubeApi
from tests.support.api import Api, connect
from tests.support.cluster import NODE_PORTS, Cluster, find_assets, require_assets, running

SERVERS: list[object] = ["emulator"]
if find_assets() or os.environ.get("CI"):
    SERVERS.append(pytest.param("real", marks=pytest.mark.kube))


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run one real control plane until no more test of this folder is to come."""
    with running(tmp_path_factory.mktemp("cluster"), require_assets()) as control_plane:
        yield control_plane


@pytest.fixture(params=SERVERS)
async def api(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Api]:
    """An API server that knows `admin` (all rights) and `guest` (none), and a namespace of the test's own."""
    namespace = f"t{uuid4().hex[:8]}"
    if request.param == "real":
        cluster: Cluster = request.getfixturevalue("cluster")
        async with connect(cluster.kubeconfig, cluster.tokens, namespace, cluster.etcd) as client:
            yield client
        return
    server = KubeApi(tls=True, tokens={}, rbac=True, history=50, node_ports=NODE_PORTS, bookmark_seconds=1.0)
    tokens = {"admin": server.add_user("admin", ["system:masters"]), "guest": server.add_user("guest")}
    server.enable(owner_gc=True, namespaces=True)
    async with server:
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(server.kubeconfig())
        async with connect(kubeconfig, tokens, namespace) as client:
            yield client
