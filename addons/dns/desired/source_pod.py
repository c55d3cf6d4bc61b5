"""The source `pod`: names from annotations of pods, and one below `--pod-source-domain`. Pure."""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from addons.dns import names
from addons.dns.desired.annotations import Annotations, invalid, read_annotations
from addons.dns.desired.endpoints import NamedTargets, make_endpoints
from addons.dns.desired.fqdn_template import add_template_names
from addons.dns.desired.service_pods import ENDED, is_ready, pod_addresses
from addons.dns.desired.settings import SourceSettings
from addons.dns.desired.source_node import reachable_addresses
from addons.dns.model.endpoint import Desired, Endpoint
from addons.dns.model.hostnames import InvalidHostname, parse_hostname
from addons.dns.model.objects import Node, Pod
from addons.runtime.objects import ref
from addons.runtime.outcomes import Problem

_MULTI_VALUE: Final = (("MultiValueAnswer", "true"),)
_ACCESS: Final = ("", "public", "private")


def pod_endpoints(pod: Pod, node: Node | None, settings: SourceSettings) -> Desired:
    """Every host name in its annotations, those of the template, and the name of its own, with its addresses.

    `node` is the one that it runs on. A host name of a pod in the host's network leads to that node as it is
    reached from outside; all other names lead to the addresses of the pod.

    | the pod | names that others may share | its own name |
    |---|---|---|
    | is ready | has them | has it |
    | is not ready | none | none |
    | is about to end | none | keeps it until it is gone |
    """
    if pod.status.phase in ENDED:
        return Desired()
    if (annotations := read_annotations(pod, settings, default_ttl=settings.pod_ttl)) is None:
        return Desired()
    said = annotations.hostnames
    annotations = add_template_names(pod, annotations, settings)
    if faults := tuple(_faults(pod, annotations)):
        annotations = replace(annotations, targets=None)
    problems = [*annotations.problems, *faults]
    is_leaving = pod.metadata.deletion_timestamp is not None
    is_live = not is_leaving and (settings.publish_not_ready or is_ready(pod))
    named = list(_shared_names(pod, node, said, annotations, settings)) if is_live else []
    if is_live or is_leaving:
        named += _own_name(pod, annotations, settings, problems)
    desired = make_endpoints(pod, named, annotations, settings, problems=problems)
    endpoints = tuple(
        replace(endpoint, keeps=is_leaving, hold_seconds=settings.hold_seconds)
        for endpoint in desired.endpoints
    )
    if _has_record_sets_of_its_own(pod):
        endpoints = tuple(_multi_value(endpoint, pod) for endpoint in endpoints)
    return replace(desired, endpoints=endpoints)


def _shared_names(
    pod: Pod, node: Node | None, said: tuple[str, ...], annotations: Annotations, settings: SourceSettings
) -> Iterator[NamedTargets]:
    """Names that other pods may have too; `said` are those of the hostname annotation.

    A name whose node has no address now is asked for all the same, and so is pending.
    """
    inside = outside = pod_addresses(pod)
    access = annotations.access
    is_on_node = access == "public" or (pod.spec.host_network and access != "private")
    if is_on_node:
        outside = reachable_addresses([node] if node else [], settings, access)
    made = tuple(name for name in annotations.hostnames if name not in said)
    for hostnames, addresses in ((said, outside), ((*annotations.internal_hostnames, *made), inside)):
        targets = addresses if annotations.targets == () else annotations.targets
        if targets != () or (hostnames is said and is_on_node):
            yield from ((hostname, targets) for hostname in hostnames)


def _own_name(
    pod: Pod, annotations: Annotations, settings: SourceSettings, problems: list[Problem]
) -> Iterator[NamedTargets]:
    targets = pod_addresses(pod) if annotations.targets == () else annotations.targets
    if settings.pod_domain and targets != ():
        try:
            yield parse_hostname(f"{pod.metadata.name}.{settings.pod_domain}"), targets
        except InvalidHostname as error:
            problems.append(Problem(ref(pod), names.INVALID_HOSTNAME, str(error)))


def _faults(pod: Pod, annotations: Annotations) -> Iterator[Problem]:
    which, text = ref(pod), pod.metadata.annotations.get(names.MULTI_VALUE, names.PER_POD)
    if annotations.access not in _ACCESS:
        yield invalid(which, names.ACCESS, f"{annotations.access!r} is neither public nor private")
    if text != names.PER_POD:
        yield invalid(which, names.MULTI_VALUE, f"{text!r} is not {names.PER_POD}")
        return
    policy = annotations.provider_specific.routing.policy
    if _has_record_sets_of_its_own(pod) and policy not in ((), _MULTI_VALUE):
        yield invalid(which, names.MULTI_VALUE, "goes with no other routing policy")


def _has_record_sets_of_its_own(pod: Pod) -> bool:
    return pod.metadata.annotations.get(names.MULTI_VALUE) == names.PER_POD


def _multi_value(endpoint: Endpoint, pod: Pod) -> Endpoint:
    """The same name with a record set that is this pod's alone: one pod more is one small change.

    No other pod can take over such a record set, so there is nothing to hold it for. A host name as a target
    cannot be in one, nor can a record with another routing policy.
    """
    if endpoint.type not in ("", "A", "AAAA") or endpoint.alias or endpoint.routing not in ((), _MULTI_VALUE):
        return endpoint
    return replace(endpoint, set_identifier=pod.metadata.uid, routing=_MULTI_VALUE, hold_seconds=0)
