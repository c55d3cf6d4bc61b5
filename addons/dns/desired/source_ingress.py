"""What Ingresses ask for."""

from collections.abc import Iterator

from msgspec.structs import replace

from addons.dns import names
from addons.dns.desired.annotations import checked_hostname, read_annotations, read_hostname_source
from addons.dns.desired.endpoints import merge_wishes, source_object
from addons.dns.desired.fqdn_template import with_template_names
from addons.dns.desired.provider_specific import apply_provider_specific
from addons.dns.desired.settings import SourceSettings
from addons.dns.model.endpoint import Desired
from addons.runtime.objects import Ingress
from addons.runtime.outcomes import ObjectRef, Problem


def ingress_endpoints(ingress: Ingress, settings: SourceSettings) -> Desired:
    """Every host of its rules, certificates and annotations, or of the template, at its load balancer."""
    if not settings.covers_ingress(ingress):
        return Desired()
    asked_by = source_object(ingress)
    asked = read_annotations(asked_by.ref, ingress.metadata.annotations, settings)
    if not asked.is_ours:
        return Desired()
    problems: list[Problem] = []
    source = read_hostname_source(
        asked_by.ref, names.INGRESS_HOSTNAME_SOURCE, ingress.metadata.annotations, settings, problems
    )
    defined = tuple(_hosts(asked_by.ref, ingress, settings, problems))
    if source == names.ANNOTATION_ONLY:
        defined = ()
    elif source == names.DEFINED_HOSTS_ONLY:
        asked = replace(asked, hostnames=())
    asked = with_template_names(ingress, asked, settings, has_names=bool(defined))
    problems += asked.problems
    hosts = {*asked.hostnames, *defined}
    targets = asked.targets or load_balancer_targets(ingress)
    wishes = [(host, targets) for host in hosts]
    endpoints = merge_wishes(asked_by, wishes, ttl=asked.ttl, domains=settings.domains, problems=problems)
    return apply_provider_specific(asked_by.ref, endpoints, asked.provider_specific, settings)


def load_balancer_targets(ingress: Ingress) -> tuple[str, ...]:
    """The addresses and host names in its status; none until a controller has served it."""
    ways_in = ingress.status.load_balancer.ingress
    return tuple(target for way in ways_in for target in (way.ip, way.hostname.removesuffix(".")) if target)


def _hosts(
    ref: ObjectRef, ingress: Ingress, settings: SourceSettings, problems: list[Problem]
) -> Iterator[str]:
    written: dict[str, str] = {}
    if not settings.ignore_ingress_rules:
        written.update((rule.host, "spec.rules") for rule in ingress.spec.rules)
    if not settings.ignore_ingress_tls:
        for tls in ingress.spec.tls:
            written.update((host, "spec.tls") for host in tls.hosts if host not in written)
    for host, where in written.items():
        if host and (name := checked_hostname(ref, where, host, problems)) is not None:
            yield name
