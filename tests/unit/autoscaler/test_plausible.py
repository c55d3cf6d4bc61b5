"""A memory that a clock or a person has spoilt is taken for what it can be."""

from typing import Any

import pytest

from addons.autoscaler.controller.decide import Planner
from addons.autoscaler.model.intents import GroupRecord, Intent, Memory, NodeRecord, Refuted
from addons.autoscaler.plan.groups import sent_target
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.plausible import plausible
from addons.autoscaler.plan.resting import is_breaker_open
from addons.autoscaler.plan.shrink_options import ShrinkOptions
from tests.support.as_growth import NOW, group, pods, snapshot, template

OPTIONS = GrowOptions()
FAR = 1e300
LATER = NOW + 86400.0


def of_group(**fields: Any) -> GroupRecord:
    """What is left of a record."""
    memory = Memory(groups={"a": GroupRecord(**fields)})
    return plausible(memory, NOW, OPTIONS).groups["a"]


def intent(**fields: Any) -> Intent:
    known: dict[str, Any] = {"id": "1", "group": "a", "count": 1, "at": NOW - 9, "template": "t", "target": 1}
    return Intent(**{**known, **fields})


def test_a_memory_as_it_should_be_is_the_same_object() -> None:
    record = GroupRecord(
        intents=(intent(),), rests_until=NOW + 1800, failures=3, last_failure=NOW - 1, seen={"i-1": NOW - 5}
    )
    memory = Memory(
        groups={"a": record},
        nodes={"n": NodeRecord(unneeded_since=NOW - 7)},
        failed_intents=((NOW - 3, "a"),),
    )
    assert plausible(memory, NOW, OPTIONS) is memory


@pytest.mark.parametrize("until", [LATER, FAR])
def test_a_rest_that_is_longer_than_any_is_over(until: float) -> None:
    assert of_group(rests_until=until, failures=2, last_failure=until, failure="x") == GroupRecord()


@pytest.mark.parametrize("field", ["owed_since", "seen_activity", "grown_at", "shrunk_at", "last_failure"])
def test_a_time_to_come_is_now(field: str) -> None:
    assert getattr(of_group(**{field: LATER}), field) == NOW


def test_so_it_is_in_what_a_record_consists_of() -> None:
    refuted = Refuted(cls="c", template="t", why="w", at=LATER)
    found = of_group(intents=(intent(at=LATER, since=LATER),), refuted=(refuted,), seen={"i-1": LATER})
    assert (found.intents[0].at, found.intents[0].since, found.refuted[0].at) == (NOW, NOW, NOW)
    assert found.seen == {"i-1": NOW}
    node = plausible(
        Memory(nodes={"n": NodeRecord(unneeded_since=LATER, failures=1, last_failure=LATER)}), NOW, OPTIONS
    ).nodes["n"]
    assert node == NodeRecord(unneeded_since=NOW, failures=1, last_failure=NOW)


def test_failures_to_come_do_not_keep_the_breaker_open_for_longer_than_those_of_now() -> None:
    failed = ((LATER, "a"), (LATER, "b"), (LATER, "c"))
    memory = plausible(Memory(failed_intents=failed), NOW, OPTIONS)
    assert is_breaker_open(memory, NOW)
    assert not is_breaker_open(memory, NOW + 1801)


def test_numbers_that_nobody_writes_count_for_nothing() -> None:
    found = of_group(step=-3, undelivered=-5, failures=-1, intents=(intent(count=-5), intent(target=-1)))
    assert found == GroupRecord()


def test_an_order_for_more_than_a_group_can_have_stands_for_all_that_it_can() -> None:
    record = GroupRecord(intents=(intent(count=10**9, target=10**9),))
    assert sent_target(group("a", max_size=7), record, NOW) == 7


def test_a_pass_goes_by_what_can_be_so() -> None:
    memory = Memory(groups={"a": GroupRecord(rests_until=FAR, last_failure=FAR, failures=1, step=0)})
    seen = snapshot([group("a")], templates=(template(),), waiting=pods(2), memory=memory)
    done = Planner(OPTIONS, ShrinkOptions()).decide(seen)
    assert [order.group for order in done.grow.orders] == ["a"]
