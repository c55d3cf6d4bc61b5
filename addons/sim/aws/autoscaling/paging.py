"""Pages of what describing operations show."""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from addons.sim.aws.autoscaling.errors import AutoScalingError, invalid

T = TypeVar("T")


def page(
    things: Sequence[T], call: Mapping[str, Any], *, usual: int = 50, largest: int = 100
) -> tuple[list[T], str | None]:
    """Give a page, `usual` long when the call does not say, and the token of the next one."""
    size = call.get("MaxRecords", usual)
    if not 1 <= size <= largest:
        raise invalid(f"The parameter MaxRecords must be between 1 and {largest}")
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
    raise AutoScalingError("InvalidNextToken", f"The token '{token}' is invalid")
