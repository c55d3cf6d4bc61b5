"""Enter network namespaces. Only threads made for that do it: whatever else a thread does would move with it.

Entering needs CAP_SYS_ADMIN; a socket that was made inside stays inside, and needs CAP_NET_ADMIN only.
"""

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from addons.runtime.errors import Denied, Invalid, NotFound, OutsideError, Unavailable

OWN = "/proc/thread-self/ns/net"
"""The namespace in which the thread is."""

_CLONE_NEWNET = 0x40000000
_setns = ctypes.PyDLL(None, use_errno=True).setns  # shorter than to let other threads of Python run meanwhile
_TREE: dict[int, type[OutsideError]] = {
    errno.ENOENT: NotFound,
    errno.ENOTDIR: NotFound,
    errno.EINVAL: NotFound,  # the file from which a namespace was unmounted
    errno.EPERM: Denied,
    errno.EACCES: Denied,
}


@contextmanager
def opened(path: str) -> Iterator[int]:
    """Give a descriptor of the namespace. Raises `NotFound` when it is gone, `Denied`, `Unavailable`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _refusal(error.errno or 0, path) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def inside(descriptor: int, *, home: int, name: str) -> Iterator[None]:
    """Be in another namespace than `home` meanwhile. Raises `Invalid` when it is the same."""
    if os.fstat(descriptor).st_ino == os.fstat(home).st_ino:
        raise Invalid(f"namespace {name}: is that of the node itself")
    enter(descriptor, name)
    try:
        yield
    finally:
        enter(home, "of the node")


def enter(descriptor: int, name: str) -> None:
    """Move this thread into a namespace."""
    if _setns(descriptor, _CLONE_NEWNET):
        raise _refusal(ctypes.get_errno(), name)


def _refusal(code: int, name: str) -> OutsideError:
    error = _TREE.get(code, Unavailable)
    words = "is not a namespace any more" if code == errno.EINVAL else os.strerror(code).lower()
    if error is Denied:
        words += ": entering one needs CAP_SYS_ADMIN"
    return error(f"namespace {name}: {words}", code=errno.errorcode.get(code, str(code)))
