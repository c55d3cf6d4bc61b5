"""What a queue has for us: notices that instances will go, of EventBridge or of Auto Scaling itself."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from addons.runtime.clock import parse_rfc3339

Item = Mapping[str, Any]
Kind = Literal["spot-interruption", "rebalance", "state-change", "lifecycle"]

SPOT_WARNING_SECONDS: Final = 120.0

_TERMINATING: Final = "autoscaling:EC2_INSTANCE_TERMINATING"
_GOING: Final = frozenset({"stopping", "stopped", "shutting-down", "terminated"})


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """A lifecycle action of a group that waits for word before it ends an instance."""

    group: str
    hook: str
    token: str
    instance: str


@dataclass(frozen=True, slots=True)
class Notice:
    """An instance will go, or is going. `at` is when AWS said so, `deadline` when it will be gone, as far as
    AWS tells, both in Unix seconds. `details` are words for people."""

    kind: Kind
    instance: str
    at: float
    deadline: float | None = None
    group: str = ""
    lifecycle: Lifecycle | None = None
    details: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """The same for a notice that comes twice."""
        return self.kind, self.instance, self.lifecycle.token if self.lifecycle else ""


class Unreadable(ValueError):
    """A message that is none of those which belong in the queue; says why."""


def notice_from_text(text: str) -> Notice | None:
    """Read the body of a message; None for one that asks for nothing. Raises Unreadable."""
    try:
        body = json.loads(text)
        if isinstance(body, dict) and body.get("Type") == "Notification" and "Message" in body:
            body = json.loads(body["Message"])  # SNS stands between
        if not isinstance(body, dict):
            raise Unreadable("it is no JSON object")
        return _notice(body)
    except Unreadable:
        raise
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise Unreadable(f"it is not understood: {error!r}") from error


def _notice(body: Item) -> Notice | None:
    if body.get("Event") == "autoscaling:TEST_NOTIFICATION":
        return None
    if "LifecycleTransition" in body:
        return _lifecycle(body, body.get("Time") or body["time"])
    kind, detail = body.get("detail-type"), body.get("detail")
    if not (isinstance(kind, str) and isinstance(detail, dict)):
        raise Unreadable("it has no detail-type and detail")
    if read := _READERS.get(kind):
        return read(body, detail)
    raise Unreadable(f"its detail-type is {kind}")


def _lifecycle(detail: Item, time: str) -> Notice | None:
    """A lifecycle action; those of instances that start are none of ours."""
    if detail["LifecycleTransition"] != _TERMINATING:
        return None
    action = Lifecycle(
        group=_text(detail["AutoScalingGroupName"]),
        hook=_text(detail["LifecycleHookName"]),
        token=_text(detail["LifecycleActionToken"]),
        instance=_text(detail["EC2InstanceId"]),
    )
    words = f"group {action.group} ends it, and waits by its hook {action.hook}"
    at = parse_rfc3339(time).timestamp()
    return Notice("lifecycle", action.instance, at, None, action.group, action, words)


def _spot_interruption(body: Item, detail: Item) -> Notice:
    at = parse_rfc3339(body["time"]).timestamp()
    words = f"EC2 takes the spot instance back ({detail.get('instance-action', 'terminate')})"
    instance = _text(detail["instance-id"])
    return Notice("spot-interruption", instance, at, at + SPOT_WARNING_SECONDS, details=words)


def _rebalance(body: Item, detail: Item) -> Notice:
    at = parse_rfc3339(body["time"]).timestamp()
    words = "EC2 recommends to leave it, as it is likely to be taken back"
    return Notice("rebalance", _text(detail["instance-id"]), at, details=words)


def _state_change(body: Item, detail: Item) -> Notice | None:
    if detail["state"] not in _GOING:
        return None
    at = parse_rfc3339(body["time"]).timestamp()
    return Notice("state-change", _text(detail["instance-id"]), at, details=f"it is {detail['state']}")


def _lifecycle_event(body: Item, detail: Item) -> Notice | None:
    return _lifecycle(detail, body["time"])


_READERS: Final[Mapping[str, Callable[[Item, Item], Notice | None]]] = {
    "EC2 Spot Instance Interruption Warning": _spot_interruption,
    "EC2 Instance Rebalance Recommendation": _rebalance,
    "EC2 Instance State-change Notification": _state_change,
    "EC2 Instance-terminate Lifecycle Action": _lifecycle_event,
    "EC2 Instance-launch Lifecycle Action": _lifecycle_event,
}


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r} is no name")
    return value
