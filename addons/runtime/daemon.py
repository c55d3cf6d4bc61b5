"""The life of a daemon, the same for all: connections, reports, leadership, one pass, a dry run, the end."""

import asyncio
import logging
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from addons.runtime.app import at_once, end_within, run_until_stopped, stopped_by_signals, version
from addons.runtime.aws import AwsSession
from addons.runtime.aws_identity import AwsIdentity
from addons.runtime.bucket import Rate
from addons.runtime.clock import rfc3339
from addons.runtime.decisions import Decision, Decisions
from addons.runtime.errors import OutsideError
from addons.runtime.events import EventRecorder
from addons.runtime.faults import Faults, FaultSource
from addons.runtime.kube import KubeClient
from addons.runtime.kube_access import SERVICE_ACCOUNT_FILES, own_pod
from addons.runtime.leader import Leader, leader_now
from addons.runtime.outcomes import Fault
from addons.runtime.plan_output import PlanOutput, PrintPlan
from addons.runtime.reporter import Reporter
from addons.runtime.runnable import Runnable
from addons.runtime.settings import CommonConfig, LeaderConfig, SettingError
from addons.runtime.web import StatusServer

log = logging.getLogger(__name__)

_READING_SECONDS = 2.0

Failures = Mapping[str, str]
"""What failed -> why."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What every daemon is built on.

    `leader` is None where no lease is needed, `identity` where AWS is never asked in our own name.
    `print_plan` is there in a dry run only, and takes every plan in place of its being carried out.
    """

    kube: KubeClient
    aws: AwsSession
    decisions: Decisions
    events: EventRecorder
    reporter: Reporter
    identity: AwsIdentity | None = None
    leader: Leader | None = None
    print_plan: PrintPlan | None = None


def _nothing(about: str) -> Iterable[Decision]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Daemon:
    """What is a daemon's own.

    `act` is the part that changes the world; where there is a leader it runs only while that leads. `caches`
    run in every mode, `servers` beside them unless it is a single pass. `once` makes one full pass and gives
    what failed. `not_ready` says why the daemon is not ready, `state` what its page shows, `decisions_on`
    what there is to say about one object when asked, `faults` what around it keeps it from its work.
    `settings` are those that people look for first when something is not as they expect.
    """

    act: Runnable
    once: Callable[[asyncio.Event], Coroutine[Any, Any, Failures]]
    caches: Sequence[Runnable]
    servers: Sequence[Runnable] = ()
    not_ready: Callable[[], str]
    state: Callable[[], Mapping[str, object]]
    decisions_on: Callable[[str], Iterable[Decision]] = _nothing
    faults: FaultSource = tuple
    settings: Mapping[str, object] = field(default_factory=dict)
    last_pass: Callable[[], datetime | None] = lambda: None
    before_stopping: Callable[[], Awaitable[None]] = at_once
    grace_seconds: float = 20.0
    shares_port: bool = False


def component(name: str) -> str:
    """What a daemon is called towards others: the Lease, the user agent, the reporter of Events."""
    return f"aws-addons-{name}"


@asynccontextmanager
async def connect(
    name: str,
    config: CommonConfig,
    *,
    rates: Mapping[str, Rate],
    instance: str = "",
    has_identity: bool = True,
    awaits_region: bool = False,
    **aws_options: Any,
) -> AsyncIterator[Parts]:
    """Open what a daemon is built on; `instance` names this replica in Events, by default by its pod or host.

    Without `has_identity` the daemon speaks to AWS in the name of others alone. One that `awaits_region`
    finds a region that is not set while it runs, and calls nothing before.
    """
    region = config.aws_region or (None if awaits_region else "")
    async with (
        _plan_output(config) as print_plan,
        KubeClient.connect(config.kubeconfig, user_agent=component(name)) as kube,
        AwsSession(region=region, endpoint_url=config.aws_endpoint_url, rates=rates, **aws_options) as aws,
    ):
        identity = instance or own_name()
        decisions = Decisions()
        events = EventRecorder(kube, component=component(name), instance=identity)
        yield Parts(
            kube=kube,
            aws=aws,
            decisions=decisions,
            events=events,
            reporter=Reporter(decisions=decisions, events=None if config.dry_run else events),
            identity=AwsIdentity(aws) if has_identity else None,
            leader=_leader(name, config, kube, aws, identity),
            print_plan=print_plan,
        )


@asynccontextmanager
async def _plan_output(config: CommonConfig) -> AsyncIterator[PrintPlan | None]:
    """What prints the plans of a dry run.

    Who reads those of a single pass may take their time; a signal ends that. Nobody waits long for the reader
    of a daemon that has been stopped.
    """
    if not config.dry_run:
        yield None
        return
    plans = PlanOutput(config.output, runs_on=not config.once)
    yield plans.print_plan
    stopped = asyncio.Event()
    with stopped_by_signals(stopped):
        if not config.once:
            stopped.set()
        await end_within(0.0 if config.once else _READING_SECONDS, plans.written(), stopped)


async def live(name: str, config: CommonConfig, parts: Parts, daemon: Daemon) -> int:
    """Run a daemon until it is stopped, or make its single pass; the exit code."""
    parts.decisions.on_demand = daemon.decisions_on
    if config.once:
        await _refuse_beside_leader(name, config, parts.kube)
        return await single_pass(parts, daemon)
    faults = faults_of(parts, daemon)
    act = parts.leader.lead(daemon.act) if parts.leader else daemon.act
    await run_until_stopped(
        status_server(name, config.listen, parts, daemon, faults).serve,
        *daemon.servers,
        *daemon.caches,
        parts.events.run,
        *((parts.identity.run,) if parts.identity else ()),
        faults.run,
        partial(_stop_calls, parts.aws),
        act,
        grace=daemon.grace_seconds,
        before_stopping=daemon.before_stopping,
    )
    return 0


async def _refuse_beside_leader(name: str, config: CommonConfig, kube: KubeClient) -> None:
    """A single pass takes no Lease: beside a daemon that leads, both would change the same things at once."""
    if not isinstance(config, LeaderConfig) or not config.leader_elect or config.dry_run or config.force:
        return
    namespace, lease = lease_of(name, config)
    try:
        leader = await leader_now(kube, namespace, lease)
    except OutsideError as error:
        log.warning("whether another daemon leads is not known: %s", error.message)
        return
    if leader:
        why = f"{leader} leads by the lease {namespace}/{lease} and changes the same things"
        raise SettingError(f"--once: {why}; --dry-run changes nothing, --force makes the pass all the same")


def faults_of(parts: Parts, daemon: Daemon) -> Faults:
    """All that keeps a daemon from its work."""

    def common() -> Iterable[Fault]:
        return filter(None, (part.fault() for part in (parts.identity, parts.leader) if part))

    return Faults((common, daemon.faults), reporter=parts.reporter, pod=own_pod())


def status_server(name: str, listen: str, parts: Parts, daemon: Daemon, faults: Faults) -> StatusServer:
    """Put together what shows the status of a daemon."""
    identity, leader = parts.identity, parts.leader

    def not_ready() -> str:
        unable = identity.not_ready() if identity else ""
        return daemon.not_ready() or unable or (leader.not_ready() if leader else "")

    def state() -> object:
        passed = daemon.last_pass()
        return {
            "daemon": name,
            "leads": leader is None or leader.is_leading,
            "leader": leader.leader if leader else "",
            "awsIdentity": identity.in_words() if identity else "none: AWS is asked in the name of pods",
            "degraded": faults.current(),
            "version": version(),
            "dryRun": parts.print_plan is not None,
            "settings": daemon.settings,
            "lastPass": rfc3339(passed) if passed else "",
            **daemon.state(),
            "notReady": not_ready(),
        }

    return StatusServer(
        listen,
        name=name,
        ready=not_ready,
        state=state,
        decisions=parts.decisions,
        reuse_port=daemon.shares_port,
    )


async def single_pass(parts: Parts, daemon: Daemon) -> int:
    """Make one full pass: 0, or 3 when something failed or was left, each named on stderr."""
    stopping, over = asyncio.Event(), asyncio.Event()
    with stopped_by_signals(stopping):
        async with asyncio.TaskGroup() as group:
            for part in (*daemon.caches, parts.events.run):
                group.create_task(part(over))
            stopper = group.create_task(_stop_calls(parts.aws, stopping))
            failures = await end_within(daemon.grace_seconds, daemon.once(stopping), stopping)
            was_stopped = stopping.is_set()
            stopper.cancel()
            over.set()
    for key, message in sorted((failures or {}).items()):
        sys.stderr.write(f"failed: {key}: {message}\n")
    if was_stopped:
        sys.stderr.write("stopped before the pass was complete\n")
    return 3 if failures or was_stopped else 0


async def _stop_calls(aws: AwsSession, stopping: asyncio.Event) -> None:
    """Once told to stop, have nothing read any more, and only changes on the wire waited for."""
    await stopping.wait()
    aws.stop()


def _leader(
    name: str, config: CommonConfig, kube: KubeClient, aws: AwsSession, identity: str
) -> Leader | None:
    """A single pass and a dry run need no lease: they end soon, or change nothing."""
    if not isinstance(config, LeaderConfig) or not config.leader_elect or config.once or config.dry_run:
        return None
    namespace, lease = lease_of(name, config)
    return Leader(
        kube,
        namespace=namespace,
        name=lease,
        identity=identity,
        settled=aws.settled,
    )


def own_name() -> str:
    """What others know us by: the name of our pod, else of our host."""
    pod = own_pod()
    return pod.name if pod else socket.gethostname()


def lease_of(name: str, config: LeaderConfig) -> tuple[str, str]:
    """The namespace and the name of the Lease by which one replica leads."""
    return config.leader_elect_namespace or pod_namespace(), config.leader_elect_name or component(name)


def pod_namespace() -> str:
    """The namespace that we run in; `default` outside of a cluster."""
    if pod := own_pod():
        return pod.namespace
    file = SERVICE_ACCOUNT_FILES / "namespace"
    return file.read_text().strip() if file.exists() else "default"
