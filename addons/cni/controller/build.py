"""The wiring of cni: here alone its parts are put together, for the daemon, tests and benchmarks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from addons.cni.aws.calls import OPERATIONS, RATES
from addons.cni.config import Config
from addons.cni.controller.controller import Controller
from addons.runtime.aws_region import AwsRegion
from addons.runtime.daemon import Daemon, Parts, connect
from addons.runtime.imds import find_region

NAME = "cni"

_GRACE_SECONDS = 5.0


@asynccontextmanager
async def connected(config: Config) -> AsyncIterator[Parts]:
    """Open the connections to Kubernetes and AWS."""
    endpoints = {"ec2": config.ec2_endpoint} if config.ec2_endpoint else {}
    async with connect(
        NAME,
        config,
        rates=RATES,
        instance=config.node,
        awaits_region=True,
        operations=OPERATIONS,
        endpoints=endpoints,
    ) as parts:
        yield parts


def build(config: Config, parts: Parts) -> Daemon:
    """Put the daemon together."""
    region = AwsRegion(parts.aws, partial(find_region, config.aws_region, endpoint=config.imds_endpoint))
    identity = parts.identity

    def trouble() -> str:
        return region.not_ready() or (identity.not_ready() if identity else "")

    controller = Controller(config, parts, trouble=trouble)
    return Daemon(
        act=controller.run,
        once=controller.run_once,
        caches=(controller.watched.watches.run, region.run),
        not_ready=controller.not_ready,
        state=controller.state,
        decisions_on=controller.decisions_on,
        faults=lambda: (*filter(None, [region.fault()]), *controller.faults()),
        last_pass=controller.last_pass,
        settings=_shown(config),
        grace_seconds=_GRACE_SECONDS,
    )


def _shown(config: Config) -> dict[str, object]:
    """The settings that decide how many addresses there are, and what pods look like from outside."""
    return {
        "headroom": config.headroom,
        "subnetReserve": config.subnet_reserve,
        "warmEniTarget": config.warm_eni_target,
        "warmIpTarget": config.warm_ip_target,
        "minimumIpTarget": config.minimum_ip_target,
        "enablePrefixDelegation": config.enable_prefix_delegation,
        "snat": config.snat_mode,
        "customNetworkCfg": config.custom_network_cfg,
        "ruleLayout": config.rule_layout,
    }
