"""The old flavour of iptables, apart from nftables in the kernel: read from here, changed by its program.

Reading takes a raw socket (CAP_NET_RAW); numbers and shapes are those of linux/netfilter_ipv4/ip_tables.h.
"""

import ctypes
import os
import shlex
import shutil
import socket
import struct
import subprocess
from collections.abc import Collection, Iterator
from pathlib import Path

from addons.runtime.errors import Denied, Unavailable

PROGRAM = "iptables-legacy"

_TABLES = Path("/proc/thread-self/net/ip_tables_names")
_GET_INFO, _GET_ENTRIES = 64, 65
_INFO = struct.Struct("=32s12II")  # name, hooks, number of entries; then their size
_ENTRIES = struct.Struct("=32sI4x")  # name, size; then the entries
_getsockopt = ctypes.CDLL(None, use_errno=True).getsockopt


def tables_with(words: Collection[str], among: Collection[str]) -> list[str]:
    """Give the tables, of those named, in which one of the words stands. Raises `Unavailable`."""
    if not _TABLES.exists():
        return []
    there = [name for name in _TABLES.read_text().split() if name in among]
    return sorted(name for name in there if any(word.encode() in _entries(name) for word in words))


def remove(table: str, words: Collection[str], chains: tuple[str, ...]) -> Iterator[str]:
    """Remove rules with one of the words, and chains whose names so begin. Raises `Unavailable`."""
    if not shutil.which(PROGRAM):
        raise Unavailable(
            f"table {table} of {PROGRAM}: has rules of the original, and {PROGRAM} is not here to remove them"
        )
    listed = _run("-t", table, "-S").splitlines()
    found = [shlex.split(line) for line in listed if any(word in line for word in (*chains, *words))]
    own = [line[1] for line in found if line[0] == "-N"]
    for line in found:
        if line[0] == "-A" and line[1] not in own:
            _run("-t", table, "-D", *line[1:])
            yield f"a rule in chain {line[1]} of table {table}"
    for action in ("-F", "-X"):
        for chain in own:
            _run("-t", table, action, chain)
    yield from (f"chain {chain} of table {table}" for chain in own)


def _entries(table: str) -> bytes:
    with _raw_socket() as asking:
        info = _ask(asking, _GET_INFO, _INFO.pack(table.encode(), *(0,) * 13), table)
        size = _INFO.unpack(info)[-1]
        return _ask(asking, _GET_ENTRIES, _ENTRIES.pack(table.encode(), size) + bytes(size), table)


def _raw_socket() -> socket.socket:
    try:
        return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    except PermissionError as error:
        raise Denied(f"tables of {PROGRAM}: reading them needs CAP_NET_RAW") from error


def _ask(asking: socket.socket, option: int, question: bytes, table: str) -> bytes:
    buffer = ctypes.create_string_buffer(question, len(question))
    length = ctypes.c_uint32(len(question))
    if _getsockopt(asking.fileno(), socket.IPPROTO_IP, option, buffer, ctypes.byref(length)):
        words = os.strerror(ctypes.get_errno()).lower()
        raise Unavailable(f"table {table} of {PROGRAM}: {words}")
    return buffer.raw


def _run(*arguments: str) -> str:
    done = subprocess.run([PROGRAM, "-w", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"{PROGRAM} {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
