"""From the names and targets of one object to its endpoints, in five steps. Pure.

1. Names outside the domain filter are left out, and remembered as such.
2. The targets of one name are put together, by record type; two spellings of one target are one.
3. What DNS does not permit beside the rest is left out, and told as a problem.
4. Aliases, routing policy and hosted zone are set as the object asks (`provider_specific`).
5. Unmanaged record types and unwanted targets are left out (`target_filter`).
"""

from collections.abc import Iterable, Mapping, Sequence

from addons.dns import names
from addons.dns.desired.annotations import Annotations
from addons.dns.desired.provider_specific import apply_provider_specific
from addons.dns.desired.settings import SourceSettings
from addons.dns.model.endpoint import Desired, Endpoint, source_object
from addons.dns.model.records import read_target
from addons.runtime.objects import KubeObject
from addons.runtime.outcomes import Problem

NamedTargets = tuple[str, Sequence[str]]
"""A canonical name, and the addresses and host names that it is to lead to."""


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
    targets: dict[str, set[tuple[str, str]]] = {}
    outside: set[str] = set()
    for name, found in named:
        if settings.domains.accepts(name):
            targets.setdefault(name, set()).update(map(read_target, found))
        else:
            outside.add(name)
    endpoints: list[Endpoint] = []
    faults = list(dict.fromkeys(problems))
    for name in sorted(targets):
        permitted, refused = _permitted(_by_type(targets[name]))
        endpoints += (
            Endpoint(name, kind, values, annotations.ttl, asked_by) for kind, values in permitted.items()
        )
        if refused:
            faults.append(Problem(asked_by.ref, names.CONFLICTING_TARGETS, f"{name}: {refused}"))
    desired = Desired((*endpoints, *more), tuple(faults), tuple(sorted(outside)))
    desired = apply_provider_specific(asked_by.ref, desired, annotations.provider_specific, settings)
    return settings.targets.permit(desired)


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
