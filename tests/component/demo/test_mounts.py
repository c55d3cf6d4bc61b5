"""What a process has in place of a container's file system: paths to mounts lead to folders instead."""

from pathlib import Path

import pytest

from addons.demo.suite.mounts import Mounts

MOUNTS = Mounts(
    {"/etc/app": Path("/tmp/w/config"), "/run/app": Path("/tmp/w/run"), "/tmp": Path("/tmp/w/tmp")}
)


@pytest.mark.parametrize(
    ("text", "moved"),
    [
        ("--config=/etc/app/config.yaml", "--config=/tmp/w/config/config.yaml"),
        ("socket: /run/app/cni.sock\nstate: /run/app", "socket: /tmp/w/run/cni.sock\nstate: /tmp/w/run"),
        ("--folder=/tmp", "--folder=/tmp/w/tmp"),
        ("--other=/etc/apples", "--other=/etc/apples"),
        ("--below=/host/etc/app", "--below=/host/etc/app"),
        ("--url=http://127.0.0.1:80/run/app", "--url=http://127.0.0.1:80/run/app"),
        ("no path", "no path"),
    ],
)
def test_a_path_below_a_mount_is_moved_and_no_other(text: str, moved: str) -> None:
    assert MOUNTS.moved(text) == moved


def test_without_mounts_nothing_is_moved() -> None:
    assert Mounts({}).moved("--config=/etc/app/config.yaml") == "--config=/etc/app/config.yaml"
