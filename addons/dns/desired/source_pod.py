"""What pods ask for themselves: names from their annotations, and one below `--pod-source-domain`. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from addons.dns import names
from addons.dns.desired.addresses import addresses_of_nodes
from addons.dns.desired.annotations import Asked, read_annotations
from addons.dns.desired.endpoints import Wish, merge_wishes, source_object
from addons.dns.desired.fqdn_template import with_template_names
from addons.dns.desired.members import ENDED, is_ready, pod_addresses
from addons.dns.desired.provider_specific import apply_provider_specific
from addons.dns.desired.settings import SourceSettings
from addons.dns.model.endpoint import Desired, Endpoint
from addons.dns.model.hostnames import InvalidHostname, parse_hostname
from addons.runtime.objects import Node, Pod, ref
from addons.runtime.outcomes import ObjectRef, Problem

_MULTI_VALUE: Final = (("MultiValueAnswer", "true"),)
_ACCESS: Final = ("", "public", "private")


def pod_endpoints(pod: Pod, node: Node | None, settings: SourceSettings) -> Desired:
    """Every host name in its annotations, and the name of its own, with all addresses of the pod.

    `node` is the one that it runs on. A pod that is not ready, or about to end, is in no name that others may
    share. Its own name stays until it is gone, and then for a moment, since a successor may follow.
    """
    if pod.status.phase in ENDED or not settings.covers(pod):
        return Desired()
    asked = read_annotations(ref(pod), pod.metadata.annotations, settings, default_ttl=settings.pod_ttl)
    if not asked.is_ours:
        return Desired()
    asked = with_template_names(pod, asked, settings)
    problems = [*asked.problems, *_faults(pod, asked)]
    is_leaving = pod.metadata.deletion_timestamp is not None
    is_live = not is_leaving and (settings.publish_not_ready or is_ready(pod))
    own = list(_own_wishes(pod, asked, settings, problems)) if is_live or is_leaving else []
    shared = list(_shared_wishes(pod, node, asked)) if is_live else []
    asked_by = source_object(pod)
    merged = merge_wishes(
        asked_by, shared + own, ttl=asked.ttl, domains=settings.domains, problems=dict.fromkeys(problems)
    )
    applied = apply_provider_specific(asked_by.ref, merged, asked.provider_specific, settings)
    endpoints = (
        replace(endpoint, keeps=is_leaving, hold_seconds=settings.hold_seconds)
        for endpoint in applied.endpoints
    )
    found = replace(applied, endpoints=tuple(endpoints))
    return _apart(pod, found) if _is_apart(pod) else found


def _shared_wishes(pod: Pod, node: Node | None, asked: Asked) -> Iterator[Wish]:
    inside = outside = pod_addresses(pod)
    if asked.access == "public":
        outside = tuple(addresses_of_nodes([node], "ExternalIP")) if node else ()
    for hostnames, addresses in ((asked.hostnames, outside), (asked.internal_hostnames, inside)):
        if targets := asked.targets or addresses:
            yield from ((hostname, targets) for hostname in hostnames)


def _own_wishes(pod: Pod, asked: Asked, settings: SourceSettings, problems: list[Problem]) -> Iterator[Wish]:
    targets = asked.targets or pod_addresses(pod)
    if settings.pod_domain and targets:
        try:
            yield parse_hostname(f"{pod.metadata.name}.{settings.pod_domain}"), targets
        except InvalidHostname as error:
            problems.append(Problem(ref(pod), names.INVALID_HOSTNAME, str(error)))


def _faults(pod: Pod, asked: Asked) -> Iterable[Problem]:
    which, text = ref(pod), pod.metadata.annotations.get(names.MULTI_VALUE, names.PER_POD)
    if asked.access not in _ACCESS:
        yield _fault(which, f"annotation {names.ACCESS}: {asked.access!r} is neither public nor private")
    if text != names.PER_POD:
        yield _fault(which, f"annotation {names.MULTI_VALUE}: {text!r} is not {names.PER_POD}")
    elif _is_apart(pod) and asked.provider_specific.routing.policy not in ((), _MULTI_VALUE):
        yield _fault(which, f"annotation {names.MULTI_VALUE}: goes with no other routing policy")


def _is_apart(pod: Pod) -> bool:
    return pod.metadata.annotations.get(names.MULTI_VALUE) == names.PER_POD


def _apart(pod: Pod, endpoints: Desired) -> Desired:
    """The same names with record sets that are this pod's alone, so that one pod more is one small change.

    Nobody can succeed to such a record set, so there is nothing to hold it for. A host name as a target
    cannot be in one, nor can a record with another routing policy.
    """

    def apart(endpoint: Endpoint) -> Endpoint:
        if endpoint.type not in ("A", "AAAA") or endpoint.alias or endpoint.routing not in ((), _MULTI_VALUE):
            return endpoint
        return replace(endpoint, set_identifier=pod.metadata.uid, routing=_MULTI_VALUE, hold_seconds=0)

    return replace(endpoints, endpoints=tuple(map(apart, endpoints.endpoints)))


def _fault(which: ObjectRef, message: str) -> Problem:
    return Problem(which, names.INVALID_ANNOTATION, message)
