"""Pages of what describing operations show."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from addons.sim.aws.elbv2.errors import invalid

T = TypeVar("T")


def page(
    things: Sequence[T], call: Mapping[str, Any], key: Callable[[T], str], *, usual: int
) -> tuple[list[T], str | None]:
    """Give a page, `usual` long when the call does not say, and the marker of the next one."""
    size = call.get("PageSize", usual)
    if not 1 <= size <= 400:
        raise invalid(
            f"1 validation error detected: Value '{size}' at 'pageSize' failed to satisfy constraint: "
            "Member must be between 1 and 400"
        )
    start = 0
    if marker := call.get("Marker"):
        found = [number for number, thing in enumerate(things) if key(thing) == marker]
        if not found:
            raise invalid(f"Invalid marker '{marker}'")
        start = found[0] + 1
    shown = list(things[start : start + size])
    return shown, key(shown[-1]) if start + size < len(things) else None


def only_one(call: Mapping[str, Any], *names: str) -> None:
    """Refuse a call that chooses in two ways at once."""
    if sum(bool(call.get(name)) for name in names) > 1:
        raise invalid(f"Only one of {', '.join(names)} can be specified")
