"""A real Kubernetes control plane for tests: the binaries of tests/kube, started and ended by its scripts."""

import csv
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.priority import ahead_of_others
from tests.support.processes import output_of

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "tests" / "kube"
NODE_PORTS = range(30_000, 30_512)
"""What Services may have: so few that a test can ask for more."""


@dataclass(frozen=True)
class Cluster:
    """A control plane that runs: its kubeconfig (of admin), the token of every user, the URL of its etcd."""

    folder: Path
    kubeconfig: Path
    tokens: Mapping[str, str]
    etcd: str


def find_assets() -> Path | None:
    """Return the folder of the binaries: $KUBEBUILDER_ASSETS, else what `make kube` built, else None."""
    if named := os.environ.get("KUBEBUILDER_ASSETS"):
        return Path(named)
    built = ROOT / ".cache" / "kube"
    return built if (built / "kube-apiserver").exists() else None


def require_assets() -> Path:
    """The same; without them: skip, or fail where CI=true."""
    if (assets := find_assets()) is None:
        leave_out = pytest.fail if os.environ.get("CI") else pytest.skip
        leave_out("no real Kubernetes; `make kube` builds one")
    return assets


@contextmanager
def running(folder: Path, assets: Path, *, netns: str = "", address: str = "") -> Iterator[Cluster]:
    """Run a control plane whose state is in `folder`; none of its processes is left afterwards.

    It listens on loopback, or on an `address` inside the network namespace `netns`. Nodes that were started
    from the same folder end with it.
    """
    ports = f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
    environment = {**os.environ, "KUBEBUILDER_ASSETS": str(assets), "NODE_PORTS": ports}
    if netns:
        environment |= {"NETNS": netns, "ADDRESS": address}
    with ahead_of_others():
        kubeconfig = output_of(SCRIPTS / "start", folder, env=environment)
    try:
        yield Cluster(
            folder,
            Path(kubeconfig.strip()),
            _tokens(folder / "tokens.csv"),
            (folder / "etcd.url").read_text().strip(),
        )
    finally:
        output_of(SCRIPTS / "stop", folder)


def _tokens(file: Path) -> dict[str, str]:
    with file.open(newline="") as lines:
        return {row[1]: row[0] for row in csv.reader(lines)}
