"""Routing policies: one of several record sets of a name answers, by weight, place, health or luck. Pure."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from addons.dns import names

_LONGEST_IDENTIFIER: Final = 128
_REGION: Final = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")
_COORDINATES: Final = re.compile(r"([-+]?\d{1,2}(?:\.\d{0,2})?)\s*,\s*([-+]?\d{1,3}(?:\.\d{0,2})?)", re.ASCII)
_NORTHERNMOST: Final = 90
_EASTERNMOST: Final = 180
_CONTINENTS: Final = ("AF", "AN", "AS", "EU", "NA", "OC", "SA")


class InvalidRouting(ValueError):
    """The annotations describe no routing policy that Route 53 knows; the message says why."""


class Routing(Struct, frozen=True):
    """A routing policy as the model keeps it: see `RecordSet.routing`. All empty means plain records."""

    set_identifier: str = ""
    policy: tuple[tuple[str, str], ...] = ()
    health_check_id: str = ""


def read_routing(said: Mapping[str, str], default_identifier: str) -> Routing:
    """The routing policy that `said` asks for, its keys written as annotations without prefix.

    `default_identifier` stands where a policy has no set identifier: the owner id, which tells clusters
    apart. Raises InvalidRouting where values make no sense or policies exclude each other; a record must
    then stay as it is, because every guess would send traffic somewhere.
    """
    fields = _fields(said)
    if len(fields) > 1:
        kinds = " and ".join(_KEYS[field] for field in sorted(fields))
        raise InvalidRouting(f"{kinds} exclude each other: a record set has one routing policy")
    health_check = said.get(names.AWS_HEALTH_CHECK_ID, "").strip()
    if not fields:
        for key in (names.SET_IDENTIFIER, names.AWS_HEALTH_CHECK_ID):
            if said.get(key):
                raise InvalidRouting(f"{key} needs a routing policy beside it, like {names.AWS_WEIGHT}")
        return Routing()
    policy = tuple((field, json.dumps(value, sort_keys=True)) for field, value in fields.items())
    return Routing(set_identifier_of(said, default_identifier), policy, health_check)


def set_identifier_of(said: Mapping[str, str], default_identifier: str) -> str:
    """The set identifier, written or by default; raises InvalidRouting when it cannot be one."""
    identifier = said.get(names.SET_IDENTIFIER, "").strip() or default_identifier
    if not identifier:
        raise InvalidRouting(f"a routing policy needs a {names.SET_IDENTIFIER}")
    if len(identifier) > _LONGEST_IDENTIFIER:
        raise InvalidRouting(
            f"{names.SET_IDENTIFIER} has {len(identifier)} characters, at most {_LONGEST_IDENTIFIER} fit"
        )
    return identifier


def _fields(said: Mapping[str, str]) -> dict[str, Any]:
    """The routing fields of the Route 53 API that `said` has something about."""
    found = {field: read(said) for field, read in _READERS.items()}
    return {field: value for field, value in found.items() if value is not None}


def _weight(said: Mapping[str, str]) -> int | None:
    return _whole_number(said, names.AWS_WEIGHT, 0, 255)


def _region(said: Mapping[str, str]) -> str | None:
    return _matching(said, names.AWS_REGION, _REGION, "a region like eu-central-1")


def _failover(said: Mapping[str, str]) -> str | None:
    return _one_of(said, names.AWS_FAILOVER, ("PRIMARY", "SECONDARY"))


def _multi_value(said: Mapping[str, str]) -> bool | None:
    """Presence is enough for external-dns; a plain "false" is taken at its word."""
    text = said.get(names.AWS_MULTI_VALUE_ANSWER)
    if text is None or text.strip().lower() == "false":
        return None
    if text.strip().lower() not in ("", "true"):
        raise InvalidRouting(f"{names.AWS_MULTI_VALUE_ANSWER}: {text!r} is neither true nor false")
    return True


def _geolocation(said: Mapping[str, str]) -> dict[str, str] | None:
    continent = _one_of(said, names.AWS_CONTINENT, _CONTINENTS)
    country = _matching(
        said, names.AWS_COUNTRY, re.compile(r"[A-Z]{2}|\*"), "a country like DE, or *", upper=True
    )
    subdivision = _matching(
        said, names.AWS_SUBDIVISION, re.compile(r"[A-Z0-9]{1,3}"), "a subdivision like NY", upper=True
    )
    if continent and country:
        raise InvalidRouting(f"{names.AWS_CONTINENT} and {names.AWS_COUNTRY} exclude each other")
    if subdivision and not country:
        raise InvalidRouting(f"{names.AWS_SUBDIVISION} needs {names.AWS_COUNTRY} beside it")
    if continent:
        return {"ContinentCode": continent}
    if country:
        return {"CountryCode": country} | ({"SubdivisionCode": subdivision} if subdivision else {})
    return None


def _geoproximity(said: Mapping[str, str]) -> dict[str, Any] | None:
    bias = _whole_number(said, names.AWS_BIAS, -99, 99)
    places: dict[str, Any] = {
        names.AWS_PROXIMITY_REGION: (
            "AWSRegion",
            _matching(said, names.AWS_PROXIMITY_REGION, _REGION, "a region"),
        ),
        names.AWS_LOCAL_ZONE_GROUP: ("LocalZoneGroup", said.get(names.AWS_LOCAL_ZONE_GROUP, "").strip()),
        names.AWS_COORDINATES: ("Coordinates", _coordinates(said)),
    }
    given = {key: place for key, place in places.items() if place[1]}
    if len(given) > 1:
        raise InvalidRouting(f"{' and '.join(sorted(given))} exclude each other")
    if not given:
        if bias is not None:
            raise InvalidRouting(
                f"{names.AWS_BIAS} needs a place beside it, like {names.AWS_PROXIMITY_REGION}"
            )
        return None
    return dict(given.values()) | ({"Bias": bias} if bias else {})


def _coordinates(said: Mapping[str, str]) -> dict[str, str] | None:
    text = said.get(names.AWS_COORDINATES)
    if text is None:
        return None
    match = _COORDINATES.fullmatch(text.strip())
    if match and abs(float(match[1])) <= _NORTHERNMOST and abs(float(match[2])) <= _EASTERNMOST:
        return {"Latitude": match[1], "Longitude": match[2]}
    raise InvalidRouting(
        f"{names.AWS_COORDINATES}: {text!r} is not latitude and longitude with at most two decimals,"
        " like 49.22,-74.01"
    )


def _whole_number(said: Mapping[str, str], key: str, least: int, most: int) -> int | None:
    text = said.get(key)
    if text is None:
        return None
    if re.fullmatch(r"-?\d{1,4}", text.strip(), re.ASCII) and least <= int(text) <= most:
        return int(text)
    raise InvalidRouting(f"{key}: {text!r} is not a whole number from {least} to {most}")


def _one_of(said: Mapping[str, str], key: str, choices: tuple[str, ...]) -> str | None:
    text = said.get(key)
    if text is None or text.strip().upper() in choices:
        return text and text.strip().upper()
    raise InvalidRouting(f"{key}: {text!r} is none of {', '.join(choices)}")


def _matching(
    said: Mapping[str, str], key: str, pattern: re.Pattern[str], what: str, *, upper: bool = False
) -> str | None:
    text = said.get(key)
    if text is None:
        return None
    value = text.strip().upper() if upper else text.strip()
    if pattern.fullmatch(value):
        return value
    raise InvalidRouting(f"{key}: {text!r} is not {what}")


_READERS: Final[Mapping[str, Callable[[Mapping[str, str]], Any]]] = {
    "Failover": _failover,
    "GeoLocation": _geolocation,
    "GeoProximityLocation": _geoproximity,
    "MultiValueAnswer": _multi_value,
    "Region": _region,
    "Weight": _weight,
}

_KEYS: Final = {
    "Failover": names.AWS_FAILOVER,
    "GeoLocation": "aws-geolocation-*",
    "GeoProximityLocation": "aws-geoproximity-*",
    "MultiValueAnswer": names.AWS_MULTI_VALUE_ANSWER,
    "Region": names.AWS_REGION,
    "Weight": names.AWS_WEIGHT,
}
