"""The memory of decisions."""

import json
from datetime import UTC, datetime, timedelta

import msgspec

from addons.runtime.decisions import Decisions
from addons.runtime.outcomes import ObjectRef

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WEB = ObjectRef("Service", "default", "web")


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def remembered(*messages: str, size: int = 1000) -> Decisions:
    decisions = Decisions(size, Clock())
    for message in messages:
        decisions.record(key="Z1", ref=WEB, action="create", reason="RecordReady", message=message)
    return decisions


class TestDecisions:
    def test_the_newest_come_first(self) -> None:
        assert [one.message for one in remembered("a", "b", "c").newest()] == ["c", "b", "a"]

    def test_only_so_many_are_kept_and_given(self) -> None:
        decisions = remembered("a", "b", "c", size=2)
        assert [one.message for one in decisions.newest()] == ["c", "b"]
        assert [one.message for one in decisions.newest(limit=1)] == ["c"]

    def test_a_repeated_one_is_told_once_with_its_latest_time_and_its_count(self) -> None:
        first, second = remembered("a", "b", "a").newest()
        assert (first.message, first.count, first.time) == ("a", 2, START + timedelta(seconds=3))
        assert (second.message, second.count) == ("b", 1)

    def test_those_of_one_object_can_be_asked_for(self) -> None:
        decisions = remembered("a")
        decisions.record(key="Z1", ref=None, action="skip", reason="NoZone", message="b")
        assert [one.message for one in decisions.newest("service/default/web")] == ["a"]
        assert decisions.newest("service/default/other") == []

    def test_what_is_made_out_on_demand_comes_first_and_only_when_its_object_is_asked_for(self) -> None:
        decisions = remembered("a")
        (made,) = remembered("made out").newest()
        decisions.on_demand = lambda about: [made] if about == "service/default/web" else []
        assert [one.message for one in decisions.newest("service/default/web")] == ["made out", "a"]
        assert decisions.newest("service/default/web", limit=1) == [made]
        assert [one.message for one in decisions.newest()] == ["a"]

    def test_the_form_is_the_documented_one(self) -> None:
        decisions = Decisions(now=lambda: START)
        decisions.record(
            key="Z1", ref=WEB, action="skip", reason="Blocked", message="resting", retry_at=START
        )
        (one,) = decisions.newest()
        assert json.loads(msgspec.json.encode(one)) == {
            "time": "2026-01-02T03:04:05Z",
            "key": "Z1",
            "object": "service/default/web",
            "action": "skip",
            "reason": "Blocked",
            "message": "resting",
            "retryAt": "2026-01-02T03:04:05Z",
            "count": 1,
        }
