"""The command beside the daemon: put the plugin on the host, as the init container of its pod."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from addons.cni.config import Config
from addons.cni.plugin.install import install_plugin

HELP = """commands, written before all settings:
  install
        Put the plugin into --cni-bin-dir. The network configuration is written by the daemon, when pods can
        start.

"""

Entry = Callable[[Config], Coroutine[Any, Any, int | None]]


def command_of(argv: Sequence[str]) -> tuple[Entry | None, list[str]]:
    """Give the command that the first argument names, or None, and the arguments that are settings."""
    if argv and argv[0] == "install":
        return install, list(argv[1:])
    return None, list(argv)


async def install(config: Config) -> int:
    """Put the plugin where the runtime looks; 0. Raises SettingError."""
    install_plugin(config)
    return 0
