"""The archive in a real container runtime, as nodes have it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from addons.sim.net import Namespace
from release.image import REFERENCE, version
from tests.support import oci_image
from tests.support.fabric_nodes import runtime, short_folder
from tests.support.namespaces import namespace
from tests.support.nodes import missing
from tests.support.oci_image import leave_out_without
from tests.support.processes import output_of

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def socket(archive: Path) -> Iterator[Path]:
    """The socket of a containerd that holds the image; `archive` builds it."""
    leave_out_without(missing())
    with namespace() as network, short_folder() as folder, runtime(folder, Namespace(network.name)) as home:
        assert oci_image.import_into(home / "containerd.sock") == f"{REFERENCE}:{version()}"
        yield home / "containerd.sock"


def ctr(socket: Path, *command: str) -> str:
    return output_of("ctr", "--address", socket, "--namespace", "k8s.io", *command)


def test_it_has_the_name_by_which_charts_ask_for_it(socket: Path) -> None:
    assert f"{REFERENCE}:{version()}" in ctr(socket, "images", "list", "--quiet").split()


def test_a_container_of_it_runs_a_daemon_on_a_read_only_root_as_nobody(socket: Path) -> None:
    run = ("run", "--rm", "--read-only", f"{REFERENCE}:{version()}")
    assert "addons dns" in ctr(socket, *run, "daemon", "addons", "dns", "--help")
    code = "import json, os; print(json.dumps([os.getuid(), os.getgid(), os.environ['MALLOC_ARENA_MAX']]))"
    assert json.loads(ctr(socket, *run, "who", "python", "-c", code)) == [65532, 65532, "2"]
