"""What holds on is told once, and again when it was over meanwhile or changed."""

import logging
from typing import Any

import pytest

from addons.runtime.decisions import Decisions
from addons.runtime.outcomes import ObjectRef
from addons.runtime.reporter import Report, Reporter

WEB = ObjectRef("Service", "default", "web")


class Events:
    """Notes the Events that would be written."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str, str, str, str]] = []

    def event(self, ref: ObjectRef, *, type: str, reason: str, action: str, message: str) -> None:  # noqa: A002
        self.made.append((str(ref), type, reason, action, message))


class Told:
    """A reporter, and what it has told."""

    def __init__(self) -> None:
        self.decisions = Decisions()
        self.events = Events()
        self.reporter = Reporter(decisions=self.decisions, events=self.events)  # type: ignore[arg-type]

    @property
    def count(self) -> int:
        return sum(decision.count for decision in self.decisions.newest())


def report(key: str = "a", message: str = "no target", **more: Any) -> Report:
    return Report(key=key, ref=WEB, action="skip", reason="NoTargets", message=message, **more)


class TestTelling:
    def test_of_a_long_message_both_ends_are_told(self) -> None:
        told = Told()
        told.reporter.tell(report(message=f"ttl: {'9' * 262_144} is no TTL"))
        (decision,) = told.decisions.newest()
        assert 4000 < len(decision.message) <= 4096
        assert (decision.message[:7], decision.message[-11:]) == ("ttl: 99", "9 is no TTL")

    def test_a_report_is_a_line_a_decision_and_an_event(self, caplog: pytest.LogCaptureFixture) -> None:
        told = Told()
        with caplog.at_level(logging.INFO):
            told.reporter.tell(report(log="warning", event="Warning"))
        assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
            ("WARNING", "a: no target (NoTargets)")
        ]
        (decision,) = told.decisions.newest("service/default/web")
        assert (decision.key, decision.action, decision.reason) == ("a", "skip", "NoTargets")
        assert told.events.made == [("service/default/web", "Warning", "NoTargets", "Skip", "no target")]

    def test_a_line_has_its_reason_for_its_kind_and_says_whether_it_is_a_change(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        told = Told()
        with caplog.at_level(logging.INFO):
            told.reporter.tell(report())
            told.reporter.tell(report(is_change=True))
        assert [vars(r)["kind"] for r in caplog.records] == ["NoTargets", "NoTargets"]
        assert [vars(r)["is_change"] for r in caplog.records] == [False, True]

    def test_without_an_event_type_or_an_object_there_is_no_event(self) -> None:
        told = Told()
        told.reporter.tell(report())
        told.reporter.tell(Report(key="a", ref=None, action="skip", reason="R", message="m", event="Warning"))
        assert told.events.made == []
        assert told.count == 2

    def test_what_is_not_to_be_logged_is_a_decision_all_the_same(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        told = Told()
        with caplog.at_level(logging.INFO):
            told.reporter.tell(report(log=""))
        assert caplog.records == []
        assert told.count == 1


class TestTellingOnce:
    def test_what_holds_on_is_told_once(self) -> None:
        told = Told()
        for _ in range(3):
            told.reporter.tell_current("skips", [report()])
        assert told.count == 1

    def test_another_message_is_news(self) -> None:
        told = Told()
        told.reporter.tell_current("skips", [report()])
        told.reporter.tell_current("skips", [report(message="still none")])
        assert told.count == 2

    def test_but_not_where_the_report_says_what_makes_it_the_same(self) -> None:
        told = Told()
        told.reporter.tell_current("skips", [report(message="for 1 s", identity="")])
        told.reporter.tell_current("skips", [report(message="for 2 s", identity="")])
        assert told.count == 1
        assert [found.message for found in told.reporter.current("skips")] == ["for 2 s"]

    def test_what_was_over_is_told_again(self) -> None:
        told = Told()
        for reports in ([report()], [], [report()]):
            told.reporter.tell_current("skips", reports)
        assert told.count == 2

    def test_what_a_round_was_not_about_is_not_over(self) -> None:
        told = Told()
        told.reporter.tell_current("skips", [report("a"), report("b")])
        told.reporter.tell_current("skips", [], covered={"b"})
        assert [found.key for found in told.reporter.current("skips")] == ["a"]
        told.reporter.tell_current("skips", [report("a"), report("b")])
        assert told.count == 3

    def test_topics_do_not_know_each_other(self) -> None:
        told = Told()
        told.reporter.tell_current("skips", [report()])
        told.reporter.tell_current("problems", [])
        told.reporter.tell_current("skips", [report()])
        assert told.count == 1

    def test_two_things_of_one_key_are_two(self) -> None:
        told = Told()
        for _ in range(2):
            told.reporter.tell_current("skips", [report(), report(message="no zone")])
        assert told.count == 2
