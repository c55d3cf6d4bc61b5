"""The attributes of a load balancer, and what protects one from being deleted. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from addons.albingress import names
from addons.albingress.desired import annotations, class_params
from addons.albingress.desired.annotation_values import Unreadable, choice, form, integer
from addons.albingress.desired.asked import Asked, Invalid
from addons.albingress.desired.exclusive import SettledPairs, settle_pairs, unknown_wish
from addons.albingress.desired.inputs import GroupInputs, Member
from addons.albingress.model.objects import Ingress
from addons.albingress.model.stack import Pairs
from addons.runtime.objects import ref
from addons.runtime.outcomes import ObjectRef, Problem

PROTECTION: Final = "deletion_protection.enabled"
_flag = choice("true", "false")
_bucket = form(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the name of a bucket")

_VALUES: Final[Mapping[str, Callable[[str], Any]]] = {
    PROTECTION: _flag,
    "access_logs.s3.enabled": _flag,
    "access_logs.s3.bucket": _bucket,
    "connection_logs.s3.enabled": _flag,
    "connection_logs.s3.bucket": _bucket,
    "client_keep_alive.seconds": integer(60, 604800),
    "idle_timeout.timeout_seconds": integer(1, 4000),
    "ipv6.deny_all_igw_traffic": _flag,
    "load_balancing.cross_zone.enabled": choice("true"),
    "routing.http.desync_mitigation_mode": choice("monitor", "defensive", "strictest"),
    "routing.http.drop_invalid_header_fields.enabled": _flag,
    "routing.http.preserve_host_header.enabled": _flag,
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": _flag,
    "routing.http.xff_client_port.enabled": _flag,
    "routing.http.xff_header_processing.mode": choice("append", "preserve", "remove"),
    "routing.http2.enabled": _flag,
    "waf.fail_open.enabled": _flag,
    "zonal_shift.config.enabled": _flag,
}
"""What AWS takes; one value that it refuses would cost all of the others of the same call."""


def group_attributes(inputs: GroupInputs, incumbent: Pairs | None) -> SettledPairs:
    """The attributes that members ask for, each key on its own. Those that nobody asks for are not ours."""
    wishes: list[tuple[Member, Asked[Pairs]]] = []
    problems: list[Problem] = []
    for member in inputs.members:
        for who, wish in _wishes(member):
            allowed, faults = _allowed(who, wish)
            wishes.append((member, allowed))
            problems += faults
    settled = settle_pairs("attribute", wishes, incumbent)
    return SettledPairs(settled.pairs, settled.is_unclear, (*problems, *settled.problems))


def asks_for_protection(ingress: Ingress) -> bool:
    """Whether the annotation of an Ingress forbids to delete its load balancer."""
    return _says_of_protection(ingress, "true")


def releases(leaving: Iterable[Ingress]) -> bool:
    """Whether one of the last Ingresses of a group says in words that the load balancer may be deleted."""
    return any(_says_of_protection(ingress, "false") for ingress in leaving)


def _says_of_protection(ingress: Ingress, value: str) -> bool:
    said = annotations.LOAD_BALANCER_ATTRIBUTES.asked_by(ingress)
    return isinstance(said, tuple) and dict(said).get(PROTECTION) == value


def protected_by(leaving: Iterable[Ingress]) -> tuple[Problem, ...]:
    """A problem for each of the last Ingresses of a group that forbids to delete the load balancer."""
    fault = (
        f"attribute {PROTECTION}=true in the annotation {annotations.LOAD_BALANCER_ATTRIBUTES.name()} "
        "keeps the load balancer, whose rules are gone; set it to false to have it deleted"
    )
    return tuple(
        Problem(ref(ingress), names.DELETION_PROTECTED, fault)
        for ingress in leaving
        if asks_for_protection(ingress)
    )


def _wishes(member: Member) -> tuple[tuple[ObjectRef, Asked[Pairs]], ...]:
    """By annotation, but for the keys that the class has, and by class."""
    if member.doubt:
        return ((member.ref, unknown_wish(member)),)
    said = annotations.LOAD_BALANCER_ATTRIBUTES.asked_by(member.ingress)
    by_class = class_params.LOAD_BALANCER_ATTRIBUTES.asked_by(member.params)
    if member.params is None or by_class is None:
        return ((member.ref, said),)
    if isinstance(said, tuple) and isinstance(by_class, tuple):
        ruled = dict(by_class)
        said = tuple((key, value) for key, value in said if key not in ruled)
    return (member.ref, said), (ref(member.params), by_class)


def _allowed(who: ObjectRef, wish: Asked[Pairs]) -> tuple[Asked[Pairs], tuple[Problem, ...]]:
    if wish is None or isinstance(wish, Invalid):
        return wish, ()
    faults = {key: fault for key, value in wish if (fault := _fault(key, value))}
    problems = tuple(
        Problem(
            who,
            names.INVALID_ANNOTATION,
            f"{annotations.LOAD_BALANCER_ATTRIBUTES.key}: {key} is left out: {fault}",
        )
        for key, fault in faults.items()
    )
    return tuple((key, value) for key, value in wish if key not in faults), problems


def _fault(key: str, value: str) -> str:
    try:
        if key in _VALUES and not (value == "" and key.endswith(".bucket")):
            _VALUES[key](value)
    except Unreadable as fault:
        return str(fault)
    return ""
