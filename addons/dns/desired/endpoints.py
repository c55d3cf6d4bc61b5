"""From the names and targets of one object to its endpoints, in five steps. Pure.

1. Names outside the domain filter are left out, and remembered as such.
2. The targets of one name are put together, by record type; two spellings of one target are one, and a name
   with some that cannot be read is unusable.
3. What DNS does not permit beside the rest is left out, and told as a problem.
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
    permitted, refused = _permitted(by_type if is_readable else _by_type(known))
    if refused:
        faults.append(Problem(asked_by.ref, names.CONFLICTING_TARGETS, f"{name}: {refused}"))
    for kind, values in permitted.items():
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


def _permitted(targets: Mapping[str, tuple[str, ...]]) -> tuple[Mapping[str, tuple[str, ...]], str]:
    """The record types that can stand together, and what was left out, in words.

    Without any target the endpoint is pending: its type is empty.
    """
    hosts = targets.get("CNAME", ())
    if not targets:
        return {"": ()}, ""
    if hosts and len(targets) > 1:
        addresses = {kind: values for kind, values in targets.items() if kind != "CNAME"}
        return addresses, f"{', '.join(hosts)} left out: a name with addresses cannot be a CNAME too"
    if len(hosts) > 1:
        return {"CNAME": hosts[:1]}, f"{', '.join(hosts[1:])} left out: a CNAME has one target"
    return targets, ""
