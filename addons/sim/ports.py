"""Ports for servers that are told where to listen, and are dialled until they do."""

import random
import socket
from contextlib import suppress
from pathlib import Path

_LEAST = 15_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_ELSEWHERE = 32_768  # where there is no such file, as on a Mac


def free_port() -> int:
    """Give a port of loopback that nobody has; each call gives another one.

    It is none of those that the kernel gives to connections: one that dials a port where nobody listens yet
    may be given that very port, and then talks to itself.
    """
    for port in _PORTS:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")


def _first_of_the_kernel() -> int:
    try:
        return int(_RANGE.read_text().split()[0])
    except OSError:
        return _ELSEWHERE


_PORTS = iter(random.sample(range(_LEAST, _first_of_the_kernel()), k=_first_of_the_kernel() - _LEAST))
