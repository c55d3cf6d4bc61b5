"""`python -m addons.dns`: read the settings, open the connections, wire the daemon by hand, run."""

import asyncio
import os
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from addons.dns.aws.route53 import Route53
from addons.dns.config import ENV_PREFIXES, Config
from addons.dns.controller.zones import Controller
from addons.dns.desired.scope import scope_of
from addons.dns.kube.reporter import Reporter
from addons.dns.model.actions import Plan
from addons.dns.model.ownership import registry_of
from addons.dns.model.zones import domains_of, roles_of, zone_filter_of
from addons.dns.plan.preview import preview
from addons.runtime import cli
from addons.runtime.app import run_until_stopped
from addons.runtime.aws import AwsSession
from addons.runtime.bucket import Rate
from addons.runtime.decisions import Decisions
from addons.runtime.events import EventRecorder
from addons.runtime.kube import KubeClient
from addons.runtime.leader import Leader
from addons.runtime.web import StatusServer

COMPONENT = "aws-addons-dns"

_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


async def main(config: Config) -> int:
    """Run the daemon until it is stopped, or a single pass; the exit code."""
    async with (
        KubeClient.connect(config.kubeconfig, user_agent=COMPONENT) as kube,
        AwsSession(
            region=config.aws_region,
            endpoint_url=config.aws_endpoint_url,
            rates={"route53": _route53_rate(config)},
        ) as aws,
    ):
        identity = f"{socket.gethostname()}-{os.getpid()}"
        decisions = Decisions()
        recorder = EventRecorder(kube, component=COMPONENT, instance=identity)
        reporter = Reporter(decisions=decisions, recorder=None if config.dry_run else recorder)
        leader = _leader(config, kube, identity, aws.settled)
        controller = _controller(config, kube, aws, reporter, leader)
        decisions.on_demand = controller.decisions_on
        if config.once:
            return await single_pass(controller, recorder)
        status = StatusServer(
            config.listen,
            name="dns",
            ready=controller.watches.not_ready,
            state=controller.state,
            decisions=decisions,
        )
        reconcile = leader.lead(controller.run) if leader else controller.run
        await run_until_stopped(status.serve, controller.watches.run, recorder.run, reconcile)
        return 0


async def single_pass(controller: Controller, recorder: EventRecorder) -> int:
    """Bring every zone to what is wanted, once: 0, or 3 when something failed, each named on stderr."""
    stopping = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(controller.watches.run(stopping))
        group.create_task(recorder.run(stopping))
        failures = await controller.run_once(stopping)
        stopping.set()
    for key, message in sorted(failures.items()):
        sys.stderr.write(f"failed: {key or 'hosted zones'}: {message}\n")
    return 3 if failures else 0


def print_plan(plan: Plan) -> None:
    """Write the plan to stdout, a JSON line for each decision."""
    for line in preview(plan):
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
    sys.stdout.flush()


def _controller(
    config: Config, kube: KubeClient, aws: AwsSession, reporter: Reporter, leader: Leader | None
) -> Controller:
    domains, registry = domains_of(config), registry_of(config)
    route53 = Route53(
        aws,
        zone_filter=zone_filter_of(config, domains),
        registry=registry,
        audit_seconds=config.audit_interval.total_seconds(),
        roles=roles_of(config),
        tags_seconds=config.aws_zones_cache_duration.total_seconds(),
    )
    return Controller(
        config,
        kube=kube,
        route53=route53,
        registry=registry,
        scope=scope_of(config, domains),
        reporter=reporter,
        leader=leader,
        preview=print_plan if config.dry_run else None,
    )


def _route53_rate(config: Config) -> Rate:
    """Up to two seconds' worth of calls at once; none is repeated blindly, our next round knows more."""
    return Rate(per_second=config.aws_rate, burst=max(1, round(2 * config.aws_rate)), attempts=1)


def _leader(
    config: Config, kube: KubeClient, identity: str, settled: Callable[[], Awaitable[None]]
) -> Leader | None:
    """A single pass and a dry run need no lease: they end soon, or change nothing."""
    if not config.leader_elect or config.once or config.dry_run:
        return None
    return Leader(
        kube,
        namespace=config.leader_elect_namespace or _pod_namespace(),
        name=config.leader_elect_name or COMPONENT,
        identity=identity,
        settled=settled,
    )


def _pod_namespace() -> str:
    """The namespace that we run in; `default` outside of a cluster."""
    return _NAMESPACE_FILE.read_text().strip() if _NAMESPACE_FILE.exists() else "default"


if __name__ == "__main__":
    sys.exit(cli.run("dns", Config, main, sys.argv[1:], env_prefixes=ENV_PREFIXES))
