"""Tests in network namespaces that they own: they fail without privilege in CI, and are skipped elsewhere."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support import iamproxy_cluster
from tests.support.iamproxy_cluster import Cluster
from tests.support.namespaces import Namespace, namespace, privileged
from tests.support.priority import ahead_of_others


@pytest.fixture(scope="session", autouse=True)
def privilege() -> None:
    if privileged():
        return
    message = "making network namespaces needs root (or CAP_SYS_ADMIN and CAP_NET_ADMIN)"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(autouse=True)
def ahead() -> Iterator[None]:
    """What daemons and programs do here in real time comes before what other workers compute."""
    with ahead_of_others():
        yield


@pytest.fixture
def new_namespace() -> Iterator[Callable[[], Namespace]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(namespace())


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with iamproxy_cluster.cluster(tmp_path) as made:
        yield made
