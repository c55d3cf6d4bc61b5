"""From the names and targets of one object to its endpoints: at most one per name and type."""

from collections.abc import Iterable, Mapping, Sequence

from addons.dns import names
from addons.dns.model.endpoint import Desired, Endpoint, SourceObject
from addons.dns.model.records import type_of_target
from addons.dns.model.zones import DomainFilter
from addons.runtime.clock import rfc3339
from addons.runtime.objects import KubeObject, ref
from addons.runtime.outcomes import Problem

Wish = tuple[str, Sequence[str]]
"""(canonical name, targets: addresses and host names)"""


def source_object(obj: KubeObject) -> SourceObject:
    """The object as the one behind its endpoints."""
    created = obj.metadata.creation_timestamp
    return SourceObject(ref(obj), rfc3339(created) if created else "")


def merge_wishes(
    asked_by: SourceObject,
    wishes: Iterable[Wish],
    *,
    ttl: int,
    domains: DomainFilter,
    problems: Iterable[Problem],
) -> Desired:
    """One endpoint for each name and type, with the targets of all wishes for that name.

    Names outside the domain filter are left out. A name that would need both addresses and a CNAME, or a
    CNAME to two places, gets what DNS permits, and a problem.
    """
    by_name: dict[str, set[str]] = {}
    outside: set[str] = set()
    for name, targets in wishes:
        if domains.accepts(name):
            by_name.setdefault(name, set()).update(targets)
        else:
            outside.add(name)
    found = list(problems)
    endpoints: list[Endpoint] = []
    for name in sorted(by_name):
        granted, refused = _permitted(_by_type(by_name[name]))
        endpoints.extend(Endpoint(name, kind, values, ttl, asked_by) for kind, values in granted.items())
        if refused:
            found.append(Problem(asked_by.ref, names.CONFLICTING_TARGETS, f"{name}: {refused}"))
    return Desired(tuple(endpoints), tuple(found), tuple(sorted(outside)))


def _by_type(targets: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for target in sorted(targets):
        found.setdefault(type_of_target(target), []).append(target)
    return {kind: tuple(found[kind]) for kind in sorted(found)}


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
