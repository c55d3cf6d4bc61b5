"""How long the two clients of the plugin wait, for a daemon and in all."""

import re
from pathlib import Path

from addons.cni.config import Config
from addons.cni.plugin import client

SOURCE = Path(client.__file__).with_name("cni_plugin.c")
KUBELET_SECONDS = 240.0
"""After which a kubelet gives a new sandbox up: twice its `runtimeRequestTimeout`."""


def times_of_c() -> dict[str, float]:
    """The times of the C client in seconds, by name."""
    found = re.findall(r"\b(\w+)_MS =? ?(\d+)", SOURCE.read_text())
    return {name: int(value) / 1000 for name, value in found}


def test_both_clients_wait_alike() -> None:
    ends = "_SECONDS"
    assert times_of_c() == {
        name.removesuffix(ends): value for name, value in vars(client).items() if name.endswith(ends)
    }


def test_an_add_waits_for_a_daemon_that_is_replaced_and_ends_well_before_the_kubelet_gives_up() -> None:
    """On a real Kubernetes that had the image, nobody served for 5 to 8 s; on a busy one, for over 30 s."""
    assert client.AWAY_SECONDS >= 60
    assert client.AWAY_SECONDS + Config().add_timeout.total_seconds() <= KUBELET_SECONDS / 2
    assert client.ADD_SECONDS + client.AWAY_SECONDS < KUBELET_SECONDS
