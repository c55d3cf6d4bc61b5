"""The checkpoint of the original, read once when its node is taken over."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import msgspec
from msgspec import Struct, field

from addons.cni.model.assignments import Assignment, PodId, SandboxKey

VERSION = "vpc-cni-ipam/1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Metadata(Struct, frozen=True):
    namespace: str = field(default="", name="k8sPodNamespace")
    name: str = field(default="", name="k8sPodName")


class _Row(Struct, frozen=True):
    network: str = field(name="networkName")
    container_id: str = field(name="containerID")
    if_name: str = field(name="ifName")
    ipv4: str = ""
    nanoseconds: int = field(default=0, name="allocationTimestamp")
    metadata: _Metadata = _Metadata()


class _Checkpoint(Struct, frozen=True):
    version: str
    allocations: tuple[_Row, ...] | None = None


class Checkpoint(Struct, frozen=True):
    """What the original knew: its assignments, and what could not be taken over, in words."""

    assignments: tuple[Assignment, ...] = ()
    problems: tuple[str, ...] = ()


def read_checkpoint(
    path: Path,
    *,
    eni_of: Callable[[IPv4Address], str | None],
    host_name: Callable[[PodId, str], str],
) -> Checkpoint:
    """Read the file; empty where there is none.

    `eni_of` gives the interface that has an address, and `host_name` the name of a pod's link on the host. A
    row whose address the node does not have is left out and told, as is a file that cannot be read.
    """
    try:
        content = msgspec.json.decode(path.read_bytes(), type=_Checkpoint)
    except FileNotFoundError:
        return Checkpoint()
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        return Checkpoint(problems=(f"checkpoint {path}: {error}",))
    if content.version != VERSION:
        return Checkpoint(problems=(f"checkpoint {path}: version {content.version!r}, not {VERSION!r}",))
    rows = [_read(row, eni_of, host_name) for row in content.allocations or ()]
    return Checkpoint(
        tuple(row for row in rows if isinstance(row, Assignment)),
        tuple(f"checkpoint {path}: {row}" for row in rows if isinstance(row, str)),
    )


def _read(
    row: _Row, eni_of: Callable[[IPv4Address], str | None], host_name: Callable[[PodId, str], str]
) -> Assignment | str:
    about = f"container {row.container_id[:12]}"
    try:
        ip = IPv4Address(row.ipv4)
    except ValueError:
        return f"{about}: {row.ipv4!r} is not an IPv4 address"
    if (eni_id := eni_of(ip)) is None:
        return f"{about}: no interface of the node has {ip}"
    try:
        since = _EPOCH + timedelta(microseconds=row.nanoseconds // 1000)
    except OverflowError:
        return f"{about}: {row.nanoseconds} is no time in nanoseconds"
    pod = PodId(row.metadata.namespace, row.metadata.name)
    return Assignment(
        key=SandboxKey(row.network, row.container_id, row.if_name),
        pod=pod,
        ip=ip,
        eni_id=eni_id,
        host_if=host_name(pod, row.if_name),
        netns="",
        since=since,
    )
