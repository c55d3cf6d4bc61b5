"""Tell pods in the node's own network by their control group, where the node has cgroup v2.

Such a pod's packets leave like the node's: no interface and no address tells them apart, only the control
group of the socket they come from.
"""

from pathlib import Path

from addons.iamproxy.net.table import ControlGroups

ROOT = Path("/sys/fs/cgroup")
"""Where the hierarchy is mounted."""

_PODS = ("kubepods.slice", "kubepods", "kubelet.slice/kubelet-kubepods.slice")  # systemd, cgroupfs, kind
_NAMESPACE_OF_THE_HOST = "cgroup:[4026531835]"  # PROC_CGROUP_INIT_INO, include/linux/proc_ns.h


def find_groups(root: Path, process: Path = Path("/proc/self")) -> ControlGroups | str:
    """Give the control groups of pods and of this process, or the reason why they cannot be told.

    In a namespace of control groups the kernel counts levels from that namespace's root: the pods' common
    group lies above it and cannot be named.
    """
    if not (root / "cgroup.controllers").exists():
        return f"the node has no cgroup v2 at {root}"
    if (process / "ns/cgroup").readlink().name != _NAMESPACE_OF_THE_HOST:
        return "the daemon runs in a control group namespace of its own"
    pods = tuple((path, _identity(root, path)) for path in _PODS if (root / path).is_dir())
    if not pods:
        return f"there is none of {', '.join(_PODS)} in {root}"
    own = _own_path(process)
    is_pod = any(own.startswith(f"{path}/") for path, _ in pods)
    return ControlGroups(pods, (own, _identity(root, own)) if is_pod else None)


def _own_path(process: Path) -> str:
    """Give this process's path in the v2 hierarchy, which is number 0; "" for the root."""
    lines = (process / "cgroup").read_text().splitlines()
    return next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")


def _identity(root: Path, path: str) -> int:
    return (root / path).stat().st_ino
