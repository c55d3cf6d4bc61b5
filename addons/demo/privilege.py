"""Network namespaces for who is not root: a user namespace, where the kernel permits one.

There we are root over networks that we made, and over nothing else. Nobody outside reaches them: `entrance`
gives the words that lead in.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_STATUS = Path("/proc/self/status")
_NEEDED = (1 << 12) | (1 << 21)  # CAP_NET_ADMIN, CAP_SYS_ADMIN
_INSIDE = "ADDONS_DEMO_USER_NAMESPACE"
_UNSHARE = ("unshare", "--user", "--map-root-user", "--net", "--mount")
_PRELUDE = 'mount -t tmpfs none /run && mkdir -p /run/netns && ip link set lo up && exec "$@"'


def enter_user_namespace(command: Sequence[str]) -> None:
    """Become `command` in a user namespace, if that is what makes networks possible; else do nothing.

    `command` is how this program was started: it does not return here, but starts anew there.
    """
    if sys.platform != "linux" or is_privileged() or _INSIDE in os.environ or not _permitted():
        return
    os.environ[_INSIDE] = "1"
    os.execvp(_UNSHARE[0], [*_UNSHARE, "sh", "-c", _PRELUDE, "sh", *command])


def entrance() -> str:
    """Say how a shell gets to where we are; "" where it is there already."""
    if _INSIDE not in os.environ:
        return ""
    words = "# all of this is in a user namespace, and so must be who looks at it:"
    return f"\n{words}\nnsenter --target={os.getpid()} --user --net --mount --preserve-credentials bash"


def is_privileged() -> bool:
    """Whether network namespaces can be made here."""
    if sys.platform != "linux":
        return False
    lines = _STATUS.read_text().splitlines()
    line = next(line for line in lines if line.startswith("CapEff:"))
    return int(line.split()[1], 16) & _NEEDED == _NEEDED


def _permitted() -> bool:
    """Whether the kernel lets us have a user namespace with all that is needed, tried out by a child."""
    if shutil.which(_UNSHARE[0]) is None:
        return False
    trial = [*_UNSHARE, "sh", "-c", _PRELUDE, "sh", "ip", "netns", "add", "tried"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0
