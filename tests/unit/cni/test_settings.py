"""Settings of cni that the kernel would refuse are refused at the start, with what is allowed."""

import pytest

from addons.cni.config import Config
from addons.runtime.settings import SettingError, load


def loaded(*argv: str) -> Config:
    return load(Config, ["--node=node-1", "--cluster-name=demo", *argv], {})


def test_a_socket_with_a_path_that_the_kernel_cannot_hold_is_refused() -> None:
    with pytest.raises(SettingError, match=r"^--socket: .* is not allowed: a path.* 102 characters$"):
        loaded(f"--socket=/{'a' * 102}")


def test_the_longest_path_of_a_socket_is_taken() -> None:
    assert len(loaded(f"--socket=/{'a' * 101}").socket) == 102
