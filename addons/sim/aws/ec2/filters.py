"""Choosing and paging what describing operations show."""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from addons.sim.aws.ec2.errors import Ec2Error, conflicting, invalid, not_found
from addons.sim.aws.ec2.model import Tags

T = TypeVar("T")
Values = Callable[[T], Iterable[object]]
"""What a filter compares: the values that a thing has."""

_MOST_VALUES = 200
_SMALLEST_PAGE = 5


def choose(
    things: Mapping[str, T],
    kind: str,
    ids: Collection[str],
    filters: Iterable[Mapping[str, Any]],
    filterable: Mapping[str, Values[T]],
) -> list[T]:
    """Give the things with one of the ids, any without ids, that pass every filter.

    `kind` is how ids begin. Raises NotFound for an id that nothing has, and InvalidParameterValue.
    """
    for id_ in ids:
        if not re.fullmatch(rf"{kind}-[0-9a-f]+", id_):
            raise Ec2Error(f"{_MALFORMED[kind]}.Malformed", f'Invalid id: "{id_}" (expecting "{kind}-...")')
    if absent := [id_ for id_ in ids if id_ not in things]:
        raise not_found(kind, *absent)
    found = [things[id_] for id_ in dict.fromkeys(ids)] if ids else list(things.values())
    return narrow(found, filters, filterable)


_MALFORMED = {
    "eni": "InvalidNetworkInterfaceId",
    "i": "InvalidInstanceID",
    "subnet": "InvalidSubnetID",
    "vpc": "InvalidVpcID",
    "rtb": "InvalidRouteTableId",
    "sg": "InvalidGroupId",
}


def narrow(
    things: list[T], filters: Iterable[Mapping[str, Any]], filterable: Mapping[str, Values[T]]
) -> list[T]:
    """Give the things that pass every filter: one of its values, with * and ?, is one that the thing has."""
    for each in filters:
        values_of = _values_of(each.get("Name", ""), filterable)
        wanted = _pattern(tuple(each.get("Values", ())))
        things = [thing for thing in things if any(map(wanted.fullmatch, map(_text, values_of(thing))))]
    return things


def page(
    things: list[T],
    call: Mapping[str, Any],
    key: Callable[[T], str],
    *,
    ids: Collection[str] = (),
    largest: int = 1000,
) -> tuple[list[T], str | None]:
    """Give one page, of `largest` at most, and the token of the next one.

    The order is by id, which tells nothing of age.
    """
    most, token = call.get("MaxResults"), call.get("NextToken")
    if most is not None and ids:
        raise conflicting("The parameter MaxResults cannot be used together with ids")
    if most is not None and not _SMALLEST_PAGE <= most <= largest:
        expected = f"Expecting a value from {_SMALLEST_PAGE} to {largest}."
        raise invalid(f"Value ( {most} ) for parameter maxResults is invalid. {expected}")
    things = sorted(things, key=key)
    if token is not None:
        after = _read_token(token)
        things = [thing for thing in things if key(thing) > after]
    most = most or largest
    following = b64encode(key(things[most - 1]).encode()).decode() if len(things) > most else None
    return things[:most], following


def _read_token(token: str) -> str:
    try:
        return b64decode(token, validate=True).decode()
    except ValueError:
        raise Ec2Error("InvalidNextToken", f"The token '{token}' is invalid") from None


def _values_of(name: str, filterable: Mapping[str, Values[T]]) -> Values[T]:
    if name.startswith("tag:"):
        key = name.removeprefix("tag:")
        return lambda thing: [value for its_key, value in _tags(thing).items() if its_key == key]
    if name == "tag-key":
        return lambda thing: _tags(thing)
    if name not in filterable:
        raise invalid(f"The filter '{name}' is invalid")
    return filterable[name]


def _tags(thing: object) -> Tags:
    tags: Tags = getattr(thing, "tags", {})
    return tags


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@lru_cache(maxsize=1000)
def _pattern(values: tuple[str, ...]) -> re.Pattern[str]:
    if not values:
        raise invalid("The filter needs at least one value")
    if len(values) > _MOST_VALUES:
        raise Ec2Error("FilterLimitExceeded", f"The maximum number of filter values is {_MOST_VALUES}")
    return re.compile("|".join(f"(?:{_wildcards(value)})" for value in values), re.DOTALL)


def _wildcards(value: str) -> str:
    r"""Translate * and ? as EC2 means them; a backslash before one takes its meaning away."""
    parts = re.findall(r"\\.|.", value, re.DOTALL)
    return "".join({"*": ".*", "?": "."}.get(part) or re.escape(part[-1]) for part in parts)
