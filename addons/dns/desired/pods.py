"""What pods ask for themselves: names from their annotations, and one below `--pod-source-domain`. Pure."""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from addons.dns import names
from addons.dns.desired.addresses import addresses_of_nodes
from addons.dns.desired.annotations import Asked, read_annotations
from addons.dns.desired.fqdn import with_template_names
from addons.dns.desired.members import ENDED, is_ready, pod_addresses
from addons.dns.desired.merge import Wish, claimant_of, merge_wishes
from addons.dns.desired.scope import Scope
from addons.dns.desired.steering import steer
from addons.dns.model.claims import Claim, Claims
from addons.dns.model.hostnames import InvalidHostname, parse_hostname
from addons.dns.model.objects import Node, Pod
from addons.runtime.objects import ref
from addons.runtime.outcomes import ObjectRef, Problem

_MULTI_VALUE: Final = (("MultiValueAnswer", "true"),)
_ACCESS: Final = ("", "public", "private")


def pod_claims(pod: Pod, node: Node | None, scope: Scope) -> Claims:
    """Every host name in its annotations, and the name of its own, with all addresses of the pod.

    `node` is the one that it runs on. A pod that is not ready, or about to end, is in no name that others may
    share. Its own name stays until it is gone, and then for a moment, since a successor may follow.
    """
    if pod.status.phase in ENDED or not scope.covers(pod):
        return Claims()
    asked = read_annotations(ref(pod), pod.metadata.annotations, scope, default_ttl=scope.pod_ttl)
    if not asked.is_ours:
        return Claims()
    asked = with_template_names(pod, asked, scope)
    problems = [*asked.problems, *_faults(pod, asked)]
    is_leaving = pod.metadata.deletion_timestamp is not None
    is_live = not is_leaving and (scope.publish_not_ready or is_ready(pod))
    own = list(_own_wishes(pod, asked, scope, problems)) if is_live or is_leaving else []
    shared = list(_shared_wishes(pod, node, asked)) if is_live else []
    claimant = claimant_of(pod)
    merged = merge_wishes(
        claimant, shared + own, ttl=asked.ttl, domains=scope.domains, problems=dict.fromkeys(problems)
    )
    steered = steer(claimant.ref, merged, asked.steering, scope)
    claims = (replace(claim, keeps=is_leaving, hold_seconds=scope.hold_seconds) for claim in steered.claims)
    found = replace(steered, claims=tuple(claims))
    return _apart(pod, found) if _is_apart(pod) else found


def _shared_wishes(pod: Pod, node: Node | None, asked: Asked) -> Iterator[Wish]:
    inside = outside = pod_addresses(pod)
    if asked.access == "public":
        outside = tuple(addresses_of_nodes([node], "ExternalIP")) if node else ()
    for hostnames, addresses in ((asked.hostnames, outside), (asked.internal_hostnames, inside)):
        if targets := asked.targets or addresses:
            yield from ((hostname, targets) for hostname in hostnames)


def _own_wishes(pod: Pod, asked: Asked, scope: Scope, problems: list[Problem]) -> Iterator[Wish]:
    targets = asked.targets or pod_addresses(pod)
    if scope.pod_domain and targets:
        try:
            yield parse_hostname(f"{pod.metadata.name}.{scope.pod_domain}"), targets
        except InvalidHostname as error:
            problems.append(Problem(ref(pod), names.INVALID_HOSTNAME, str(error)))


def _faults(pod: Pod, asked: Asked) -> Iterable[Problem]:
    which, text = ref(pod), pod.metadata.annotations.get(names.MULTI_VALUE, names.PER_POD)
    if asked.access not in _ACCESS:
        yield _fault(which, f"annotation {names.ACCESS}: {asked.access!r} is neither public nor private")
    if text != names.PER_POD:
        yield _fault(which, f"annotation {names.MULTI_VALUE}: {text!r} is not {names.PER_POD}")
    elif _is_apart(pod) and asked.steering.routing.policy not in ((), _MULTI_VALUE):
        yield _fault(which, f"annotation {names.MULTI_VALUE}: goes with no other routing policy")


def _is_apart(pod: Pod) -> bool:
    return pod.metadata.annotations.get(names.MULTI_VALUE) == names.PER_POD


def _apart(pod: Pod, claims: Claims) -> Claims:
    """The same names with record sets that are this pod's alone, so that one pod more is one small change.

    Nobody can succeed to such a record set, so there is nothing to hold it for. A host name as a target
    cannot be in one, nor can a record with another routing policy.
    """

    def apart(claim: Claim) -> Claim:
        if claim.type not in ("A", "AAAA") or claim.alias or claim.routing not in ((), _MULTI_VALUE):
            return claim
        return replace(claim, set_identifier=pod.metadata.uid, routing=_MULTI_VALUE, hold_seconds=0)

    return replace(claims, claims=tuple(map(apart, claims.claims)))


def _fault(which: ObjectRef, message: str) -> Problem:
    return Problem(which, names.INVALID_ANNOTATION, message)
