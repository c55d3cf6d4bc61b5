"""The source `crd`: the record sets of DNSEndpoints, as they stand there. Pure.

An entry that makes no sense costs itself only: the record that it had stays.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

from msgspec.structs import replace

from addons.dns import names
from addons.dns.config import RecordType
from addons.dns.desired.annotations import checked_hostname, read_annotations
from addons.dns.desired.endpoints import RULE_OF_RIVALS
from addons.dns.desired.provider_specific import (
    ProviderSpecific,
    apply_provider_specific,
    read_provider_specific,
)
from addons.dns.desired.record_values import InvalidValue, parse_value
from addons.dns.desired.settings import SourceSettings
from addons.dns.model.dns_endpoints import DnsEndpoint, WantedEndpoint
from addons.dns.model.endpoint import Desired, Endpoint, SourceObject, source_object
from addons.dns.model.records import MANAGED_TYPES, type_of_target
from addons.runtime.outcomes import Problem

_LONGEST_TTL = 2**31 - 1

Key = tuple[str, str, str, bool]
"""Name, type, set identifier, and whether the entry is unusable."""


def crd_endpoints(obj: DnsEndpoint, settings: SourceSettings) -> Desired:
    """Every entry is an endpoint; several entries of one name, type and set identifier make one together.

    Entries that exclude each other are told, and handed on all the same: what exists decides between them,
    never the order in which they stand.
    """
    if (annotations := read_annotations(obj, settings)) is None:
        return Desired()
    asked_by = source_object(obj)
    found: dict[Key, list[Endpoint]] = {}
    problems: list[Problem] = list(annotations.problems)
    outside: set[str] = set()
    unreadable: SourceObject | None = None
    for number, entry in enumerate(obj.spec.endpoints):
        where = f"spec.endpoints[{number}]"
        desired = _entry(entry, where, asked_by, settings)
        problems += desired.problems
        outside.update(desired.outside)
        unreadable = unreadable or desired.unreadable
        for endpoint in desired.endpoints:
            if _has_rival(found, endpoint):
                fault = f"{where}: {endpoint.type} {endpoint.name} excludes another entry; {RULE_OF_RIVALS}"
                problems.append(Problem(asked_by.ref, names.CONFLICTING_TARGETS, fault))
            _add(found, endpoint)
    everything = (endpoint for key in sorted(found) for endpoint in found[key])
    endpoints = tuple(_unmanaged_alone(everything, settings))
    desired = Desired(endpoints, tuple(dict.fromkeys(problems)), tuple(sorted(outside)), unreadable)
    return settings.targets.permit(desired)


def _entry(entry: WantedEndpoint, where: str, asked_by: SourceObject, settings: SourceSettings) -> Desired:
    """What one entry asks for, with what its properties say about aliases and routing."""
    problems: list[Problem] = []
    name = checked_hostname(asked_by.ref, f"{where}.dnsName", entry.dns_name, problems)
    if name is None:
        return Desired((), tuple(problems), unreadable=asked_by)
    if not settings.domains.accepts(name):
        return Desired((), tuple(problems), (name,))
    asked = read_provider_specific(_properties(entry), settings)
    try:
        entry, asked = _as_alias(entry, asked)
        values = _values(entry, where, settings)
        ttl = _ttl(entry, where) or settings.default_ttl
    except InvalidValue as error:
        problems = [Problem(asked_by.ref, names.INVALID_ENDPOINT, str(error))]
        kind, values, ttl, is_unusable = _type_of(entry), (), settings.default_ttl, True
    else:
        is_pending = not values and entry.record_type in MANAGED_TYPES
        kind, is_unusable = "" if is_pending else entry.record_type, False
    endpoint = Endpoint(name, kind, values, ttl, asked_by, is_unusable=is_unusable)
    applied = apply_provider_specific(asked_by.ref, Desired((endpoint,)), asked, settings)
    problems += (_placed(problem, where) for problem in applied.problems)
    return replace(applied, problems=tuple(problems))


def _type_of(entry: WantedEndpoint) -> str:
    """The record type of an unusable entry; the empty text where that makes no sense itself."""
    return entry.record_type if entry.record_type in get_args(RecordType) else ""


def _unmanaged_alone(endpoints: Iterable[Endpoint], settings: SourceSettings) -> Iterator[Endpoint]:
    """The endpoints; of a name that is asked for with unmanaged types alone, these keep what there is.

    Beside others they mean nothing here.
    """
    found = list(endpoints)
    usable = {endpoint.name for endpoint in found if not endpoint.is_unusable}
    for endpoint in found:
        is_managed = endpoint.type in ("", *settings.targets.types)
        yield endpoint if is_managed or endpoint.name in usable else replace(endpoint, type="")


def _as_alias(entry: WantedEndpoint, asked: ProviderSpecific) -> tuple[WantedEndpoint, ProviderSpecific]:
    """An A or AAAA entry that leads to a host name and is to be an alias: an alias of that type alone.

    external-dns writes such entries; only with the property `alias` they make sense.
    """
    kind = entry.record_type
    has_hosts = bool(entry.targets) and all(type_of_target(target) == "CNAME" for target in entry.targets)
    if not (kind in ("A", "AAAA") and has_hosts and kind in (asked.alias_types or ())):
        return entry, asked
    return replace(entry, record_type="CNAME"), replace(asked, alias_types=(kind,))


def _values(entry: WantedEndpoint, where: str, settings: SourceSettings) -> tuple[str, ...]:
    """The targets as Route 53 writes them; raises InvalidValue."""
    kind = entry.record_type
    if kind not in settings.targets.types:
        managed = ", ".join(sorted(settings.targets.types))
        raise InvalidValue(
            f"{where}.recordType: {kind!r} is not managed; --managed-record-types has {managed}"
        )
    try:
        found = {parse_value(kind, target) for target in entry.targets}
    except InvalidValue as error:
        raise InvalidValue(f"{where}.targets: {error}") from None
    if kind == "CNAME" and len(found) > 1:
        raise InvalidValue(f"{where}.targets: a CNAME has one target, not {len(found)}")
    return tuple(sorted(found))


def _ttl(entry: WantedEndpoint, where: str) -> int:
    if 0 <= entry.ttl <= _LONGEST_TTL:
        return entry.ttl
    raise InvalidValue(f"{where}.recordTTL: {entry.ttl} is not a number of seconds from 0 to {_LONGEST_TTL}")


def _properties(entry: WantedEndpoint) -> Mapping[str, str]:
    """The properties and the set identifier, called as the annotations that mean the same."""
    said = {name.replace("/", "-"): value for name, value in entry.properties.items()}
    return said | ({names.SET_IDENTIFIER: entry.set_identifier} if entry.set_identifier else {})


def _placed(problem: Problem, where: str) -> Problem:
    message = problem.message.removeprefix("annotation ")
    return Problem(problem.ref, problem.reason, f"{where}: {message}")


def _has_rival(found: Mapping[Key, list[Endpoint]], endpoint: Endpoint) -> bool:
    """True when one of the endpoints cannot be a record beside this one."""
    place = (endpoint.name, endpoint.set_identifier, endpoint.is_unusable)
    for (name, kind, identifier, is_unusable), others in found.items():
        if endpoint.is_unusable or (name, identifier, is_unusable) != place:
            continue
        if kind == endpoint.type:
            if not any(_is_one(other, endpoint) for other in others):
                return True
        elif "CNAME" in (kind, endpoint.type):
            return True
    return False


def _add(found: dict[Key, list[Endpoint]], endpoint: Endpoint) -> None:
    """Take one more endpoint, joined with one that differs in targets alone; the shorter TTL counts."""
    key = (endpoint.name, endpoint.type, endpoint.set_identifier, endpoint.is_unusable)
    rivals = found.setdefault(key, [])
    for number, other in enumerate(rivals):
        if _is_one(other, endpoint):
            targets = tuple(sorted({*other.targets, *endpoint.targets}))
            keeps_ttl = other.keeps_ttl or endpoint.keeps_ttl
            ttl = min(other.ttl, endpoint.ttl)
            rivals[number] = replace(other, targets=targets, ttl=ttl, keeps_ttl=keeps_ttl)
            return
    rivals.append(endpoint)


def _is_one(one: Endpoint, other: Endpoint) -> bool:
    """True when both go into one record set: where they lead, and TTLs, may differ, but for a CNAME."""
    if one.type == "CNAME" and one.targets != other.targets:
        return False
    return replace(one, targets=other.targets, ttl=other.ttl, keeps_ttl=other.keeps_ttl) == other
