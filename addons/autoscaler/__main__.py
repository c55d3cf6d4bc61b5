"""`python -m addons.autoscaler [check|matrix]`: read the settings, then run the daemon or the command."""

import gc
import sys
from collections.abc import Sequence

from addons.autoscaler.commands import HELP, command_of, run_matrix
from addons.autoscaler.config import ENV_PREFIXES, RETIRED, Config
from addons.autoscaler.controller.build import NAME, build, connected
from addons.runtime import cli
from addons.runtime.daemon import live

_NEW, _YOUNG, _OLD = 100_000, 50, 10
"""How many new objects, and rounds over them, come before the garbage collector looks for cycles."""


async def main(config: Config) -> int:
    """Run the daemon until it is stopped, or a single pass; the exit code."""
    # Records of pods are many, stay, and are in no cycle: looking through them costs a third of the start.
    gc.set_threshold(_NEW, _YOUNG, _OLD)
    async with connected(config) as parts:
        return await live(NAME, config, parts, build(config, parts))


def run(argv: Sequence[str]) -> int:
    """Run the daemon, or the command that the first argument names; the exit code."""
    if argv[:1] == ["matrix"]:
        return run_matrix(argv[1:])
    if not {"--help", "-h"}.isdisjoint(argv):
        cli.say(HELP)
    command, settings = command_of(argv)
    return cli.run(NAME, Config, command or main, settings, env_prefixes=ENV_PREFIXES, retired=RETIRED)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
