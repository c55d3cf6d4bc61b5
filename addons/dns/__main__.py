"""`python -m addons.dns`: read the settings, open the connections, put the daemon together, run it."""

import sys

from addons.dns.config import ENV_PREFIXES, Config
from addons.dns.controller.build import build, rates
from addons.runtime import cli
from addons.runtime.daemon import connect, live

NAME = "dns"


async def main(config: Config) -> int:
    """Run the daemon until it is stopped, or a single pass; the exit code."""
    async with connect(NAME, config, rates=rates(config)) as parts:
        return await live(NAME, config, parts, build(config, parts))


if __name__ == "__main__":
    sys.exit(cli.run(NAME, Config, main, sys.argv[1:], env_prefixes=ENV_PREFIXES))
