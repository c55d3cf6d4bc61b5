"""Why an object asks for no name, and which of its annotations mean nothing here. Pure.

Looked for when somebody asks about the object: what nobody asks about is no fault.
"""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from addons.dns import names
from addons.dns.desired.annotations import said_by
from addons.dns.desired.service_pods import ENDED, is_ready, pod_addresses
from addons.dns.desired.settings import SourceSettings
from addons.dns.desired.source_headless import is_headless
from addons.dns.model.dns_endpoints import DnsEndpoint
from addons.dns.model.gateway import GrpcRoute, HttpRoute
from addons.dns.model.objects import Ingress, Node, Pod, Service
from addons.runtime.objects import KubeObject

_ALIKE = 0.75
"""How much alike the domains of two annotations are, from 0 to 1, if one is taken for a slip of the other."""


def why_not_asked(obj: KubeObject, settings: SourceSettings) -> str:
    """The first reason that there is for an object to ask for no name."""
    said = said_by(obj, settings)
    if (controller := said.get(names.CONTROLLER, names.CONTROLLER_VALUE)) != names.CONTROLLER_VALUE:
        return f"its annotation {names.CONTROLLER} gives it to {controller!r}"
    if not settings.labels.matches(obj.metadata.labels):
        return "--label-filter leaves it out"
    if not settings.annotations.matches(obj.metadata.annotations):
        return "--annotation-filter leaves it out"
    has_names = not {names.HOSTNAME, names.INTERNAL_HOSTNAME}.isdisjoint(said)
    if has_names and settings.ignore_hostname_annotation:
        return "--ignore-hostname-annotation leaves its annotations out"
    return _why_of_kind(obj, settings, has_names=has_names) or _nameless(obj, settings)


def _why_of_kind(obj: KubeObject, settings: SourceSettings, *, has_names: bool) -> str:
    """What only objects of its kind need, and this one has not; empty where nothing is missing."""
    match obj:
        case Service():
            return _why_of_service(obj, settings, has_names=has_names)
        case Ingress() if settings.ingress_classes and obj.ingress_class not in settings.ingress_classes:
            return f"--ingress-class leaves out its class {obj.ingress_class!r}"
        case Node() if obj.spec.unschedulable and settings.excludes_unschedulable:
            return "it is cordoned, and --exclude-unschedulable leaves it out"
        case Pod() if obj.status.phase in ENDED:
            return "it has ended"
        case Pod() if has_names and not pod_addresses(obj):
            return "it has no address"
        case Pod() if has_names and not (is_ready(obj) or settings.publish_not_ready):
            return "it is not ready, and --always-publish-not-ready-addresses is not set"
        case HttpRoute() | GrpcRoute():
            return "no listener of a Gateway that counts, and has accepted it, serves a name of it"
        case DnsEndpoint():
            return "it has no entries in spec.endpoints" if not obj.spec.endpoints else "no entry can be used"
    return ""


def _why_of_service(service: Service, settings: SourceSettings, *, has_names: bool) -> str:
    if settings.service_types and service.spec.type not in settings.service_types:
        return f"--service-type-filter leaves out its type {service.spec.type}"
    if not has_names:
        return ""
    if is_headless(service):
        return "no pod behind it is ready"
    if service.spec.type == "ClusterIP" and not settings.publish_internal_services:
        return (
            f"the annotation {names.HOSTNAME} of a ClusterIP Service counts with "
            f"--publish-internal-services only; {names.INTERNAL_HOSTNAME} always does"
        )
    return ""


def _nameless(obj: KubeObject, settings: SourceSettings) -> str:
    """That nothing names it, and what would."""
    wanted = [f"the annotation {settings.prefixes[0]}{names.HOSTNAME}"]
    if isinstance(obj, Ingress):
        wanted.append("a host in its rules")
    wanted.append("a name of --fqdn-template")
    return f"nothing names it: it has neither {' nor '.join(wanted)}"


def unknown_annotations(obj: KubeObject, settings: SourceSettings) -> Iterator[tuple[str, str]]:
    """The annotations that look like ours and mean nothing, each with the one that may be meant."""
    read: dict[str, Sequence[str]] = dict.fromkeys(settings.prefixes, names.OBJECT_ANNOTATIONS)
    read[names.OWN_PREFIX] = tuple(key.removeprefix(names.OWN_PREFIX) for key in names.OWN_ANNOTATIONS)
    for key in sorted(obj.metadata.annotations):
        domain, slash, name = key.partition("/")
        prefix = domain + slash
        if prefix in read:
            if name not in read[prefix]:
                yield key, _instead(name, prefix, read[prefix])
        elif prefix in names.ANNOTATION_PREFIXES:
            yield key, f"--annotation-prefix leaves {prefix} out"
        else:
            meant = get_close_matches(prefix, read, n=1, cutoff=_ALIKE)
            if meant and get_close_matches(name, read[meant[0]], n=1):
                yield key, _instead(name, meant[0], read[meant[0]])


def _instead(name: str, prefix: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"did you mean {prefix}{near[0]}?" if near else "it means nothing here"
