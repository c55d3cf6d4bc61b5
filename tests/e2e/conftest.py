"""Daemons as processes, on a real Kubernetes, with a simulated AWS."""

import os
import subprocess
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from addons.demo.world import World, simulated_world
from addons.sim.aws.server import AwsEndpoint
from tests.support.cluster import Cluster, find_assets, require_assets, running
from tests.support.kubectl import Kubectl, require_kubectl
from tests.support.nodes import Site, missing, running_with_nodes
from tests.support.priority import ahead_of_others


@pytest.fixture(scope="package")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run one real control plane until no more test of this folder is to come."""
    with running(tmp_path_factory.mktemp("cluster"), require_assets()) as control_plane:
        yield control_plane


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A real Kubernetes with two nodes, as long; where it cannot be: skip, or fail where CI=true.

    A test module that runs pods puts it in the place of `cluster`.
    """
    assets = find_assets()
    lack = missing() if assets else "no real Kubernetes; `make kube` builds one"
    if assets is None or lack:
        leave_out = pytest.fail if os.environ.get("CI") else pytest.skip
        leave_out(lack)
    with running_with_nodes(tmp_path_factory.mktemp("site"), assets) as site:
        yield site


@pytest.fixture
async def aws(site: Site) -> AsyncIterator[AwsEndpoint]:
    """AWS, where pods reach it."""
    aws = AwsEndpoint()
    await aws.start(listener=site.hub.listener(site.inside, 0))
    yield aws
    await aws.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say beside a failure what the cluster of the test says of its nodes and pods."""
    report = yield
    if report.failed:
        for used in getattr(item, "funcargs", {}).values():
            cluster = used.cluster if isinstance(used, Site) else used
            if isinstance(cluster, Cluster):
                report.sections.append(("the cluster", said_by(cluster)))
                break
    return report


def said_by(cluster: Cluster) -> str:
    """Nodes, pods that are not ready, and the newest warnings of a cluster."""
    commands = (
        "get nodes",
        "get pods --all-namespaces --output=wide --field-selector=status.phase!=Succeeded",
        "get events --all-namespaces --field-selector=type=Warning --sort-by=.lastTimestamp",
    )
    kubectl = (require_kubectl(), "--kubeconfig", str(cluster.kubeconfig), "--request-timeout=10s")
    said = [subprocess.run([*kubectl, *each.split()], capture_output=True, text=True) for each in commands]
    return "\n".join(line for each in said for line in [*(each.stdout + each.stderr).splitlines()[-20:], ""])


@pytest.fixture(autouse=True)
def ahead() -> Iterator[None]:
    """What daemons and controllers do here in real time comes before what other workers compute."""
    with ahead_of_others():
        yield


@pytest.fixture
async def world(cluster: Cluster) -> AsyncIterator[World]:
    """AWS and a name server for this test, around the Kubernetes of the session."""
    async with simulated_world(cluster.kubeconfig) as world:
        yield world


@pytest.fixture
async def namespace(cluster: Cluster) -> str:
    """A namespace of the test's own."""
    name = f"t{uuid4().hex[:8]}"
    await Kubectl((require_kubectl(), "--kubeconfig", str(cluster.kubeconfig))).ok(
        "create", "namespace", name
    )
    return name


@pytest.fixture
def kubectl(cluster: Cluster, namespace: str, tmp_path: Path) -> Kubectl:
    """kubectl as admin, in the namespace of the test."""
    options = ("--kubeconfig", str(cluster.kubeconfig), "--cache-dir", str(tmp_path / "cache"))
    return Kubectl((require_kubectl(), *options, "--namespace", namespace))
