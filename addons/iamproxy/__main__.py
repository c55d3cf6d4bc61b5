"""`python -m addons.iamproxy [check|cleanup]`: read the settings, wire the daemon by hand, run."""

import argparse
import asyncio
import logging
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from addons.iamproxy.aws.node_metadata import NodeMetadata
from addons.iamproxy.aws.region import find_region
from addons.iamproxy.aws.sts import Sts
from addons.iamproxy.config import ENV_PREFIXES, Config, base_arn, retired
from addons.iamproxy.controller.cleanup import clean_up_nodes, hold, what_is_left
from addons.iamproxy.controller.explain import explain
from addons.iamproxy.controller.node import Controller
from addons.iamproxy.controller.policy_file import PolicyFile
from addons.iamproxy.desired.grants import Desired, Rules
from addons.iamproxy.kube.daemonset import DaemonSets
from addons.iamproxy.kube.issuer import TokenIssuer
from addons.iamproxy.kube.reporter import Reporter
from addons.iamproxy.model import Grant, Plan, Verdict
from addons.iamproxy.net.redirect import Redirect
from addons.iamproxy.net.table import RedirectSettings
from addons.iamproxy.plan import preview
from addons.iamproxy.server.audit import Audit, writing_to
from addons.iamproxy.server.limits import ServerLimits
from addons.iamproxy.server.listener import MetadataServer, Place
from addons.iamproxy.server.metadata import Metadata
from addons.iamproxy.server.node_keys import NodeKeys
from addons.iamproxy.server.routes import Routes
from addons.iamproxy.server.tokens import Tokens, load_key, new_key
from addons.runtime import cli
from addons.runtime.app import run_until_stopped
from addons.runtime.aws import AwsSession
from addons.runtime.bucket import Rate
from addons.runtime.decisions import Decisions
from addons.runtime.errors import AlreadyExists, OutsideError
from addons.runtime.events import EventRecorder
from addons.runtime.kube import KubeClient
from addons.runtime.objects import NAMESPACES, PODS, Namespace, Pod
from addons.runtime.setting_values import BadValue, parse_duration
from addons.runtime.settings import SettingError
from addons.runtime.web import StatusServer, parse_listen

COMPONENT = "aws-addons-iamproxy"
CLEANUP = f"{COMPONENT}-cleanup"

_COMMANDS = """commands, written before all settings:
  check --pod NAMESPACE/NAME
        Tell which role a pod gets and why, or why none.
  cleanup
        Take the redirect away from this node: pods reach the node's metadata again.
  cleanup --daemonset NAMESPACE/NAME [--timeout 5m]
        Have every node cleaned up by the pods of this DaemonSet, and wait.

"""

log = logging.getLogger(__name__)

_STS_SECONDS = 5.0
_STS_THREADS = 32
"""With fewer, a slow STS would be asked less than `--sts-rate`, and many new pods wait for one another."""
_SEAT_SECONDS = 20.0
_GRACE_SECONDS = 4.0
"""For the services to stop, after up to 15 seconds in which a successor takes over: 20 in all."""


async def main(config: Config) -> int:
    """Run the daemon until it is stopped, or a single pass; the exit code."""
    if not config.node:
        raise SettingError("--node is required: the name of the node that this daemon is for")
    if config.once or config.dry_run or config.interceptor == "none":
        return await _run(config, None)
    redirect = _redirect(config)
    try:
        await redirect.close_off()
        return await _run(config, redirect)
    finally:
        redirect.close()


async def _run(config: Config, redirect: Redirect | None) -> int:
    config = msgspec.structs.replace(config, aws_region=await _region(config))
    async with _connections(config) as (kube, aws):
        decisions = Decisions()
        recorder = EventRecorder(kube, component=COMPONENT, instance=config.node)
        reporter = Reporter(decisions=decisions, recorder=None if config.dry_run else recorder)
        controller = Controller(
            config,
            kube=kube,
            sts=_sts(config, kube, aws),
            reporter=reporter,
            policy=_policy(config),
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


async def check(pod: str, config: Config) -> int:
    """Explain the decision about one pod: 0 when it is granted a role, 3 when not."""
    namespace, name = _split("--pod", pod)
    try:
        verdict, text = await _explain(namespace, name, config)
    except OutsideError as error:
        sys.stderr.write(f"cannot tell: {error.message}\n")
        return 3
    sys.stdout.write(text + "\n")
    return 0 if isinstance(verdict, Grant) else 3


def _split(flag: str, text: str) -> tuple[str, str]:
    namespace, _, name = text.partition("/")
    if not (namespace and name) or "/" in name:
        raise SettingError(f"{flag} {text!r}: not NAMESPACE/NAME")
    return namespace, name


async def _explain(namespace: str, name: str, config: Config) -> tuple[Verdict, str]:
    async with _connections(config) as (kube, aws):
        found = await kube.get(PODS, Pod, namespace=namespace, name=name)
        space = await kube.get(NAMESPACES, Namespace, name=namespace)
        base = base_arn(config)
        if not base and config.auto_discover_base_arn:
            base = await _sts(config, kube, aws).base_arn()
        policy = _policy(config)
        rules = Rules(config, base, policy.policy if policy else None)
        return explain(found, space, rules)


async def cleanup(config: Config, *, stay: bool = False) -> int:
    """Take the redirect and the key of tokens from this node; to `stay` is to tell of it until SIGTERM."""
    _forget_key(config)
    redirect = _redirect(config)
    try:
        await (hold(redirect, config.listen) if stay else redirect.remove())
    finally:
        redirect.close()
    return 0


def _forget_key(config: Config) -> None:
    if config.token_key_file:
        Path(config.token_key_file).unlink(missing_ok=True)


async def cleanup_by(daemon_set: str, patience: str, config: Config) -> int:
    """Have the pods of a DaemonSet take the redirect away from every node: 0, or 3 and what is left to do."""
    namespace, name = _split("--daemonset", daemon_set)
    try:
        seconds = parse_duration(patience)
    except BadValue as error:
        raise SettingError(f"--timeout {patience!r}: not a duration, such as 4m") from error
    async with KubeClient.connect(config.kubeconfig, user_agent=CLEANUP) as kube:
        result = await clean_up_nodes(DaemonSets(kube, namespace, name, manager=CLEANUP), patience=seconds)
    if result.is_done:
        sys.stdout.write(f"cleaned up: {result.nodes} nodes\n")
        return 0
    sys.stderr.write(what_is_left(result, namespace, name))
    return 3


async def _serve(
    config: Config,
    controller: Controller,
    redirect: Redirect | None,
    decisions: Decisions,
    recorder: EventRecorder,
) -> None:
    places: Sequence[Place] = [("", config.app_port)]
    if redirect:
        places = await _sit_down(redirect, controller)
        await redirect.ensure()
    async with aiohttp.ClientSession() as session:
        metadata = _metadata(config, controller, session)
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


async def _sit_down(redirect: Redirect, controller: Controller) -> list[socket.socket]:
    """Listen beside the daemon that is there already. One that is just ending gets the time to do so."""
    loop = asyncio.get_running_loop()
    until = loop.time() + _SEAT_SECONDS
    while True:
        try:
            return redirect.sit_down(is_warm=lambda: controller.is_warm)
        except AlreadyExists as error:
            if loop.time() > until:
                raise
            log.info("waiting: %s", error.message)
            await asyncio.sleep(1)


def _metadata(config: Config, controller: Controller, session: aiohttp.ClientSession) -> Metadata:
    return Metadata(
        addresses=controller.addresses,
        vault=controller.vault,
        tokens=Tokens(_token_key(config)),
        audit=Audit(writing_to(sys.stdout.fileno())),
        routes=Routes(config.metadata_allow),
        node_keys=NodeKeys(NodeMetadata(session, address=config.metadata_addr).read),
        limits=ServerLimits(),
        imdsv2=config.imdsv2,
    )


def _token_key(config: Config) -> bytes:
    if not config.token_key_file:
        return new_key()
    try:
        return load_key(Path(config.token_key_file))
    except OSError as error:
        raise SettingError(f"--token-key-file {config.token_key_file}: {error.strerror}") from error


def _not_ready(controller: Controller, redirect: Redirect | None) -> str:
    if redirect and not redirect.is_in_place:
        complaint = "the redirect leads to the daemon before this one" if redirect.waits else "no redirect"
        return controller.not_ready() or complaint
    return controller.not_ready()


def _redirect(config: Config) -> Redirect:
    return Redirect(redirect_settings(config))


def redirect_settings(config: Config) -> RedirectSettings:
    """What the settings say about the redirect."""
    return RedirectSettings(
        port=config.app_port,
        admin_port=parse_listen(config.listen)[1],
        interfaces=config.host_interface,
        admin_networks=tuple(map(ip_network, config.admin_networks)),
    )


def _policy(config: Config) -> PolicyFile | None:
    return PolicyFile(Path(config.policy_file)) if config.policy_file else None


def _sts(config: Config, kube: KubeClient, aws: AwsSession) -> Sts:
    issuer = TokenIssuer(kube, audience=config.token_audience)
    return Sts(aws, issue_token=issuer.issue, broker=config.assume_role_arn)


async def _region(config: Config) -> str:
    if config.dry_run:
        return config.aws_region
    async with aiohttp.ClientSession() as session:
        return await find_region(config.aws_region, NodeMetadata(session, address=config.metadata_addr).read)


@asynccontextmanager
async def _connections(config: Config) -> AsyncIterator[tuple[KubeClient, AwsSession]]:
    rate = Rate(per_second=config.sts_rate, burst=5 * max(1, int(config.sts_rate)))
    async with (
        KubeClient.connect(config.kubeconfig, user_agent=COMPONENT) as kube,
        AwsSession(
            region=config.aws_region,
            endpoint_url=config.aws_endpoint_url,
            rates={"sts": rate},
            read_seconds=_STS_SECONDS,
            threads=_STS_THREADS,
        ) as aws,
    ):
        yield kube, aws


def run(argv: Sequence[str]) -> int:
    """Run the daemon, or the command that the first argument names; the exit code."""
    command = argv[0] if argv else ""
    entry: Callable[[Config], Coroutine[Any, Any, int | None]] = main
    rest = list(argv)
    if not {"--help", "-h"}.isdisjoint(argv):
        sys.stdout.write(_COMMANDS)
    if command == "check":
        parser = argparse.ArgumentParser("addons iamproxy check", add_help=False, allow_abbrev=False)
        parser.add_argument("--pod", default="")
        asked, rest = parser.parse_known_args(rest[1:])
        entry = partial(check, asked.pod)
    elif command == "cleanup":
        parser = argparse.ArgumentParser("addons iamproxy cleanup", add_help=False, allow_abbrev=False)
        parser.add_argument("--hold", action="store_true")
        parser.add_argument("--daemonset")
        parser.add_argument("--timeout", default="5m")
        asked, rest = parser.parse_known_args(rest[1:])
        entry = partial(cleanup, stay=asked.hold)
        if asked.daemonset is not None:
            entry = partial(cleanup_by, asked.daemonset, asked.timeout)
    if complaint := retired(rest):
        sys.stderr.write(f"addons iamproxy: {complaint}\n")
        return 2
    return cli.run("iamproxy", Config, entry, rest, env_prefixes=ENV_PREFIXES)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
