"""What was written down by others: the original's checkpoint, and DELs of plugins that found no daemon."""

import json
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from addons.cni.controller.replay import replay
from addons.cni.model.assignments import PodId, SandboxKey
from addons.cni.store.checkpoint import Checkpoint, read_checkpoint
from addons.cni.store.spool import Spool
from addons.runtime.errors import Unavailable
from tests.support.cni_socket import Node, name_of

ROW = {
    "networkName": "aws-cni",
    "containerID": "c1",
    "ifName": "eth0",
    "ipv4": "10.0.0.1",
    "allocationTimestamp": 1_767_323_045_123_456_789,
    "metadata": {"k8sPodNamespace": "shop", "k8sPodName": "web-0", "interfacesCount": 1},
}


def imported(path: Path, *rows: Any, version: str = "vpc-cni-ipam/1") -> Checkpoint:
    path.write_text(json.dumps({"version": version, "allocations": rows}))
    return read(path)


def read(path: Path) -> Checkpoint:
    enis = {IPv4Address("10.0.0.1"): "eni-1", IPv4Address("10.0.0.2"): "eni-2"}
    return read_checkpoint(path, eni_of=enis.get, host_name=name_of)


class TestCheckpoint:
    """A node that the original served is taken over with its pods."""

    def test_a_row_is_an_assignment(self, tmp_path: Path) -> None:
        (found,) = imported(tmp_path / "ipam.json", ROW).assignments
        assert (found.key, found.pod) == (SandboxKey("aws-cni", "c1", "eth0"), PodId("shop", "web-0"))
        assert (found.ip, found.eni_id, found.host_if) == (
            IPv4Address("10.0.0.1"),
            "eni-1",
            "shop.web-0.eth0",
        )
        assert found.since.isoformat() == "2026-01-02T03:04:05.123456+00:00"

    def test_an_address_that_the_node_has_lost_is_left_out_and_told(self, tmp_path: Path) -> None:
        found = imported(tmp_path / "ipam.json", {**ROW, "ipv4": "10.0.0.9"}, ROW)
        assert len(found.assignments) == 1
        assert found.problems[0].endswith("container c1: no interface of the node has 10.0.0.9")

    def test_a_row_without_an_ipv4_address_is_left_out_and_told(self, tmp_path: Path) -> None:
        found = imported(tmp_path / "ipam.json", {**ROW, "ipv4": "", "ipv6": "fd00::1"})
        assert (found.assignments, len(found.problems)) == ((), 1)

    def test_no_file_is_nothing_to_take_over(self, tmp_path: Path) -> None:
        assert read(tmp_path / "ipam.json") == Checkpoint()

    def test_no_rows_at_all(self, tmp_path: Path) -> None:
        (tmp_path / "ipam.json").write_text('{"version":"vpc-cni-ipam/1","allocations":null}')
        assert read(tmp_path / "ipam.json") == Checkpoint()

    def test_another_version_is_told(self, tmp_path: Path) -> None:
        (problem,) = imported(tmp_path / "ipam.json", ROW, version="vpc-cni-ipam/2").problems
        assert problem.endswith("version 'vpc-cni-ipam/2', not 'vpc-cni-ipam/1'")

    def test_a_row_of_no_time_is_left_out_and_told(self, tmp_path: Path) -> None:
        found = imported(tmp_path / "ipam.json", {**ROW, "allocationTimestamp": 10**30})
        assert (found.assignments, len(found.problems)) == ((), 1)
        assert found.problems[0].endswith("is no time in nanoseconds")

    @pytest.mark.parametrize(
        "text", [b"", b"{", b"[]", b'{"version":"vpc-cni-ipam/1","allocations":[{}]}', b'{"version":"\xff"}']
    )
    def test_what_cannot_be_read_is_told(self, tmp_path: Path, text: bytes) -> None:
        (tmp_path / "ipam.json").write_bytes(text)
        found = read(tmp_path / "ipam.json")
        assert (found.assignments, len(found.problems)) == ((), 1)


def spooled(
    container: str, command: str = "DEL", body: bytes = b'{"cniVersion":"1.0.0","name":"aws-cni"}'
) -> bytes:
    lines = (
        b"POST /v1/cni HTTP/1.1",
        b"Cni-COMMAND: " + command.encode(),
        b"Cni-CONTAINERID: " + container.encode(),
        b"Cni-IFNAME: eth0",
        b"Content-Length: %d" % len(body),
        b"",
    )
    return b"\r\n".join((*lines, body))


class TestSpool:
    """Each DEL is done once; what cannot be read is kept for people, and holds up nobody."""

    @pytest.fixture
    async def node(self, tmp_path: Path) -> Node:
        node = Node(tmp_path / "state", 1, 2)
        await node.add("c1")
        await node.add("c2")
        return node

    async def test_every_del_is_done(self, node: Node, tmp_path: Path) -> None:
        spool = Spool(tmp_path / "spool")
        for name in ("c1", "c2"):
            (tmp_path / "spool" / f"{name}-eth0").write_bytes(spooled(name))
        assert await replay(spool, node.sandboxes) == 2
        assert (node.held, list((tmp_path / "spool").iterdir())) == ({}, [])

    @pytest.mark.parametrize(
        "data", [b"", b"nonsense", spooled("c1")[:-3], spooled("c1", body=b"{"), spooled("c1", "ADD")]
    )
    async def test_what_is_no_del_is_kept_aside(self, node: Node, tmp_path: Path, data: bytes) -> None:
        spool = Spool(tmp_path / "spool")
        (tmp_path / "spool" / "a").write_bytes(data)
        (tmp_path / "spool" / "c2-eth0").write_bytes(spooled("c2"))
        assert await replay(spool, node.sandboxes) == 1
        assert list(node.held) == ["c1"]
        assert [path.name for path in (tmp_path / "spool").iterdir()] == [".a.unreadable"]

    async def test_what_fails_waits_for_the_next_time(self, node: Node, tmp_path: Path) -> None:
        spool = Spool(tmp_path / "spool")
        (tmp_path / "spool" / "c1-eth0").write_bytes(spooled("c1"))
        node.kernel.failures = [Unavailable("busy")]
        assert await replay(spool, node.sandboxes) == 0
        assert await replay(spool, node.sandboxes) == 1
        assert list(node.held) == ["c2"]

    async def test_a_file_that_is_being_written_is_not_read(self, node: Node, tmp_path: Path) -> None:
        spool = Spool(tmp_path / "spool")
        (tmp_path / "spool" / ".c1-eth0.77").write_bytes(spooled("c1"))
        assert await replay(spool, node.sandboxes) == 0
        assert len(node.held) == 2
