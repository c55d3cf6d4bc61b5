"""What every tier may ask for."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.cluster import Cluster, find_assets, running
from tests.support.prometheus import COMMAND

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
"""No property fails because the machine is busy."""


def pytest_configure() -> None:
    """Let SIGTERM end the tests as Ctrl-C does, so that what fixtures have started outside ends as well."""
    signal.signal(signal.SIGTERM, _end_tests)


def _end_tests(number: int, frame: object) -> None:
    """End them once: a second SIGTERM, as `timeout` sends it, must not end the tidying up."""
    signal.signal(signal.SIGTERM, lambda *_: None)
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Run one real control plane for the session; without its binaries: skip, or fail where CI=true."""
    assets = find_assets()
    if assets is None:
        leave_out = pytest.fail if os.environ.get("CI") else pytest.skip
        leave_out("no real Kubernetes; `make kube` builds one")
    with running(tmp_path_factory.mktemp("cluster"), assets) as control_plane:
        yield control_plane


@pytest.fixture(scope="session")
def prometheus() -> None:
    """Need Prometheus's rule engine; without it: skip, or fail where CI=true."""
    if not COMMAND.exists():
        leave_out = pytest.fail if os.environ.get("CI") else pytest.skip
        leave_out("no rule engine of Prometheus; `make prometheus` builds it")
