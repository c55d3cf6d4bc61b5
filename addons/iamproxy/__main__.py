"""`python -m addons.iamproxy [check|cleanup]`: read the settings, then run the daemon or a command."""

import sys
from collections.abc import Sequence

from msgspec.structs import replace

from addons.iamproxy.commands import HELP, command_of
from addons.iamproxy.config import ENV_PREFIXES, RETIRED, Config, asks_for_base
from addons.iamproxy.controller.build import (
    NAME,
    build,
    build_controller,
    connected,
    redirect_settings,
    region_of,
    trouble_of,
    with_region,
)
from addons.iamproxy.net.redirect import Redirect
from addons.iamproxy.server.listener import Place
from addons.iamproxy.server.node_keys import NodeKeys
from addons.runtime import cli
from addons.runtime.daemon import live
from addons.runtime.imds import InstanceMetadata, endpoint_at
from addons.runtime.settings import SettingError


async def main(config: Config) -> int:
    """Run the daemon until it is stopped, or a single pass; the exit code. A dry run is a single pass."""
    if not config.node:
        raise SettingError("--node is required: the name of the node that this daemon is for")
    if config.dry_run:
        complete = await with_region(config) if asks_for_base(config) else config
        return await _run(replace(complete, once=True), None)
    if config.once:
        return await _run(await with_region(config), None)
    if config.interceptor == "none":
        return await _run(config, None)
    redirect = Redirect(redirect_settings(config))
    try:
        await redirect.close_off()
        return await _run(config, redirect)
    finally:
        redirect.close()


async def _run(config: Config, redirect: Redirect | None) -> int:
    async with (
        connected(config) as parts,
        InstanceMetadata.connect(endpoint_at(config.metadata_addr)) as node,
    ):
        uncovered = (lambda: redirect.uncovered) if redirect else (lambda: "")
        region = region_of(config, parts)
        node_keys = NodeKeys(node.read, config.metadata_allow)
        controller = build_controller(config, parts, uncovered=uncovered, trouble=trouble_of(parts, region))
        places: Sequence[Place] = [("", config.app_port)]
        if redirect:
            places = await redirect.listen(is_warm=lambda: controller.is_warm and node_keys.has_looked)
            await redirect.ensure()
        daemon = build(
            config, controller, node_keys=node_keys, region=region, places=places, redirect=redirect
        )
        return await live(NAME, config, parts, daemon)


def run(argv: Sequence[str]) -> int:
    """Run the daemon, or the command that the first argument names; the exit code."""
    if not {"--help", "-h"}.isdisjoint(argv):
        cli.say(HELP)
    try:
        command, settings = command_of(argv)
    except SettingError as error:
        sys.stderr.write(f"addons {NAME}: {error}\n")
        return 2
    return cli.run(NAME, Config, command or main, settings, env_prefixes=ENV_PREFIXES, retired=RETIRED)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
