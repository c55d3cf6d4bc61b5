"""Daemons as processes, on a real Kubernetes, with a simulated AWS."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from addons.demo.world import World, simulated_world
from tests.support.cluster import Cluster
from tests.support.kubectl import Kubectl, require_kubectl


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
