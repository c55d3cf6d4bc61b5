"""From the names and targets of one object to its endpoints, in five steps. Pure.

1. Names outside the domain filter are left out, and remembered as such.
2. The targets of one name are put together, by record type; two spellings of one target are one, and a name
   with some that cannot be read is unusable.
3. What DNS does not permit side by side is told as a problem, and handed on all the same: what exists
   decides.
4. Aliases, routing policy and hosted zone are set as the object asks (`provider_specific`).
5. Unmanaged record types and unwanted targets are left out (`target_filter`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from addons.dns import names
from addons.dns.desired.annotations import Annotations, checked_hostname
from addons.dns.desired.provider_specific import apply_provider_specific
from addons.dns.desired.settings import SourceSettings
from addons.dns.model.endpoint import Desired, Endpoint, SourceObject, source_object, unusable
from addons.dns.model.records import read_target
from addons.runtime.objects import KubeObject
from addons.runtime.outcomes import Problem

NamedTargets = tuple[str, Sequence[str] | None]
"""A canonical name, and the addresses and hosts that it is to lead to; None where these cannot be read."""

RULE_OF_RIVALS = "the one whose record exists counts, else addresses before a CNAME"

_UNREADABLE = (names.INVALID_HOSTNAME, names.INVALID_TEMPLATE)
"""Problems of an object that leave a name of it unknown."""


def make_endpoints(
    obj: KubeObject,
    named: Iterable[NamedTargets],
    annotations: Annotations,
    settings: SourceSettings,
    *,
    problems: Iterable[Problem],
    more: Sequence[Endpoint] = (),
) -> Desired:
    """One endpoint for each name and type. `more` has endpoints that the object asks for besides."""
    asked_by = source_object(obj)
    targets: dict[str, set[tuple[str, str] | None]] = {}
    outside: set[str] = set()
    for name, found in named:
        if settings.domains.accepts(name):
            targets.setdefault(name, set()).update((None,) if found is None else map(read_target, found))
        else:
            outside.add(name)
    endpoints: list[Endpoint] = []
    faults = list(dict.fromkeys(problems))
    unreadable = any(found.reason in _UNREADABLE and found.ref == asked_by.ref for found in faults)
    for name in sorted(targets):
        endpoints += _endpoints(name, targets[name], annotations, asked_by, faults)
    desired = Desired(
        (*endpoints, *more), tuple(faults), tuple(sorted(outside)), asked_by if unreadable else None
    )
    desired = apply_provider_specific(asked_by.ref, desired, annotations.provider_specific, settings)
    return settings.targets.permit(desired)


def _endpoints(
    name: str,
    targets: set[tuple[str, str] | None],
    annotations: Annotations,
    asked_by: SourceObject,
    faults: list[Problem],
) -> Iterator[Endpoint]:
    """The endpoints of one name: an unusable one of each type where some of the targets cannot be read."""
    known = {target for target in targets if target is not None}
    by_type = _by_type(known)
    for host in by_type.get("CNAME", ()):
        if checked_hostname(asked_by.ref, f"target of {name}", host, faults) is None:
            known.remove(("CNAME", host))
    is_readable = len(known) == len(targets)
    if rivals := _rivals(by_type if is_readable else _by_type(known)):
        faults.append(Problem(asked_by.ref, names.CONFLICTING_TARGETS, f"{name}: {rivals}"))
    for kind, values in _together(by_type if is_readable else _by_type(known)):
        endpoint = Endpoint(name, kind, values, annotations.ttl, asked_by, keeps_ttl=annotations.keeps_ttl)
        if values or is_readable:
            yield endpoint
        if not is_readable:
            yield unusable(endpoint, kind=kind)


def _by_type(targets: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for kind, target in sorted(targets):
        found.setdefault(kind, []).append(target)
    return {kind: tuple(values) for kind, values in found.items()}


def _together(targets: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The types and values of record sets: all addresses of a family make one, each host name one of its own.

    Without any target the endpoint is pending: its type is empty.
    """
    if not targets:
        yield "", ()
    for kind, values in targets.items():
        yield from ((kind, (host,)) for host in values) if kind == "CNAME" else ((kind, values),)


def _rivals(targets: Mapping[str, tuple[str, ...]]) -> str:
    """Which of the targets exclude each other, in words; empty when none do."""
    hosts = targets.get("CNAME", ())
    if hosts and len(targets) > 1:
        fault = "exclude the addresses beside them: a name with addresses cannot be a CNAME too"
    elif len(hosts) > 1:
        fault = "exclude each other: a CNAME has one target"
    else:
        return ""
    return f"{', '.join(hosts)} {fault}; {RULE_OF_RIVALS}"
