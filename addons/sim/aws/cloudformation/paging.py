"""Pages of what describing operations show."""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from addons.sim.aws.cloudformation.errors import invalid

T = TypeVar("T")


def page(things: Sequence[T], call: Mapping[str, Any], size: int) -> tuple[list[T], str | None]:
    """Give a page and the token of the next one."""
    start = _start(call["NextToken"]) if call.get("NextToken") else 0
    following = b64encode(f"at {start + size}".encode()).decode() if start + size < len(things) else None
    return list(things[start : start + size]), following


def _start(token: str) -> int:
    try:
        word, number = b64decode(token, validate=True).decode().split()
        if word == "at":
            return int(number)
    except ValueError:
        pass
    raise invalid(f"The token '{token}' is not valid")
