"""Where the pods' control groups are, and the reasons why they cannot be told."""

from pathlib import Path

import pytest

from addons.iamproxy.net.cgroups import find_groups
from addons.iamproxy.net.table import ControlGroups

HOST = "cgroup:[4026531835]"


class Node:
    """A hierarchy of control groups and a process, as folders."""

    def __init__(self, folder: Path) -> None:
        self.root, self.process = folder / "cgroup", folder / "self"
        (self.root).mkdir()
        (self.root / "cgroup.controllers").touch()
        (self.process / "ns").mkdir(parents=True)
        self.live_in("")

    def live_in(self, path: str, namespace: str = HOST) -> None:
        (self.root / path).mkdir(parents=True, exist_ok=True)
        (self.process / "cgroup").write_text(f"1:cpu:/other\n0::/{path}\n")
        (self.process / "ns/cgroup").unlink(missing_ok=True)
        (self.process / "ns/cgroup").symlink_to(namespace)

    def find(self) -> ControlGroups | str:
        return find_groups(self.root, self.process)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


@pytest.mark.parametrize("path", ["kubepods.slice", "kubepods", "kubelet.slice/kubelet-kubepods.slice"])
def test_pods_are_found_by_the_group_that_the_kubelet_makes(node: Node, path: str) -> None:
    (node.root / path).mkdir(parents=True)
    assert node.find() == ControlGroups(((path, (node.root / path).stat().st_ino),))


def test_a_daemon_that_is_a_pod_itself_is_told_apart(node: Node) -> None:
    own = "kubepods.slice/kubepods-pod1.slice/cri-1.scope"
    node.live_in(own)
    found = node.find()
    assert isinstance(found, ControlGroups)
    assert found.ours == (own, (node.root / own).stat().st_ino)


def test_a_daemon_beside_the_pods_needs_no_exception(node: Node) -> None:
    (node.root / "kubepods").mkdir()
    node.live_in("system.slice/addons.service")
    found = node.find()
    assert isinstance(found, ControlGroups)
    assert found.ours is None


def test_without_cgroup_v2_it_is_said(node: Node) -> None:
    (node.root / "cgroup.controllers").unlink()
    assert node.find() == f"the node has no cgroup v2 at {node.root}"


def test_in_a_namespace_of_control_groups_it_is_said(node: Node) -> None:
    (node.root / "kubepods").mkdir()
    node.live_in("", namespace="cgroup:[4026532999]")
    assert node.find() == "the daemon runs in a control group namespace of its own"


def test_without_pods_it_is_said(node: Node) -> None:
    assert str(node.find()).startswith("there is none of kubepods.slice")
