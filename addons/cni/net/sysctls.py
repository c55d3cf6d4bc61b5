"""Settings of the kernel for networks: read, compared, written.

Containers have /proc/sys read-only unless they are privileged. The host's own /proc/sys/net, mounted
elsewhere, can be written with CAP_NET_ADMIN, and shows the namespace of the thread that reads it.
"""

import errno
import os
from collections.abc import Mapping
from pathlib import Path

from addons.runtime.errors import Denied, NotFound, OutsideError, Unavailable

ROOTS = (Path("/host/proc/sys/net"), Path("/proc/sys/net"))
"""Where it is mounted for a daemon in a container, and where it always is."""

_TREE: dict[int, type[OutsideError]] = {
    errno.ENOENT: NotFound,
    errno.EROFS: Denied,
    errno.EACCES: Denied,
    errno.EPERM: Denied,
}


class Sysctls:
    """The settings below one of the roots; names are paths such as `ipv4/ip_forward`."""

    def __init__(self, *roots: Path) -> None:
        self._root = next(root for root in (*roots, *ROOTS) if root.is_dir())
        self._has_ipv6 = (self._root / "ipv6").is_dir()

    def differences(self, wanted: Mapping[str, str]) -> list[str]:
        """Say which settings are not as wanted; those that this kernel lacks do not count."""
        found = {name: self.read(name) for name in wanted}
        return [
            f"{name} is {found[name]}, not {value}"
            for name, value in wanted.items()
            if found[name] not in ("", value)
        ]

    def read(self, name: str) -> str:
        """Give a setting; "" when this kernel has none of that name."""
        try:
            return (self._root / name).read_text().strip()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise self._refusal(error, name) from error

    def write(self, name: str, value: str) -> None:
        """Set it. Raises `Denied` where this place is mounted read-only, `NotFound` when it is gone."""
        try:
            descriptor = os.open(f"{self._root}/{name}", os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(descriptor, value.encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._refusal(error, name) from error

    def quiet(self, link: str) -> None:
        """Take no IPv6 from a pod: its router advertisements would have the node send elsewhere."""
        name = f"ipv6/conf/{link}/disable_ipv6"
        try:
            if self._has_ipv6:
                self.write(name, "1")
        except Denied:
            if self.read(name) != "1":  # as it is where the node has no IPv6 for new links
                raise

    def _refusal(self, error: OSError, name: str) -> OutsideError:
        kind = _TREE.get(error.errno or 0, Unavailable)
        advice = f"; {ROOTS[0]} is to be the host's /proc/sys/net" if kind is Denied else ""
        words = (error.strerror or "").lower()
        return kind(f"{self._root}/{name}: {words}{advice}", code=errno.errorcode.get(error.errno or 0, ""))
