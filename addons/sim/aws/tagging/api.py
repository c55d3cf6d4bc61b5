"""The HTTP side of the Resource Groups Tagging API: GetResources."""

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any

from addons.sim.aws.errors import Refusal
from addons.sim.aws.tagging.state import Tagging, Tags
from addons.sim.aws.throttle import RateLimit, Throttles

Call = dict[str, Any]
USUAL_RATE_LIMITS = {"GetResources": RateLimit(15, 15)}
"""What AWS documents for an account and region."""

_USUAL_PAGE, _LARGEST_PAGE = 50, 100
_MOST_FILTERS, _MOST_VALUES, _MOST_ARNS = 50, 20, 100


def get_resources(tagging: Tagging, call: Call) -> Call:
    """Show a page of the resources that have all the tags, and are of one of the types; in order of ARN.

    A type is a service, or a service and how its ARNs go on: `elasticloadbalancing:listener-rule/app`.
    """
    _check(call)
    if arns := call.get("ResourceARNList"):
        there = tagging.resources()
        return {"ResourceTagMappingList": [_shape(arn, there[arn]) for arn in arns if arn in there]}
    filters, types = call.get("TagFilters", []), call.get("ResourceTypeFilters", [])
    found = sorted(
        (arn, tags)
        for arn, tags in tagging.resources().items()
        if _is_of(arn, types) and all(_meets(tags, each) for each in filters)
    )
    if token := call.get("PaginationToken"):
        after = _read_token(token)
        found = [(arn, tags) for arn, tags in found if arn > after]
    size = call.get("ResourcesPerPage", _USUAL_PAGE)
    shown = [_shape(arn, tags) for arn, tags in found[:size]]
    following = b64encode(shown[-1]["ResourceARN"].encode()).decode() if len(found) > size else ""
    return {"PaginationToken": following, "ResourceTagMappingList": shown}


def _check(call: Call) -> None:
    pages = ("ResourcesPerPage", "TagsPerPage", "PaginationToken")
    if call.get("ResourceARNList"):
        if any(call.get(name) for name in ("TagFilters", "ResourceTypeFilters", *pages)):
            raise _invalid("ResourceARNList cannot be specified with filters or pagination parameters")
        if len(call["ResourceARNList"]) > _MOST_ARNS:
            raise _invalid(f"ResourceARNList must have {_MOST_ARNS} ARNs at most")
    if "TagsPerPage" in call:
        raise _invalid("TagsPerPage is not simulated")
    if not 1 <= call.get("ResourcesPerPage", 1) <= _LARGEST_PAGE:
        raise _invalid(f"ResourcesPerPage must be between 1 and {_LARGEST_PAGE}")
    filters = call.get("TagFilters", [])
    if len(filters) > _MOST_FILTERS or any(len(each.get("Values", [])) > _MOST_VALUES for each in filters):
        raise _invalid(f"There can be {_MOST_FILTERS} tag filters with {_MOST_VALUES} values each at most")
    if not all(each.get("Key") for each in filters):
        raise _invalid("A tag filter must have a key")


def _is_of(arn: str, types: list[str]) -> bool:
    _, _, service, _, _, path = arn.split(":", 5)
    name = f"{service}:{path}"
    return not types or any(each == service or f"{name}/".startswith(f"{each}/") for each in types)


def _meets(tags: Tags, wanted: Mapping[str, Any]) -> bool:
    values = wanted.get("Values", [])
    return wanted["Key"] in tags and (not values or tags[wanted["Key"]] in values)


def _shape(arn: str, tags: Tags) -> Call:
    return {"ResourceARN": arn, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _read_token(token: str) -> str:
    try:
        return b64decode(token, validate=True).decode()
    except ValueError:
        raise Refusal(
            "PaginationTokenExpiredException", "A PaginationToken is valid for 15 minutes"
        ) from None


def _invalid(message: str) -> Refusal:
    return Refusal("InvalidParameterException", message)


OPERATIONS: Mapping[str, Callable[[Tagging, Call], Call]] = {"GetResources": get_resources}


class TaggingApi:
    """Answers requests from the state, slowed and refused as the knobs say."""

    def __init__(self, tagging: Tagging, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.tagging = tagging
        self._throttles = Throttles(monotonic)

    async def answer(self, operation: str, body: bytes) -> str:
        """Give the JSON of the answer. Raises `Refusal`."""
        tagging = self.tagging
        tagging.calls[operation] += 1
        if not self._throttles.admit(operation, tagging.knobs.rate_limits):
            raise Refusal("ThrottledException", "Rate exceeded")
        if tagging.knobs.latency_seconds:
            await tagging.sleep(tagging.knobs.latency_seconds)
        tagging.settle()
        return json.dumps(OPERATIONS[operation](tagging, json.loads(body or b"{}")))
