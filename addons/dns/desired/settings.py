"""The settings of the sources: which objects are read, and how. Pure."""

from msgspec import Struct

from addons.dns import names
from addons.dns.config import Config, annotation_prefixes, managed_types
from addons.dns.desired.go_template import parse_template
from addons.dns.desired.go_template_nodes import Template
from addons.dns.desired.go_template_tokens import TemplateError
from addons.dns.desired.target_filter import TargetFilter, parse_networks
from addons.dns.model.hostnames import InvalidHostname, parse_hostname
from addons.dns.model.zones import DomainFilter
from addons.runtime.objects import KubeObject
from addons.runtime.selectors import Selector, parse_selector
from addons.runtime.settings import SettingError

_DEFAULT_TTL = 300


class SourceSettings(Struct, frozen=True, kw_only=True):
    """The settings that the sources obey; see `Config` for what each means to its user."""

    prefixes: tuple[str, ...] = names.ANNOTATION_PREFIXES
    domains: DomainFilter = DomainFilter()
    annotations: Selector = Selector()
    labels: Selector = Selector()
    ingress_classes: frozenset[str] = frozenset()
    service_types: frozenset[str] = frozenset()
    default_ttl: int = _DEFAULT_TTL
    owner_id: str = ""
    prefer_cname: bool = False
    evaluate_target_health: bool = True
    publish_internal_services: bool = False
    publish_not_ready: bool = False
    publish_host_ip: bool = False
    pod_domain: str = ""
    pod_ttl: int = 10
    hold_seconds: int = 0
    template: Template | None = None
    combines_template: bool = False
    targets: TargetFilter = TargetFilter()
    gateways: Selector = Selector()
    gateway_name: str = ""
    gateway_namespace: str = ""
    excludes_unschedulable: bool = True
    exposes_internal_ipv6: bool = False
    ignore_hostname_annotation: bool = False
    ignore_ingress_rules: bool = False
    ignore_ingress_tls: bool = False

    def covers(self, obj: KubeObject) -> bool:
        """True when the label and annotation filters let the object through."""
        metadata = obj.metadata
        return self.labels.matches(metadata.labels) and self.annotations.matches(metadata.annotations)


def _pod_domain(config: Config) -> str:
    try:
        return parse_hostname(config.pod_source_domain) if config.pod_source_domain else ""
    except InvalidHostname as error:
        raise SettingError(f"--pod-source-domain: {error}") from None


def _template(config: Config) -> Template | None:
    try:
        return parse_template(config.fqdn_template) if config.fqdn_template else None
    except TemplateError as error:
        raise SettingError(f"--fqdn-template: {error}") from None


def _target_filter(config: Config) -> TargetFilter:
    found = []
    for flag, texts in (
        ("target-net-filter", config.target_net_filter),
        ("exclude-target-net", config.exclude_target_net),
    ):
        try:
            found.append(parse_networks(texts))
        except ValueError as error:
            raise SettingError(f"--{flag}: {error}; networks like 10.0.0.0/8 are allowed") from None
    return TargetFilter(include=found[0], exclude=found[1], types=frozenset(managed_types(config)))


def source_settings(config: Config, domains: DomainFilter) -> SourceSettings:
    """The settings of the sources in those of the daemon; raises SettingError."""
    return SourceSettings(
        prefixes=annotation_prefixes(config),
        domains=domains,
        annotations=parse_selector(config.annotation_filter),
        labels=parse_selector(config.label_filter),
        ingress_classes=frozenset(config.ingress_class),
        service_types=frozenset(config.service_type_filter),
        default_ttl=int(config.min_ttl.total_seconds()) or _DEFAULT_TTL,
        owner_id=config.txt_owner_id,
        prefer_cname=config.aws_prefer_cname,
        evaluate_target_health=config.aws_evaluate_target_health,
        publish_internal_services=config.publish_internal_services,
        publish_not_ready=config.always_publish_not_ready_addresses,
        publish_host_ip=config.publish_host_ip,
        pod_domain=_pod_domain(config),
        pod_ttl=int(config.pod_record_ttl.total_seconds()) or _DEFAULT_TTL,
        hold_seconds=int(config.pod_record_hold.total_seconds()),
        template=_template(config),
        combines_template=config.combine_fqdn_annotation,
        targets=_target_filter(config),
        gateways=parse_selector(config.gateway_label_filter),
        gateway_name=config.gateway_name,
        gateway_namespace=config.gateway_namespace,
        excludes_unschedulable=config.exclude_unschedulable,
        exposes_internal_ipv6=config.expose_internal_ipv6,
        ignore_hostname_annotation=config.ignore_hostname_annotation,
        ignore_ingress_rules=config.ignore_ingress_rules_spec,
        ignore_ingress_tls=config.ignore_ingress_tls_spec,
    )
