"""The settings of dns. The docstring below each field is its documentation, everywhere."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from msgspec import Meta, field

from addons.dns import names
from addons.runtime.selectors import PATTERN as SELECTOR
from addons.runtime.selectors import parse_selector
from addons.runtime.setting_values import Namespace, Network, RoleArn, form, in_schema, refused
from addons.runtime.settings import SECRET, LeaderConfig, SettingError

ENV_PREFIXES = ("ADDONS_DNS_", "EXTERNAL_DNS_")
"""Prefixes of the environment variables: ours, and the one of external-dns."""

_IN_MEMORY = "what zones have is kept in memory, and read anew when it was changed elsewhere"
_WATCHED = "objects are watched, and calls end in time by themselves"
_OF_OBJECTS = "targets are those of objects, or of their target annotation"
RETIRED = {
    "--aws-api-retries": "a call that failed is made again as long as it is needed",
    "--aws-dynamodb-region": "ownership is kept in TXT records",
    "--aws-dynamodb-table": "ownership is kept in TXT records",
    "--aws-profile": "boto3 reads AWS_PROFILE, and --aws-zone-role has zones of other accounts",
    "--compatibility": "annotations of mate, molecule and kops are not read",
    "--crd-source-apiversion": "it is externaldns.k8s.io/v1alpha1",
    "--crd-source-kind": "it is DNSEndpoint",
    "--create-ptr": "records for reverse look-ups are not made",
    "--default-targets": _OF_OBJECTS,
    "--events-emit": "Events are always told",
    "--force-default-targets": _OF_OBJECTS,
    "--fqdn-target-template": _OF_OBJECTS,
    "--informer-sync-timeout": "it is --cache-sync-timeout",
    "--kube-api-burst": _WATCHED,
    "--kube-api-cache-sync-timeout": "it is --cache-sync-timeout",
    "--kube-api-qps": _WATCHED,
    "--kube-api-request-timeout": _WATCHED,
    "--listen-endpoint-events": "EndpointSlices are always watched",
    "--metrics-address": "it is --listen",
    "--nat64-networks": _OF_OBJECTS,
    "--prefer-alias": "load balancers get alias records, unless --aws-prefer-cname is set",
    "--provider-cache-time": _IN_MEMORY,
    "--request-timeout": _WATCHED,
    "--resolve-service-load-balancer-hostname": "an alias record follows the addresses of its load balancer",
    "--server": "the API server is that of --kubeconfig, or of the pod",
    "--target-template": _OF_OBJECTS,
    "--txt-cache-interval": _IN_MEMORY,
    "--txt-new-format-only": "texts of the old format are read, and never written",
}
"""Flags of external-dns that do not exist here -> what there is in their place."""

ZONE_ID = r"((arn:aws[a-z-]*:route53:::|/)?hostedzone/)?[0-9A-Za-z]{1,32}"
"""A hosted zone in every form in which Route 53 writes its id."""

Percent = Annotated[int, Meta(ge=0, le=100)]
Count = Annotated[int, Meta(ge=1)]
_BEYOND_ASCII = "À-ÖØ-öø-ÿĴ-ľŁ-ňŊ-žΑ-ΡΣ-Ωα-ωА-яぁ-ゖァ-ヺ一-龥가-힣"
_IN_LABEL = "[A-Za-z0-9_-]"
_ENDS_LABEL = "[A-Za-z0-9_]"
_UNICODE_LABEL = f"[a-z0-9]{{0,10}}[{_BEYOND_ASCII}][a-z0-9{_BEYOND_ASCII}]{{0,10}}"
_LABEL = f"({_ENDS_LABEL}({_IN_LABEL}{{0,61}}{_ENDS_LABEL})?|{_UNICODE_LABEL})"
_LAST_LABEL = f"([0-9]{{0,9}}[A-Za-z_]({_IN_LABEL}{{0,52}}{_ENDS_LABEL})?|{_UNICODE_LABEL})"
_HOST = rf"({_LABEL}\.)*{_LAST_LABEL}\.?"
Domain = Annotated[str, in_schema(rf"\.?{_HOST}", "the name of a domain, such as example.org", maxLength=253)]
HostName = Annotated[str, in_schema(_HOST, "a host name, such as pods.example.org", maxLength=253)]

_IN_CLASS = r"[^\\\[\]&|~-]|\\[^A-Za-z0-9]|\\[tnrfv]|[A-Za-z0-9]-[A-Za-z0-9]"
_ATOM = rf"[^\\()\[\]{{}}*+?^$|]|\\[^A-Za-z0-9]|\\[dDsSwWtnrfv]|\[\^?({_IN_CLASS})+-?\]|\)"
_TIMES = r"([*+?]|\{[0-9]{1,3}(,[0-9]{0,3})?\})\??"
Regexp = Annotated[
    str,
    in_schema(
        rf"(\(\?i\))?(({_ATOM})({_TIMES})?|\((\?:)?|[|^$])*",
        r"a regular expression that Python and Go read alike, such as ^(www|api)\.example\.org$",
        format="regex",
    ),
]
"""A regular expression that Helm's engine and Python read alike."""

LabelSelector = Annotated[str, in_schema(SELECTOR, "a selector, such as app=web,tier in (a, b)")]
OwnerId = Annotated[str, form(r'[^,\s"]+', "a name with no comma, space or quotation mark")]
AnnotationPrefix = Annotated[str, form(r"[A-Za-z0-9.-]+/", "a domain and a slash, such as dns.example.org/")]
ZoneId = Annotated[
    str, form(ZONE_ID, "the id of a hosted zone, such as Z0123456789 or /hostedzone/Z0123456789")
]
Source = Literal["service", "ingress", "pod", "node", "crd", "gateway-httproute", "gateway-grpcroute"]
RecordType = Literal["A", "AAAA", "CNAME", "SRV", "TXT", "MX", "NS", "PTR", "NAPTR", "TLSA"]
_TEXTS = "ownership is kept in TXT records beside the records,"
Registry = Annotated[
    Literal["txt", "noop"],
    refused(dict.fromkeys(("crd", "dynamodb", "aws-sd"), f"{_TEXTS} with --registry=txt")),
]


class Config(LeaderConfig, frozen=True, kw_only=True):
    """Settings of dns; flags of external-dns keep their names and meanings."""

    refused_settings: ClassVar[Mapping[str, str]] = {
        "crd_registry_namespace": f"there is no crd registry; {_TEXTS} with --registry=txt"
    }

    listen: str = ":7979"
    """HOST:PORT for health, metrics and the status page; an empty host means all addresses."""

    source: tuple[Source, ...] = ("service", "ingress")
    """The kinds of objects that are asked what they want."""

    namespace: Namespace = ""
    """Look at the objects of this namespace only."""

    annotation_filter: LabelSelector = ""
    """Look only at objects whose annotations match this expression, written like a label selector."""

    label_filter: LabelSelector = ""
    """Look only at objects whose labels match this selector."""

    annotation_prefix: tuple[AnnotationPrefix, ...] = names.ANNOTATION_PREFIXES
    """Prefixes of the annotations that are read; where several say the same thing, the first wins."""

    enable_legacy_annotation_prefix: bool = False
    """Read the annotations with the prefix `external-dns.alpha.kubernetes.io/` too, if `--annotation-prefix`
    leaves it out; the other prefixes win."""

    ingress_class: tuple[str, ...] = ()
    """Look only at Ingresses of these classes."""

    service_type_filter: tuple[Literal["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"], ...] = ()
    """Look only at Services of these types."""

    gateway_namespace: Namespace = ""
    """Look only at Gateways of this namespace; without it, at those of all namespaces."""

    gateway_name: str = ""
    """Look only at Gateways of this name."""

    gateway_label_filter: LabelSelector = ""
    """Look only at Gateways whose labels match this selector."""

    fqdn_template: str = ""
    """Names for objects without one of their own, as Go template: `{{.Name}}.{{.Namespace}}.example.com`."""

    combine_fqdn_annotation: bool = False
    """Give objects the names of the template as well as their own."""

    exclude_unschedulable: bool = True
    """Leave out the addresses and names of cordoned nodes."""

    expose_internal_ipv6: bool = False
    """Count the internal IPv6 addresses of nodes as external ones: AWS lists no others."""

    target_net_filter: tuple[Network, ...] = ()
    """Publish only addresses in these networks, and no host names."""

    exclude_target_net: tuple[Network, ...] = ()
    """Never publish addresses in these networks."""

    ignore_hostname_annotation: bool = False
    """Take no names from hostname annotations."""

    ignore_ingress_rules_spec: bool = False
    """Take no names from the rules of Ingresses."""

    ignore_ingress_tls_spec: bool = False
    """Take no names from the certificates of Ingresses."""

    publish_internal_services: bool = False
    """Publish the cluster addresses of ClusterIP Services under their hostname annotation too."""

    always_publish_not_ready_addresses: bool = False
    """Publish pods before they are ready, by themselves and behind headless Services."""

    publish_host_ip: bool = False
    """Publish the addresses of the nodes' hosts in place of those of the pods behind headless Services."""

    pod_source_domain: HostName = ""
    """With the source pod, every pod has the name `<pod>.<domain>` too, annotated or not."""

    pod_record_ttl: timedelta = timedelta(seconds=10)
    """TTL of the names of pods that ask for none: of the source pod, and of Services with pod records."""

    pod_record_hold: timedelta = timedelta(seconds=15)
    """Keep the name of a pod that is gone for so long, since a successor may come. Keep it shorter than the
    time that the network rests an address before another pod gets it (Amazon VPC CNI: 30s)."""

    min_ttl: timedelta = timedelta(0)
    """TTL of records whose object asks for none; 0 means 5m."""

    domain_filter: tuple[Domain, ...] = ()
    """Look only at names and zones in these domains; `.example.com` means subdomains only."""

    exclude_domains: tuple[Domain, ...] = ()
    """Never look at names and zones in these domains."""

    regex_domain_filter: Regexp = ""
    """Look only at names and zones that contain a match of this regular expression; replaces the lists."""

    regex_domain_exclusion: Regexp = ""
    """Never look at names and zones that contain a match of this regular expression; replaces the lists."""

    zone_id_filter: tuple[ZoneId, ...] = ()
    """Look only at hosted zones whose id ends like this; an id may begin with `/hostedzone/`."""

    aws_zone_type: Literal["", "public", "private"] = ""
    """Look only at public, or only at private, hosted zones."""

    aws_zone_match_parent: bool = False
    """Look also at zones that are parents of a domain in the domain filter."""

    aws_zone_tags: tuple[str, ...] = ()
    """Look only at hosted zones with all of these tags: `key`, or `key=value`."""

    aws_assume_role: RoleArn = ""
    """ARN of the role to assume for Route 53; without it the credentials of the process are used."""

    aws_assume_role_external_id: str = ""
    """External id to assume roles with."""

    aws_zone_role: dict[str, RoleArn] = field(default_factory=dict)
    """Roles for single hosted zones, of other accounts for instance: `zone-id=role-arn`."""

    aws_rate: Annotated[float, Meta(gt=0)] = 2.5
    """Calls to Route 53 in a second, for each role. An AWS account has 5 for all its users; throttling slows
    us down further."""

    aws_prefer_cname: bool = False
    """Publish load balancers and other services of AWS as CNAME records rather than as alias records."""

    aws_evaluate_target_health: bool = True
    """Have alias records answer only while their target is healthy."""

    policy: Literal["sync", "upsert-only", "create-only"] = "upsert-only"
    """Which changes are permitted: all, no deletes, or nothing but new records."""

    registry: Registry = "txt"
    """Where ownership is kept. With `noop` every record of a wanted name counts as ours; not with sync."""

    txt_owner_id: OwnerId = ""
    """The name under which records are owned; different for every cluster. Required with the txt registry."""

    txt_prefix: str = ""
    """Put before the names of ownership TXT records; `%{record_type}` in it stands for the type."""

    txt_suffix: str = ""
    """Put after the first label of the names of ownership TXT records; not together with a prefix."""

    txt_wildcard_replacement: str = ""
    """Stands for `*` in the names of ownership TXT records."""

    txt_encrypt_enabled: bool = False
    """Encrypt ownership texts; texts that are not encrypted are still read, and kept until they change."""

    txt_encrypt_aes_key: Annotated[str, SECRET] = ""
    """The key for ownership texts: 32 bytes, as they are or in base64."""

    migrate_from_txt_owner: OwnerId = ""
    """Take over the records of this former owner id, but only of names that objects ask for here."""

    adopt_unowned: bool = False
    """Take over records without an owner that hold exactly what an object asks for."""

    managed_record_types: tuple[RecordType, ...] = ("A", "AAAA", "CNAME")
    """The types of records that are made, changed and deleted. NodePort Services need SRV for their ports."""

    exclude_record_types: tuple[RecordType, ...] = ()
    """Types that are taken out of the managed ones."""

    delete_budget: Percent = 25
    """Hold deletes of a zone when more than this many percent of its owned records would go in 10 minutes."""

    approve_plan: tuple[str, ...] = ()
    """Let deletes go that the budget holds; the decision about them, and `/api/state`, tell their hash."""

    empty_target_hold: timedelta = timedelta(minutes=15)
    """Keep the records of an object that has lost all its targets for this long; then they are deleted."""

    cache_sync_timeout: timedelta = timedelta(minutes=1)
    """With `--once`: give up when the objects could not all be read within this time."""

    interval: timedelta = timedelta(minutes=1)
    """Time between two full passes; changes are acted on at once. A pass without change asks AWS nothing."""

    min_event_sync_interval: timedelta = timedelta(seconds=2)
    """Collect changes for this long before acting on them together."""

    audit_interval: timedelta = timedelta(minutes=30)
    """Read every zone in full this often, to find what others have changed."""

    aws_zones_cache_duration: timedelta = timedelta(minutes=10)
    """List the hosted zones this often; their record counts tell which of them others have changed."""

    aws_batch_change_size: Count = 1000
    """At most so many changes in one call."""

    aws_batch_change_size_bytes: Count = 32_000
    """At most so many characters of record values in one call."""

    aws_batch_change_size_values: Count = 1000
    """At most so many record values in one call."""

    aws_batch_change_interval: timedelta = timedelta(0)
    """Pause between two calls that change one zone. Calls are paced for the whole account anyway."""

    provider: Literal["aws"] = "aws"
    """Accepted for the sake of external-dns's manifests."""

    events: bool = True
    """Accepted for the sake of external-dns's manifests; cannot be off: changes of objects always trigger."""

    def __post_init__(self) -> None:
        """Raise SettingError where settings contradict each other or cannot be read."""
        if self.registry == "txt" and not self.txt_owner_id:
            raise SettingError(
                "--txt-owner-id is required with --registry=txt: a name that only this cluster has"
            )
        if self.registry == "noop" and self.policy == "sync":
            raise SettingError(
                "--registry noop cannot go with --policy sync: it would delete everybody's records"
            )
        _check_takeover(self)
        if not self.events:
            raise SettingError("--no-events is not possible: changes of objects always trigger")
        if self.txt_prefix and self.txt_suffix:
            raise SettingError("--txt-prefix and --txt-suffix exclude each other")
        for flag, selector in (
            ("annotation", self.annotation_filter),
            ("label", self.label_filter),
            ("gateway-label", self.gateway_label_filter),
        ):
            try:
                parse_selector(selector)
            except ValueError as error:
                raise SettingError(f"--{flag}-filter: {error}") from None


def _check_takeover(config: Config) -> None:
    if config.registry == "noop" and (config.migrate_from_txt_owner or config.adopt_unowned):
        raise SettingError("--migrate-from-txt-owner and --adopt-unowned need --registry=txt")
    if config.migrate_from_txt_owner and config.migrate_from_txt_owner == config.txt_owner_id:
        raise SettingError("--migrate-from-txt-owner is the same as --txt-owner-id")


def annotation_prefixes(config: Config) -> tuple[str, ...]:
    """The prefixes of annotations that are read, the first wins."""
    legacy = names.ANNOTATION_PREFIXES[1:] if config.enable_legacy_annotation_prefix else ()
    return tuple(dict.fromkeys((*config.annotation_prefix, *legacy)))


def managed_types(config: Config) -> tuple[str, ...]:
    """The types of records that the settings permit, each once."""
    excluded = set(config.exclude_record_types)
    return tuple(dict.fromkeys(kind for kind in config.managed_record_types if kind not in excluded))
