"""The wiring of dns: the one place where its parts are put together, for the daemon, tests and benchmarks."""

from typing import Any

from addons.dns.aws.route53 import Route53
from addons.dns.config import Config
from addons.dns.controller.zones import Controller
from addons.dns.desired.settings import source_settings
from addons.dns.kube.reporter import Reporter
from addons.dns.model.registry import registry_of
from addons.dns.model.zones import domains_of, roles_of, zone_filter_of
from addons.runtime.bucket import Rate
from addons.runtime.daemon import Daemon, Parts


def rates(config: Config) -> dict[str, Rate]:
    """Up to two seconds' worth of calls at once; none is repeated blindly, our next round knows more."""
    burst = max(1, round(2 * config.aws_rate))
    return {"route53": Rate(per_second=config.aws_rate, burst=burst, attempts=1)}


def build(config: Config, parts: Parts) -> Daemon:
    """Put the daemon together."""
    controller = build_controller(config, parts)
    return Daemon(
        act=controller.run,
        once=controller.run_once,
        caches=(controller.watches.run,),
        not_ready=controller.watches.not_ready,
        state=controller.state,
        decisions_on=controller.decisions_on,
    )


def build_controller(config: Config, parts: Parts, **more: Any) -> Controller:
    """Put the controller together; `more` replaces its clock and its ledgers."""
    domains, registry = domains_of(config), registry_of(config)
    route53 = Route53(
        parts.aws,
        zone_filter=zone_filter_of(config, domains),
        registry=registry,
        audit_seconds=config.audit_interval.total_seconds(),
        roles=roles_of(config),
        tags_seconds=config.aws_zones_cache_duration.total_seconds(),
    )
    return Controller(
        config,
        kube=parts.kube,
        route53=route53,
        registry=registry,
        settings=source_settings(config, domains),
        reporter=Reporter(decisions=parts.decisions, recorder=None if parts.print_plan else parts.events),
        leader=parts.leader,
        print_plan=parts.print_plan,
        **more,
    )
