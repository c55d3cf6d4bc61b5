"""The wiring of iamproxy: here alone its parts are put together, for the daemon, tests and benchmarks."""

import dataclasses
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from addons.iamproxy.aws.sts import Sts
from addons.iamproxy.cache.addresses import Addresses
from addons.iamproxy.cache.credentials import CredentialCache
from addons.iamproxy.config import Config
from addons.iamproxy.controller.node import Controller
from addons.iamproxy.controller.policy_file import PolicyFile
from addons.iamproxy.kube.issuer import TokenIssuer
from addons.iamproxy.net.redirect import Redirect
from addons.iamproxy.net.table import RedirectSettings
from addons.iamproxy.server.audit import Audit, Write, writing_to
from addons.iamproxy.server.limits import ServerLimits
from addons.iamproxy.server.listener import MetadataServer, Place
from addons.iamproxy.server.metadata import Metadata
from addons.iamproxy.server.node_keys import NodeKeys
from addons.iamproxy.server.routes import Routes
from addons.iamproxy.server.tokens import Tokens, load_key, new_key
from addons.runtime.aws_region import AwsRegion
from addons.runtime.bucket import Rate
from addons.runtime.clock import utc_now
from addons.runtime.daemon import Daemon, Parts, connect
from addons.runtime.imds import endpoint_at, find_region
from addons.runtime.runnable import Runnable
from addons.runtime.settings import SettingError, parse_listen

NAME = "iamproxy"

_GRACE_SECONDS = 4.0
"""For the servers to stop, after up to 15 seconds in which another daemon takes over: less than 20 in all."""
_STS_SECONDS = 5.0
_STS_THREADS = 32
"""With fewer, a slow STS would be asked less than `--sts-rate`, and many new pods wait for one another."""


async def with_region(config: Config) -> Config:
    """Complete the settings by the region. Raises SettingError when it cannot be found."""
    return replace(config, aws_region=await _find_region(config))


def region_of(config: Config, parts: Parts) -> AwsRegion:
    """What finds the region while the daemon runs, where the settings do not have it."""
    return AwsRegion(parts.aws, partial(_find_region, config))


async def _find_region(config: Config) -> str:
    return await find_region(config.aws_region, endpoint=endpoint_at(config.metadata_addr))


@asynccontextmanager
async def connected(config: Config) -> AsyncIterator[Parts]:
    """Open the connections to Kubernetes and AWS."""
    rate = Rate(per_second=config.sts_rate, burst=5 * max(1, int(config.sts_rate)))
    async with connect(
        NAME,
        config,
        rates={"sts": rate},
        instance=config.node,
        has_identity=config.credential_source == "node",
        awaits_region=True,
        read_seconds=_STS_SECONDS,
        threads=_STS_THREADS,
    ) as parts:
        yield parts


def build(
    config: Config,
    controller: Controller,
    *,
    node_keys: NodeKeys,
    region: AwsRegion,
    places: Sequence[Place],
    redirect: Redirect | None,
) -> Daemon:
    """Put the daemon together. It serves pods at `places`: where `redirect` leads, if there is one."""
    metadata = build_metadata(
        config,
        addresses=controller.addresses,
        credentials=controller.credentials,
        node_keys=node_keys,
        write_audit=writing_to(sys.stdout.fileno()),
    )
    server = MetadataServer(metadata, places, only_redirected=redirect is not None)
    servers: tuple[Runnable, ...] = (server.serve, controller.assignments.run, region.run, node_keys.run)
    daemon = Daemon(
        act=controller.run,
        once=controller.run_once,
        caches=(controller.watches.run,),
        servers=servers,
        not_ready=lambda: region.not_ready() or controller.not_ready() or server.not_ready(),
        state=lambda: {**controller.state(), "lastRefusals": metadata.refusals()},
        decisions_on=controller.decisions_on,
        faults=lambda: (*filter(None, [region.fault()]), *controller.faults()),
        last_pass=controller.last_pass,
        settings=_shown(config),
        shares_port=True,
    )
    if redirect is None:
        return daemon
    return dataclasses.replace(
        daemon,
        servers=(*servers, redirect.keep),
        not_ready=lambda: daemon.not_ready() or redirect.not_ready(),
        before_stopping=lambda: redirect.hand_over(is_followed=controller.is_followed()),
        grace_seconds=_GRACE_SECONDS,
    )


def trouble_of(parts: Parts, region: AwsRegion) -> Callable[[], str]:
    """Tells why AWS cannot be asked at present, in words; "" when it can be, for all that we know."""
    identity = parts.identity
    return lambda: region.not_ready() or (identity.not_ready() if identity else "")


def _shown(config: Config) -> dict[str, object]:
    """The settings that decide who gets what."""
    return {
        "interceptor": config.interceptor,
        "credentialSource": config.credential_source,
        "defaultRole": config.default_role,
        "namespaceRestrictions": config.namespace_restrictions,
        "imdsv2": config.imdsv2,
        "policyFile": config.policy_file,
    }


def build_controller(config: Config, parts: Parts, **more: Any) -> Controller:
    """Put the controller together; `more` is for the arguments of Controller that have a default."""
    return Controller(
        config,
        kube=parts.kube,
        sts=build_sts(config, parts, now=more.get("now", utc_now)),
        reporter=parts.reporter,
        policy=policy_of(config),
        print_plan=parts.print_plan,
        **more,
    )


def build_sts(config: Config, parts: Parts, **more: Any) -> Sts:
    """Put the door to STS together."""
    issuer = TokenIssuer(parts.kube, audience=config.token_audience)
    return Sts(parts.aws, issue_token=issuer.issue, broker=config.assume_role_arn, **more)


def build_metadata(
    config: Config,
    *,
    addresses: Addresses,
    credentials: CredentialCache,
    node_keys: NodeKeys,
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
        routes=Routes(config.metadata_allow, identity=config.instance_identity == "made"),
        node_keys=node_keys,
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
