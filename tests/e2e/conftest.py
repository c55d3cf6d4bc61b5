"""Daemons as processes, on a real Kubernetes, with a simulated AWS."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from addons.demo.world import World, simulated_world
from tests.support.cluster import Cluster, find_assets
from tests.support.kubectl import Kubectl, require_kubectl
from tests.support.nodes import Site, missing, running_with_nodes
from tests.support.priority import ahead_of_others


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A real Kubernetes with two nodes for the session; where it cannot be: skip, or fail where CI=true.

    A test module that runs pods puts it in the place of `cluster`.
    """
    assets = find_assets()
    lack = missing() if assets else "no real Kubernetes; `make kube` builds one"
    if assets is None or lack:
        leave_out = pytest.fail if os.environ.get("CI") else pytest.skip
        leave_out(lack)
    with running_with_nodes(tmp_path_factory.mktemp("site"), assets) as site:
        yield site


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
