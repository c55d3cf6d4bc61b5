"""What one record set must be by itself: first its form, then its values. Its neighbours come in `batch`."""

import re

from addons.sim.aws.route53.errors import InvalidInput
from addons.sim.aws.route53.model import POLICIES, Change, RecordSet
from addons.sim.aws.route53.values import TYPES, value_problem

_MAX_TTL = 2**31 - 1
_MAX_VALUES = 400
_HOSTED_ZONE_ID = re.compile(r"[A-Z0-9]{1,32}")
_SET_ID_LENGTHS = range(1, 129)
_WEIGHTS = range(256)
_BIASES = range(-99, 100)
_NOT_FOR_ALIAS = ("NS", "SOA")
_NOT_FOR_MULTIVALUE = ("CNAME", "NS", "SOA")


def check_form(change: Change) -> None:
    """Refuse a change whose fields do not belong together; such a request fails whole, as InvalidInput.

    Raises `InvalidInput`.
    """
    action, record_set = change
    if action not in ("CREATE", "DELETE", "UPSERT"):
        raise InvalidInput(f"Invalid XML ; the value '{action}' of element 'Action' is not valid.")
    if record_set.type not in TYPES:
        raise InvalidInput(f"Invalid XML ; the value '{record_set.type}' of element 'Type' is not valid.")
    _check_content(record_set, _place(change))
    _check_policy(record_set, _place(change))


def _place(change: Change) -> str:
    record_set = change.record_set
    set_id = record_set.set_id or "null"
    return (
        f"in Change with [Action={change.action}, Name={record_set.name}, Type={record_set.type}, "
        f"SetIdentifier={set_id}]"
    )


def _check_content(record_set: RecordSet, place: str) -> None:
    is_plain = record_set.ttl is not None or bool(record_set.values)
    if is_plain == (record_set.alias is not None):
        found = "more than one" if is_plain else "none"
        raise InvalidInput(
            "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], "
            f"or TrafficPolicyInstanceId], but found {found} {place}"
        )
    if record_set.alias is None:
        if record_set.ttl is None:
            raise InvalidInput(f"Invalid request: Missing field 'TTL' {place}")
        if not record_set.values:
            raise InvalidInput(f"Invalid request: Missing field 'ResourceRecords' {place}")
        if not 0 <= record_set.ttl <= _MAX_TTL:
            raise InvalidInput(f"Invalid XML ; the value '{record_set.ttl}' of element 'TTL' is not valid.")


def _check_policy(record_set: RecordSet, place: str) -> None:
    policies = record_set.policies
    if record_set.set_id and len(policies) != 1:
        found = "more than one" if policies else "none"
        raise InvalidInput(
            f"Invalid request: Expected exactly one of [{', '.join(POLICIES[:-1])}, or {POLICIES[-1]}], "
            f"but found {found} {place}"
        )
    if policies and not record_set.set_id:
        raise InvalidInput(f"Invalid request: Missing field 'SetIdentifier' {place}")
    if record_set.set_id and len(record_set.set_id) not in _SET_ID_LENGTHS:
        raise InvalidInput(
            "Invalid XML ; the value of element 'SetIdentifier' must have 1 to 128 characters."
        )
    _check_policy_value(record_set)


def _check_policy_value(record_set: RecordSet) -> None:
    if record_set.weight is not None and record_set.weight not in _WEIGHTS:
        raise InvalidInput(
            f"Invalid XML ; the value '{record_set.weight}' of element 'Weight' must be from 0 to 255."
        )
    if record_set.failover not in ("", "PRIMARY", "SECONDARY"):
        raise InvalidInput(
            f"Invalid XML ; the value '{record_set.failover}' of element 'Failover' is not valid."
        )
    place, near = record_set.geo_location, record_set.geo_proximity
    if place and bool(place.continent) == bool(place.country):
        raise InvalidInput("Invalid request: a GeoLocation needs either a ContinentCode or a CountryCode")
    if near and near.bias is not None and near.bias not in _BIASES:
        raise InvalidInput(f"Invalid XML ; the value '{near.bias}' of element 'Bias' is not valid.")


def content_problems(record_set: RecordSet) -> list[str]:
    """Say, for each fault in the values or the alias target, what Route 53 says of it."""
    if record_set.alias is not None:
        return _alias_problems(record_set)
    values = record_set.values
    if len(values) == 1:
        problem = value_problem(record_set.type, values[0])
        return [problem] if problem else []
    problems = [problem for value in values if (problem := value_problem(record_set.type, value))]
    if len(values) > _MAX_VALUES:
        problems.append(f"Cannot have more than {_MAX_VALUES} records in a RRSet.")
    if record_set.type == "CNAME":
        problems.append(
            f"RRSet of type CNAME with DNS name {record_set.name} cannot have more than one resource record."
        )
    if repeated := sorted({value for value in values if values.count(value) > 1}):
        problems += [f"Duplicate Resource Record: '{value}'" for value in repeated]
    return problems


def _alias_problems(record_set: RecordSet) -> list[str]:
    assert record_set.alias is not None
    problems = []
    if not _HOSTED_ZONE_ID.fullmatch(record_set.alias.hosted_zone_id):
        problems.append(
            f"The hosted zone id '{record_set.alias.hosted_zone_id}' of the alias target is not valid."
        )
    if record_set.type in _NOT_FOR_ALIAS:
        problems.append(
            f"RRSet of type {record_set.type} with DNS name {record_set.name} cannot be an alias."
        )
    return problems


def multivalue_problem(record_set: RecordSet) -> str:
    """Say why the record set cannot answer with multiple values; "" when it can or is not asked to."""
    if record_set.multivalue and (record_set.alias or record_set.type in _NOT_FOR_MULTIVALUE):
        return f"RRSet with DNS name {record_set.name}, type {record_set.type} cannot be a multivalue answer."
    return ""
