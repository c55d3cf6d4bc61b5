"""`python -m addons.dns [check]`: read the settings, then run the daemon or the command."""

import sys
from collections.abc import Sequence

from addons.dns.commands import HELP, command_of
from addons.dns.config import ENV_PREFIXES, RETIRED, Config
from addons.dns.controller.build import build, rates
from addons.runtime import cli
from addons.runtime.daemon import connect, live

NAME = "dns"


async def main(config: Config) -> int:
    """Run the daemon until it is stopped, or a single pass; the exit code."""
    async with connect(NAME, config, rates=rates(config)) as parts:
        return await live(NAME, config, parts, build(config, parts))


def run(argv: Sequence[str]) -> int:
    """Run the daemon, or the command that the first argument names; the exit code."""
    if not {"--help", "-h"}.isdisjoint(argv):
        cli.say(HELP)
    command, settings = command_of(argv)
    return cli.run(NAME, Config, command or main, settings, env_prefixes=ENV_PREFIXES, retired=RETIRED)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
