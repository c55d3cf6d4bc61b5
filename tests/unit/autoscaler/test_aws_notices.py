"""Messages of a queue, in every envelope in which AWS sends them."""

import json
from typing import Any

import pytest

from addons.autoscaler.aws.notices import Lifecycle, Notice, Unreadable, notice_from_text

AT = 1767323045.0
TIME = "2026-01-02T03:04:05Z"
ACTION = {
    "LifecycleTransition": "autoscaling:EC2_INSTANCE_TERMINATING",
    "AutoScalingGroupName": "web",
    "LifecycleHookName": "drain",
    "LifecycleActionToken": "token",
    "EC2InstanceId": "i-1",
}
LIFECYCLE = Lifecycle("web", "drain", "token", "i-1")


def event(kind: str, **detail: str) -> dict[str, Any]:
    """A notice as EventBridge sends it."""
    return {
        "version": "0",
        "detail-type": kind,
        "time": TIME,
        "detail": {k.replace("_", "-"): v for k, v in detail.items()},
    }


def read(body: Any) -> Notice | None:
    """Read a message whose body is this value."""
    return notice_from_text(json.dumps(body))


def test_a_spot_warning_has_a_deadline() -> None:
    notice = read(event("EC2 Spot Instance Interruption Warning", instance_id="i-1", instance_action="stop"))
    assert notice
    assert (notice.kind, notice.instance, notice.at, notice.deadline) == (
        "spot-interruption",
        "i-1",
        AT,
        AT + 120,
    )
    assert "stop" in notice.details


def test_a_rebalance_recommendation_has_none() -> None:
    notice = read(event("EC2 Instance Rebalance Recommendation", instance_id="i-1"))
    assert notice
    assert (notice.kind, notice.deadline) == ("rebalance", None)


@pytest.mark.parametrize(("state", "is_told"), [("stopping", True), ("terminated", True), ("running", False)])
def test_a_change_of_state_counts_when_the_instance_goes(state: str, is_told: bool) -> None:
    assert (
        read(event("EC2 Instance State-change Notification", instance_id="i-1", state=state)) is not None
    ) is is_told


@pytest.mark.parametrize(
    "body",
    [
        {"detail-type": "EC2 Instance-terminate Lifecycle Action", "time": TIME, "detail": ACTION},
        {**ACTION, "Service": "AWS Auto Scaling", "Time": "2026-01-02T03:04:05.000Z"},
        {**ACTION, "time": TIME},
        {"Type": "Notification", "Message": json.dumps({**ACTION, "Time": TIME})},
    ],
)
def test_a_hook_that_waits_is_the_same_in_every_envelope(body: dict[str, Any]) -> None:
    notice = read(body)
    assert notice
    assert (notice.kind, notice.group, notice.at, notice.lifecycle) == ("lifecycle", "web", AT, LIFECYCLE)


def test_notices_of_one_instance_differ_by_kind_and_token() -> None:
    kinds = ("EC2 Spot Instance Interruption Warning", "EC2 Instance Rebalance Recommendation")
    notices = [read(event(kind, instance_id="i-1")) for kind in kinds]
    notices += [read({**ACTION, "LifecycleActionToken": token, "Time": TIME}) for token in ("x", "y")]
    assert len({notice.key for notice in notices if notice}) == 4


@pytest.mark.parametrize("name", sorted(ACTION))
@pytest.mark.parametrize("wrong", [None, "", 7, ["x"]])
def test_an_action_without_one_of_its_names_is_unreadable(name: str, wrong: object) -> None:
    body = {**ACTION, name: wrong, "Time": TIME}
    if name == "LifecycleTransition":
        assert read(body) is None
        return
    with pytest.raises(Unreadable):
        read(body)


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "1",
        '"text"',
        "{",
        '{"detail-type": [], "detail": {}}',
        "\x00",
        '{"Type": "Notification", "Message": 5}',
    ],
)
def test_anything_else_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        notice_from_text(text)
