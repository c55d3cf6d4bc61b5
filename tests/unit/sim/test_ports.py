"""Free ports: never twice the same, and none that the kernel may give to a connection."""

import socket
from pathlib import Path

import pytest

from addons.sim.ports import free_port

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_no_port_is_given_twice() -> None:
    given = [free_port() for _ in range(50)]
    assert len(set(given)) == 50


def test_a_port_that_somebody_has_is_not_given() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        assert taken.getsockname()[1] not in {free_port() for _ in range(50)}


@pytest.mark.skipif(not RANGE.exists(), reason="only Linux tells its range")
def test_a_connection_is_never_given_the_port_that_it_dials() -> None:
    assert free_port() < int(RANGE.read_text().split()[0])
