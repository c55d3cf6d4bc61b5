"""Rights of this thread with the kernel, taken away for a while."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_ADMIN = 12, 13, 21

_VERSION_3 = 0x20080522
_libc = ctypes.CDLL(None, use_errno=True)


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Sets(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")]


@contextmanager
def without(capability: int) -> Iterator[None]:
    """Go on without a capability; it comes back at the end."""
    header, sets = _Header(_VERSION_3, 0), (_Sets * 2)()
    _call("capget", header, sets)
    word, before = sets[capability // 32], sets[capability // 32].effective
    word.effective = before & ~(1 << capability % 32)
    _call("capset", header, sets)
    try:
        yield
    finally:
        word.effective = before
        _call("capset", header, sets)


def _call(name: str, header: _Header, sets: "ctypes.Array[_Sets]") -> None:
    if getattr(_libc, name)(ctypes.byref(header), ctypes.byref(sets)) != 0:
        raise OSError(ctypes.get_errno(), name)
