"""`python -m addons.iamproxy [check|cleanup]`: read the settings, then run the daemon or a command."""

import asyncio
import logging
import socket
import sys
from collections.abc import Sequence

import msgspec

from addons.iamproxy.commands import HELP, command_of
from addons.iamproxy.config import ENV_PREFIXES, RETIRED, Config
from addons.iamproxy.controller.build import build_controller, build_metadata, connections, redirect_settings
from addons.iamproxy.controller.node import Controller
from addons.iamproxy.desired.grants import Desired
from addons.iamproxy.model.actions import Plan
from addons.iamproxy.net.redirect import Redirect
from addons.iamproxy.plan import preview
from addons.iamproxy.server.audit import writing_to
from addons.iamproxy.server.listener import MetadataServer, Place
from addons.runtime import cli
from addons.runtime.app import run_until_stopped
from addons.runtime.decisions import Decisions
from addons.runtime.errors import AlreadyExists
from addons.runtime.events import EventRecorder
from addons.runtime.imds import InstanceMetadata, endpoint_at, find_region
from addons.runtime.settings import SettingError
from addons.runtime.web import StatusServer

COMPONENT = "aws-addons-iamproxy"

log = logging.getLogger(__name__)

_LISTEN_SECONDS = 20.0
_GRACE_SECONDS = 4.0
"""For the services to stop, after up to 15 seconds in which another daemon takes over: 20 in all."""


async def main(config: Config) -> int:
    """Run the daemon until it is stopped, or a single pass; the exit code."""
    if not config.node:
        raise SettingError("--node is required: the name of the node that this daemon is for")
    if config.once or config.dry_run or config.interceptor == "none":
        return await _run(config, None)
    redirect = Redirect(redirect_settings(config))
    try:
        await redirect.close_off()
        return await _run(config, redirect)
    finally:
        redirect.close()


async def _run(config: Config, redirect: Redirect | None) -> int:
    if not config.dry_run:
        region = await find_region(config.aws_region, endpoint=endpoint_at(config.metadata_addr))
        config = msgspec.structs.replace(config, aws_region=region)
    async with connections(config, component=COMPONENT) as (kube, aws):
        decisions = Decisions()
        recorder = EventRecorder(kube, component=COMPONENT, instance=config.node)
        controller = build_controller(
            config,
            kube=kube,
            aws=aws,
            decisions=decisions,
            recorder=recorder,
            uncovered=lambda: redirect.uncovered if redirect else "",
            preview=print_plan if config.dry_run else None,
        )
        if config.once or config.dry_run:
            return await single_pass(controller, recorder)
        await _serve(config, controller, redirect, decisions, recorder)
        return 0


async def single_pass(controller: Controller, recorder: EventRecorder) -> int:
    """Fetch the credentials of every pod of the node, once: 0, or 3 where some failed, named on stderr."""
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(controller.watches.run(stopping))
        group.create_task(recorder.run(stopping))
        failures = await controller.run_once()
        stopping.set()
    for key, message in sorted(failures.items()):
        sys.stderr.write(f"failed: {key}: {message}\n")
    return 3 if failures else 0


def print_plan(desired: Desired, plan: Plan) -> None:
    """Write the plan to stdout, a JSON line for each decision."""
    for line in preview(desired.pods, plan):
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()


async def _serve(
    config: Config,
    controller: Controller,
    redirect: Redirect | None,
    decisions: Decisions,
    recorder: EventRecorder,
) -> None:
    places: Sequence[Place] = [("", config.app_port)]
    if redirect:
        places = await _listen(redirect, controller)
        await redirect.ensure()
    async with InstanceMetadata.connect(endpoint_at(config.metadata_addr)) as node:
        metadata = build_metadata(
            config,
            addresses=controller.addresses,
            credentials=controller.credentials,
            read_node_key=node.read,
            write_audit=writing_to(sys.stdout.fileno()),
        )
        server = MetadataServer(metadata, places, only_redirected=redirect is not None)
        status = StatusServer(
            config.listen,
            name="iamproxy",
            ready=lambda: _not_ready(controller, redirect),
            state=controller.state,
            decisions=decisions,
            reuse_port=True,
        )
        services = (
            status.serve,
            server.serve,
            controller.watches.run,
            controller.assignments.run,
            controller.run,
            recorder.run,
        )
        if redirect:
            await run_until_stopped(
                *services, redirect.keep, grace=_GRACE_SECONDS, before_stopping=redirect.hand_over
            )
        else:
            await run_until_stopped(*services)


async def _listen(redirect: Redirect, controller: Controller) -> list[socket.socket]:
    """Listen beside another daemon of the node. Where two listen already, one is given time to end."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _LISTEN_SECONDS
    while True:
        try:
            return redirect.listen(is_warm=lambda: controller.is_warm)
        except AlreadyExists as error:
            if loop.time() > until:
                raise
            log.info("waiting: %s", error.message)
            await asyncio.sleep(1)


def _not_ready(controller: Controller, redirect: Redirect | None) -> str:
    return controller.not_ready() or (redirect.not_ready() if redirect else "")


def run(argv: Sequence[str]) -> int:
    """Run the daemon, or the command that the first argument names; the exit code."""
    if not {"--help", "-h"}.isdisjoint(argv):
        sys.stdout.write(HELP)
    command, rest = command_of(argv)
    return cli.run("iamproxy", Config, command or main, rest, env_prefixes=ENV_PREFIXES, retired=RETIRED)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
