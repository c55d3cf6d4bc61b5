"""The source `ingress`: what Ingresses ask for. Pure."""

from collections.abc import Iterator

from msgspec.structs import replace

from addons.dns import names
from addons.dns.desired.annotations import checked_hostname, read_annotations, read_hostname_source
from addons.dns.desired.endpoints import make_endpoints
from addons.dns.desired.fqdn_template import add_template_names
from addons.dns.desired.settings import SourceSettings
from addons.dns.model.endpoint import Desired
from addons.dns.model.objects import Ingress
from addons.runtime.objects import ref
from addons.runtime.outcomes import Problem


def ingress_endpoints(ingress: Ingress, settings: SourceSettings) -> Desired:
    """Every host of its rules, certificates and annotations, or of the template, at its load balancer."""
    if settings.ingress_classes and ingress.ingress_class not in settings.ingress_classes:
        return Desired()
    if (annotations := read_annotations(ingress, settings)) is None:
        return Desired()
    problems: list[Problem] = []
    counting = read_hostname_source(ingress, names.INGRESS_HOSTNAME_SOURCE, settings, problems)
    defined = tuple(_hosts(ingress, settings, problems))
    if counting == names.ANNOTATION_ONLY:
        defined = ()
    elif counting == names.DEFINED_HOSTS_ONLY:
        annotations = replace(annotations, hostnames=())
    annotations = add_template_names(ingress, annotations, settings, has_names=bool(defined))
    problems += annotations.problems
    targets = load_balancer_targets(ingress) if annotations.targets == () else annotations.targets
    if counting is None:
        targets = None
    named = [(host, targets) for host in {*annotations.hostnames, *defined}]
    return make_endpoints(ingress, named, annotations, settings, problems=problems)


def load_balancer_targets(ingress: Ingress) -> tuple[str, ...]:
    """The addresses and host names in its status; none until a controller has served it."""
    ways_in = ingress.status.load_balancer.ingress
    return tuple(target for way in ways_in for target in (way.ip, way.hostname.removesuffix(".")) if target)


def _hosts(ingress: Ingress, settings: SourceSettings, problems: list[Problem]) -> Iterator[str]:
    written: dict[str, str] = {}
    if not settings.ignore_ingress_rules:
        written.update((rule.host, "spec.rules") for rule in ingress.spec.rules)
    if not settings.ignore_ingress_tls:
        for tls in ingress.spec.tls:
            written.update((host, "spec.tls") for host in tls.hosts if host not in written)
    for host, where in written.items():
        if host and (name := checked_hostname(ref(ingress), where, host, problems)) is not None:
            yield name
