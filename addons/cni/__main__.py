"""`python -m addons.cni [install|webhook]`: read the settings, then run the daemon or a command."""

import sys
from collections.abc import Sequence

from msgspec.structs import replace

from addons.cni.commands import HELP, command_of
from addons.cni.config import ENV_PREFIXES, RETIRED, Config
from addons.cni.controller.build import NAME, build, connected
from addons.runtime import cli
from addons.runtime.daemon import live
from addons.runtime.settings import SettingError


async def main(config: Config) -> int:
    """Run the daemon until it is stopped, or a single pass; the exit code. A dry run is a single pass."""
    if not config.node:
        raise SettingError("--node is required: the name of the node that this daemon is for")
    if config.dry_run:
        config = replace(config, once=True)
    async with connected(config) as parts:
        return await live(NAME, config, parts, build(config, parts))


def run(argv: Sequence[str]) -> int:
    """Run the daemon, or the command that the first argument names; the exit code."""
    if not {"--help", "-h"}.isdisjoint(argv):
        sys.stdout.write(HELP)
    command, settings = command_of(argv)
    return cli.run(NAME, Config, command or main, settings, env_prefixes=ENV_PREFIXES, retired=RETIRED)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
