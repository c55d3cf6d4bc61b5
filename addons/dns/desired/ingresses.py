"""What Ingresses ask for."""

from collections.abc import Iterator

from msgspec.structs import replace

from addons.dns import names
from addons.dns.desired.annotations import checked_hostname, read_annotations, read_hostname_source
from addons.dns.desired.fqdn import with_template_names
from addons.dns.desired.merge import claimant_of, merge_wishes
from addons.dns.desired.scope import Scope
from addons.dns.desired.steering import steer
from addons.dns.model.claims import Claims
from addons.dns.model.objects import Ingress
from addons.runtime.outcomes import ObjectRef, Problem


def ingress_claims(ingress: Ingress, scope: Scope) -> Claims:
    """Every host of its rules, certificates and annotations, or of the template, at its load balancer."""
    if not scope.covers_ingress(ingress):
        return Claims()
    claimant = claimant_of(ingress)
    asked = read_annotations(claimant.ref, ingress.metadata.annotations, scope)
    if not asked.is_ours:
        return Claims()
    problems: list[Problem] = []
    source = read_hostname_source(
        claimant.ref, names.INGRESS_HOSTNAME_SOURCE, ingress.metadata.annotations, scope, problems
    )
    defined = tuple(_hosts(claimant.ref, ingress, scope, problems))
    if source == names.ANNOTATION_ONLY:
        defined = ()
    elif source == names.DEFINED_HOSTS_ONLY:
        asked = replace(asked, hostnames=())
    asked = with_template_names(ingress, asked, scope, has_names=bool(defined))
    problems += asked.problems
    hosts = {*asked.hostnames, *defined}
    targets = asked.targets or load_balancer_targets(ingress)
    wishes = [(host, targets) for host in hosts]
    claims = merge_wishes(claimant, wishes, ttl=asked.ttl, domains=scope.domains, problems=problems)
    return steer(claimant.ref, claims, asked.steering, scope)


def load_balancer_targets(ingress: Ingress) -> tuple[str, ...]:
    """The addresses and host names in its status; none until a controller has served it."""
    ways_in = ingress.status.load_balancer.ingress
    return tuple(target for way in ways_in for target in (way.ip, way.hostname.removesuffix(".")) if target)


def _hosts(ref: ObjectRef, ingress: Ingress, scope: Scope, problems: list[Problem]) -> Iterator[str]:
    written: dict[str, str] = {}
    if not scope.ignore_ingress_rules:
        written.update((rule.host, "spec.rules") for rule in ingress.spec.rules)
    if not scope.ignore_ingress_tls:
        for tls in ingress.spec.tls:
            written.update((host, "spec.tls") for host in tls.hosts if host not in written)
    for host, where in written.items():
        if host and (name := checked_hostname(ref, where, host, problems)) is not None:
            yield name
