"""The wiring of iamproxy: here alone its parts are put together, for the daemon, tests and benchmarks."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from addons.iamproxy.aws.sts import Sts
from addons.iamproxy.cache.addresses import Addresses
from addons.iamproxy.cache.credentials import CredentialCache
from addons.iamproxy.config import Config
from addons.iamproxy.controller.node import Controller
from addons.iamproxy.controller.policy_file import PolicyFile
from addons.iamproxy.kube.issuer import TokenIssuer
from addons.iamproxy.kube.reporter import Reporter
from addons.iamproxy.net.table import RedirectSettings
from addons.iamproxy.server.audit import Audit, Write
from addons.iamproxy.server.limits import ServerLimits
from addons.iamproxy.server.metadata import Metadata
from addons.iamproxy.server.node_keys import Fetch, NodeKeys
from addons.iamproxy.server.routes import Routes
from addons.iamproxy.server.tokens import Tokens, load_key, new_key
from addons.runtime.aws import AwsSession
from addons.runtime.bucket import Rate
from addons.runtime.clock import utc_now
from addons.runtime.decisions import Decisions
from addons.runtime.events import EventRecorder
from addons.runtime.kube import KubeClient
from addons.runtime.settings import SettingError
from addons.runtime.web import parse_listen

_STS_SECONDS = 5.0
_STS_THREADS = 32
"""With fewer, a slow STS would be asked less than `--sts-rate`, and many new pods wait for one another."""


@asynccontextmanager
async def connections(config: Config, *, component: str) -> AsyncIterator[tuple[KubeClient, AwsSession]]:
    """Open the connections to Kubernetes and AWS."""
    rate = Rate(per_second=config.sts_rate, burst=5 * max(1, int(config.sts_rate)))
    async with (
        KubeClient.connect(config.kubeconfig, user_agent=component) as kube,
        AwsSession(
            region=config.aws_region,
            endpoint_url=config.aws_endpoint_url,
            rates={"sts": rate},
            read_seconds=_STS_SECONDS,
            threads=_STS_THREADS,
        ) as aws,
    ):
        yield kube, aws


def build_controller(
    config: Config,
    *,
    kube: KubeClient,
    aws: AwsSession,
    decisions: Decisions,
    recorder: EventRecorder,
    **more: Any,
) -> Controller:
    """Put the controller together; `more` is for the arguments of Controller that have a default."""
    return Controller(
        config,
        kube=kube,
        sts=build_sts(config, kube, aws, now=more.get("now", utc_now)),
        reporter=Reporter(decisions=decisions, recorder=None if config.dry_run else recorder),
        policy=policy_of(config),
        **more,
    )


def build_sts(config: Config, kube: KubeClient, aws: AwsSession, **more: Any) -> Sts:
    """Put the door to STS together."""
    issuer = TokenIssuer(kube, audience=config.token_audience)
    return Sts(aws, issue_token=issuer.issue, broker=config.assume_role_arn, **more)


def build_metadata(
    config: Config,
    *,
    addresses: Addresses,
    credentials: CredentialCache,
    read_node_key: Fetch,
    write_audit: Write,
    limits: ServerLimits | None = None,
    now: Callable[[], Any] = utc_now,
) -> Metadata:
    """Put together what answers pods from memory."""
    return Metadata(
        addresses=addresses,
        credentials=credentials,
        tokens=Tokens(_token_key(config), clock=lambda: now().timestamp()),
        audit=Audit(write_audit, now),
        routes=Routes(config.metadata_allow),
        node_keys=NodeKeys(read_node_key),
        limits=limits or ServerLimits(),
        imdsv2=config.imdsv2,
        now=now,
    )


def _token_key(config: Config) -> bytes:
    if not config.token_key_file:
        return new_key()
    try:
        return load_key(Path(config.token_key_file))
    except OSError as error:
        raise SettingError(f"--token-key-file {config.token_key_file}: {error.strerror}") from error


def policy_of(config: Config) -> PolicyFile | None:
    """The policy file of the settings, if there is one. Raises SettingError when it cannot be read."""
    return PolicyFile(Path(config.policy_file)) if config.policy_file else None


def redirect_settings(config: Config) -> RedirectSettings:
    """What the settings say about the redirect."""
    return RedirectSettings(
        port=config.app_port,
        admin_port=parse_listen(config.listen)[1],
        interfaces=config.host_interface,
        admin_networks=tuple(map(ip_network, config.admin_networks)),
    )
