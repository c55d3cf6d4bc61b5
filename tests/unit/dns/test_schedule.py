"""Which names a pass is about: enough of them, and none that needs no look."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from addons.dns.controller.endpoint_index import EndpointIndex
from addons.dns.controller.holds import Flapping, TargetHolds
from addons.dns.controller.schedule import Schedule
from addons.dns.model.actions import Plan, PlannedKeys
from addons.dns.model.endpoint import Desired, Endpoint
from addons.dns.model.records import Alias, RecordSet
from addons.dns.model.zones import ZoneFinder
from addons.dns.plan.records import Rules
from addons.dns.plan.zone import plan_zone
from addons.runtime.outcomes import Blocked, Outcome
from tests.support.dns import NOW, REGISTRY, ZONE, World, endpoint, fqdn, record

INTERVAL = 60.0
OWNERS = [("Service", "web", "x"), ("Service", "web", "y")]


class TestPasses:
    def test_the_first_pass_is_about_every_name(self) -> None:
        schedule = Schedule()
        assert "Z1" not in schedule
        schedule.begin("Z1", {"a", "b"})
        assert "Z1" in schedule
        assert schedule.take("Z1", {"c"}, 100.0, INTERVAL) == ({"a", "b", "c"}, True)

    def test_between_two_full_passes_only_what_changed_is_looked_at(self) -> None:
        schedule = begun()
        assert schedule.take("Z1", {"b"}, 159.0, INTERVAL) == ({"b"}, False)
        assert schedule.take("Z1", set(), 160.0, INTERVAL) == ({"a", "b"}, True)

    def test_what_is_settled_is_not_looked_at_again(self) -> None:
        schedule = begun()
        schedule.settle("Z1", {"a"}, ())
        assert schedule.take("Z1", set(), 160.0, INTERVAL) == (set(), True)

    def test_what_a_pass_was_not_about_stays_as_it_was(self) -> None:
        schedule = begun()
        schedule.settle("Z1", {"b"}, {"b", "text"})
        assert schedule.take("Z1", set(), 160.0, INTERVAL) == ({"a", "b", "text"}, True)

    def test_a_change_that_no_pass_got_to_plan_is_not_lost(self) -> None:
        schedule = begun()
        schedule.settle("Z1", {"a"}, ())
        schedule.take("Z1", {"b"}, 110.0, INTERVAL)
        assert schedule.take("Z1", set(), 160.0, INTERVAL) == ({"b"}, True)


class TestTimes:
    def test_a_full_pass_can_be_made_earlier_but_not_later(self) -> None:
        schedule = begun()
        schedule.hasten("Z1", 200.0)
        assert schedule.next_full("Z1") == 160.0
        schedule.hasten("Z1", 120.0)
        assert schedule.next_full("Z1") == 120.0
        schedule.hasten("Z1")
        assert schedule.take("Z1", set(), 101.0, INTERVAL) == ({"a"}, True)

    def test_of_all_zones_at_once_even_while_one_is_at_work(self) -> None:
        schedule = begun()
        schedule.hasten_all()
        schedule.hasten("Z1", 120.0)
        assert schedule.next_full("Z1") == 0.0

    def test_zones_that_come_or_go_meanwhile_have_everything_looked_at(self) -> None:
        schedule = begun()
        schedule.forget()
        schedule.settle("Z1", {"a"}, ())
        assert "Z1" not in schedule


def begun() -> Schedule:
    """A schedule whose first full pass was at 100 and left the name a unsettled."""
    schedule = Schedule()
    schedule.begin("Z1", {"a"})
    schedule.take("Z1", set(), 100.0, INTERVAL)
    return schedule


class Zone:
    """A zone that is reconciled step by step, as the controller does it; Route 53 refuses some groups."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.world = World()
        self.index = EndpointIndex()
        self.index.set_zones(ZoneFinder([ZONE]))
        self.schedule = Schedule()
        self.holds = TargetHolds(timedelta(seconds=100), self.now)
        self.flapping = Flapping(self.now)
        self.rest: dict[str, float] = {}
        self.unseen: dict[str, RecordSet] = {}
        self.audit()

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self.index.release(self.seconds)

    def ask(self, owner: tuple[str, str, str], endpoints: Iterable[Endpoint]) -> None:
        asked_by = endpoint("x", by=owner[2]).asked_by
        self.index.put(
            owner, Desired(tuple(replace(one, asked_by=asked_by) for one in endpoints)), self.seconds
        )

    def edit(self, edited: RecordSet) -> None:
        """Somebody else makes or changes a record, which nobody has seen yet."""
        self.unseen[edited.name] = edited

    def audit(self) -> None:
        self.see(set(self.unseen))
        self.schedule.begin(ZONE.id, self.every_name())

    def see(self, names: set[str]) -> None:
        """Read names afresh."""
        for name in names & self.unseen.keys():
            edited = self.unseen.pop(name)
            if {found.type for found in self.world.records.at(name)} <= {edited.type}:
                self.world.records.replace(name, [edited])

    def every_name(self) -> set[str]:
        return {*self.index.in_zone(ZONE.id), *self.world.records.names()}

    def plan(self, names: Iterable[str]) -> Plan:
        blocked = {
            key: Blocked(until - self.seconds, "refused", 1)
            for key, until in self.rest.items()
            if until > self.seconds
        }
        rules = Rules(
            REGISTRY,
            "sync",
            blocked,
            now=self.now(),
            target_holds=self.holds.ends,
            flapping=self.flapping.resting(),
        )
        return plan_zone(ZONE, names, self.index.in_zone(ZONE.id), self.world.records, rules)

    def reconcile(self, refused: int) -> None:
        """Make a pass; the groups with a bit in `refused` fail, and their names are read afresh."""
        changed = self.index.take_changed(ZONE.id)
        names, is_full = self.schedule.take(ZONE.id, changed, self.seconds, INTERVAL)
        plan = self.plan(names)
        if is_full:
            whole = self.plan(self.every_name())
            assert (plan.groups, plan.skips) == (whole.groups, whole.skips)
        done = [group for number, group in enumerate(plan.groups) if not refused >> number & 1]
        self.world.apply(done)
        named = {change.record.name for group in plan.groups for change in group.changes}
        for group in plan.groups:
            if group not in done:
                self.rest[group.key] = self.seconds + 90
                self.see({change.record.name for change in group.changes})
        self.schedule.settle(ZONE.id, names, plan.unsettled | named)
        self.holds.follow(plan.skips, PlannedKeys(ZONE.id, names))
        self.flapping.count([Outcome(group) for group in done])


NAMES = ["", "a", "b", "a-a", "cname-b"]
plain = st.builds(
    endpoint, st.sampled_from(NAMES), st.sampled_from(["10.0.0.1", "10.0.0.2", "lb.example.net"])
)
pending = st.builds(endpoint, st.sampled_from(NAMES))
passing = st.builds(lambda found: replace(found, hold_seconds=30), plain)
leaving = st.builds(lambda found: replace(found, keeps=True), plain)
aliases = st.builds(
    lambda name, target: replace(
        endpoint(name), type="A", ttl=0, targets=(), alias=Alias("", fqdn(target), True)
    ),
    st.sampled_from(NAMES),
    st.sampled_from(NAMES),
)
asked = st.lists(st.one_of(plain, pending, passing, leaving, aliases), max_size=3).map(
    lambda found: list({one.name: one for one in found}.values())
)
strangers = st.builds(record, st.sampled_from(NAMES), st.sampled_from(["192.0.2.1", "10.0.0.1"]))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from(OWNERS), asked),
        st.tuples(st.just("wait"), st.sampled_from([1.0, 31.0, 61.0, 101.0])),
        st.tuples(st.just("edit"), strangers),
        st.tuples(st.just("audit")),
        st.tuples(st.just("reconcile"), st.integers(0, 15)),
    ),
    max_size=16,
)


@given(steps)
@example(
    [
        ("ask", OWNERS[0], [endpoint("a-a", "10.0.0.1")]),
        ("reconcile", 0),
        ("wait", 61.0),
        ("edit", record("a-a", "192.0.2.1")),
        ("ask", OWNERS[1], [endpoint("a", "10.0.0.2")]),
        ("reconcile", 1),
        ("wait", 61.0),
    ]
)
@settings(max_examples=300, deadline=None)
def test_a_full_pass_plans_what_one_over_every_name_would(steps: list[tuple[object, ...]]) -> None:
    """Whatever was asked, failed, held, edited or waited for between."""
    zone = Zone()
    for what, *arguments in steps:
        getattr(zone, str(what))(*arguments)
        if what == "wait":
            zone.reconcile(0)


def test_what_raises_in_the_middle_of_a_pass_has_a_full_pass_made_again() -> None:
    schedule = Schedule()
    schedule.begin("Z1", {"a"})
    schedule.take("Z1", set(), now=10.0, interval=60.0)
    with schedule.again_unless_done("Z1"):
        pass
    assert schedule.next_full("Z1") == 70.0
    with pytest.raises(RuntimeError), schedule.again_unless_done("Z1"):
        raise RuntimeError
    assert schedule.next_full("Z1") == 0.0
