"""The wiring of dns: the one place where its parts are put together, for the daemon, tests and benchmarks."""

from collections.abc import Callable
from datetime import datetime

from addons.dns.aws.route53 import Route53
from addons.dns.config import Config
from addons.dns.controller.explanation import Explanation
from addons.dns.controller.left_out import LeftOut
from addons.dns.controller.sources import Sources
from addons.dns.controller.zone_reconciler import ZoneReconciler
from addons.dns.controller.zones import Controller
from addons.dns.desired.settings import SourceSettings, source_settings
from addons.dns.kube.owners import Owners
from addons.dns.kube.statuses import Statuses
from addons.dns.kube.watches import SourceWatches
from addons.dns.model.registry import Registry, registry_of
from addons.dns.model.zones import DomainFilter, domains_of, roles_of, zone_filter_of
from addons.runtime.aws import AwsSession
from addons.runtime.bucket import Rate
from addons.runtime.clock import utc_now
from addons.runtime.daemon import Daemon, Parts
from addons.runtime.kube import KubeClient
from addons.runtime.ledger import Ledger


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
        caches=(controller.watch,),
        not_ready=controller.watches.not_ready,
        state=controller.state,
        decisions_on=controller.decisions_on,
        faults=controller.faults,
        last_pass=controller.last_pass,
        settings=_shown(config),
    )


def _shown(config: Config) -> dict[str, object]:
    """The settings that decide what is read and what may change."""
    shown = {
        "policy": config.policy,
        "owner": config.txt_owner_id,
        "registry": config.registry,
        "source": config.source,
        "namespace": config.namespace,
        "domainFilter": config.domain_filter,
        "excludeDomains": config.exclude_domains,
        "zoneIdFilter": config.zone_id_filter,
        "awsZoneType": config.aws_zone_type,
        "annotationFilter": config.annotation_filter,
        "labelFilter": config.label_filter,
        "ingressClass": config.ingress_class,
    }
    return {key: list(value) if isinstance(value, tuple) else value for key, value in shown.items() if value}


def build_controller(
    config: Config,
    parts: Parts,
    *,
    now: Callable[[], datetime] = utc_now,
    name_ledger: Ledger[str] | None = None,
    zone_ledger: Ledger[str] | None = None,
) -> Controller:
    """Put the controller together, by default with the clock and the ledgers of a daemon."""
    domains, registry, reporter = domains_of(config), registry_of(config), parts.reporter
    settings = source_settings(config, domains)
    route53 = _route53(config, parts.aws, domains, registry)
    watches = _watches(config, parts.kube, settings)
    statuses = Statuses(parts.kube, watches.dns_endpoints)
    sources = Sources(settings=settings, watches=watches, statuses=statuses, reporter=reporter)
    owners = Owners(parts.kube, watches)
    reconciler = ZoneReconciler(
        config,
        route53=route53,
        registry=registry,
        domains=domains,
        sources=sources,
        left_out=LeftOut(config, domains, sources=sources, watches=watches, owners=owners),
        reporter=reporter,
        print_plan=parts.print_plan,
        ledger=name_ledger or Ledger(first=5.0, longest=600.0),
        now=now,
    )
    return Controller(
        config,
        route53=route53,
        watches=watches,
        statuses=statuses,
        sources=sources,
        reconciler=reconciler,
        explanation=Explanation(sources, watches, settings, route53, registry, reporter),
        reporter=reporter,
        leader=parts.leader,
        is_dry_run=parts.print_plan is not None,
        ledger=zone_ledger,
        now=now,
    )


def _route53(config: Config, aws: AwsSession, domains: DomainFilter, registry: Registry) -> Route53:
    return Route53(
        aws,
        zone_filter=zone_filter_of(config, domains),
        registry=registry,
        audit_seconds=config.audit_interval.total_seconds(),
        roles=roles_of(config),
        tags_seconds=config.aws_zones_cache_duration.total_seconds(),
    )


def _watches(config: Config, kube: KubeClient, settings: SourceSettings) -> SourceWatches:
    return SourceWatches(
        kube,
        sources=config.source,
        namespace=config.namespace,
        gateway_namespace=config.gateway_namespace,
        with_nodes=_needs_nodes(config),
        content=settings.template.content if settings.template else frozenset(),
    )


def _needs_nodes(config: Config) -> bool:
    """True when records may hold addresses of nodes: their own, or of pods, NodePort or headless Services."""
    leading = {"NodePort", "ClusterIP"}.intersection(config.service_type_filter or ("NodePort",))
    return bool("service" in config.source and leading) or not {"pod", "node"}.isdisjoint(config.source)
