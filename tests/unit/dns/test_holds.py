"""What rests for a while: records without targets and records that flap, on a clock that tests move."""

from datetime import datetime, timedelta

from addons.dns import names as reasons
from addons.dns.controller.holds import Flapping, TargetHolds
from addons.dns.model.actions import ChangeGroup, PlannedKeys, created
from addons.dns.model.records import Change
from addons.runtime.errors import Invalid
from addons.runtime.outcomes import Outcome, Skip
from tests.support.dns import NOW, World, endpoint, owned, record


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def waiting(key: str) -> Skip:
    return Skip(key, None, reasons.NO_TARGETS, "no targets")


def write(address: str, key: str = "Z1/www.example.com") -> ChangeGroup:
    return ChangeGroup(
        key, "www.example.com", "update", (Change("CREATE", record("www", address)),), None, ""
    )


class TestTargetHolds:
    """The first pass without targets begins a hold, the first with targets ends it."""

    def test_a_hold_ends_at_one_time_however_often_it_is_seen(self) -> None:
        clock = Clock()
        holds = TargetHolds(timedelta(minutes=15), clock)
        for _ in range(3):
            holds.follow([waiting("Z1/a")], PlannedKeys("Z1", {"a"}))
            clock.now += timedelta(minutes=1)
        assert holds.ends == {"Z1/a": NOW + timedelta(minutes=15)}

    def test_only_a_pass_that_is_about_the_name_ends_it(self) -> None:
        holds = TargetHolds(timedelta(minutes=15), Clock())
        holds.follow([waiting("Z1/a"), waiting("Z1/a#blue")], PlannedKeys("Z1", {"a"}))
        holds.follow([], PlannedKeys("Z1", {"b"}))
        assert sorted(holds.ends) == ["Z1/a", "Z1/a#blue"]
        holds.follow([], PlannedKeys("Z1", {"a"}))
        assert holds.ends == {}


class TestFlapping:
    """More than five times the same within ten minutes."""

    def test_five_times_are_no_flapping_and_six_are(self) -> None:
        flapping = Flapping(Clock())
        for _ in range(5):
            flapping.count([Outcome(write("10.0.0.1"))])
        assert flapping.resting() == {}
        flapping.count([Outcome(write("10.0.0.1"))])
        group = write("10.0.0.1")
        assert flapping.resting() == {(group.key, created(group.changes)): NOW + timedelta(minutes=10)}

    def test_what_is_long_ago_is_forgotten(self) -> None:
        clock = Clock()
        flapping = Flapping(clock)
        for _ in range(12):
            flapping.count([Outcome(write("10.0.0.1"))])
            clock.now += timedelta(minutes=3)
        assert flapping.resting() == {}
        assert all(len(times) <= 5 for times in flapping._times.values())

    def test_other_contents_and_failures_do_not_count(self) -> None:
        flapping = Flapping(Clock())
        for number in range(10):
            flapping.count([Outcome(write(f"10.0.0.{number}"))])
            flapping.count([Outcome(write("10.0.0.99"), Invalid("no"))])
        assert flapping.resting() == {}


class TestPlan:
    """How a plan obeys."""

    def test_a_hold_that_is_over_gives_the_name_up(self) -> None:
        world = World(owned("www", "10.0.0.1"))
        later, past = NOW + timedelta(seconds=1), NOW
        assert world.plan(endpoint("www"), holds={"Z1/www.example.com": later}).groups == ()
        planned = world.plan(endpoint("www"), holds={"Z1/www.example.com": past})
        assert planned.verbs == ["delete www"]
        assert planned.skips == [("NoTargets", "service/web/www")]

    def test_then_an_object_that_has_targets_gets_it(self) -> None:
        world = World(owned("www", "10.0.0.1", by="idle"))
        asked = (endpoint("www", by="idle"), endpoint("www", "10.0.0.2", by="busy"))
        planned = world.plan(*asked, holds={"Z1/www.example.com": NOW})
        assert planned.changes == ["DELETE A www", "DELETE TXT a-www", "CREATE A www", "CREATE TXT a-www"]

    def test_no_delete_follows_a_hold_unless_the_policy_is_sync(self) -> None:
        world = World(owned("www", "10.0.0.1"))
        planned = world.plan(endpoint("www"), holds={"Z1/www.example.com": NOW}, policy="upsert-only")
        assert planned.groups == ()
        assert ("PolicyForbids", "") in planned.skips

    def test_what_flaps_rests_and_other_contents_do_not(self) -> None:
        world = World(owned("www", "10.0.0.1"))
        (group,) = world.plan(endpoint("www", "10.0.0.2")).groups
        flapping = {(group.key, created(group.changes)): NOW + timedelta(minutes=1)}
        assert world.plan(endpoint("www", "10.0.0.2"), flapping=flapping).skips == [
            ("Flapping", "service/web/www")
        ]
        assert world.plan(endpoint("www", "10.0.0.3"), flapping=flapping).verbs == ["update www"]
