"""The caps on a plan: creates and updates always pass, deletes only when that is safe."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from addons.dns.model.actions import ChangeGroup, Plan
from addons.dns.model.records import Change, RecordSet
from addons.dns.plan.guard import DeleteLimits, approval_hash, await_successors, count_owned, guard
from addons.runtime.outcomes import Skip
from tests.support.dns import REGISTRY, World, endpoint, owned

LIMITS = DeleteLimits(percent=25, least=2)


def zone(count: int) -> World:
    return World(*(owned(f"h{number}", "10.0.0.1") for number in range(count)))


def guarded(world: World, kept: int, *, held: str = "", spent: int = 0) -> Plan:
    """The guarded plan when only the first `kept` names are still wanted, and a new one."""
    endpoints = [endpoint(f"h{number}", "10.0.0.1") for number in range(kept)]
    groups: tuple[ChangeGroup, ...] = world.plan(*endpoints, endpoint("new", "10.0.0.9")).groups
    return guard(
        Plan(groups), world.records, registry=REGISTRY, limits=replace(LIMITS, spent=spent), held=held
    )


def verbs(plan: Plan) -> list[str]:
    return [group.verb for group in plan.groups]


def test_a_quarter_of_the_owned_records_may_go() -> None:
    assert verbs(guarded(zone(12), kept=9)).count("delete") == 3


def test_more_than_that_and_none_goes() -> None:
    plan = guarded(zone(12), kept=8)
    assert verbs(plan) == ["create"]
    assert {skip.reason for skip in plan.skips} == {"DeleteBudget"}
    assert "4 records would be deleted at once, at most 3 may be" in plan.skips[0].message


def test_a_few_may_always_go() -> None:
    assert verbs(guarded(zone(2), kept=0)).count("delete") == 2


def test_none_goes_while_deletes_are_held() -> None:
    plan = guarded(zone(2), kept=1, held="services are not in sync")
    assert verbs(plan) == ["create"]
    assert [(skip.reason, skip.message) for skip in plan.skips] == [
        ("DeletesHeld", "h1.example.com stays: services are not in sync")
    ]


def test_only_what_is_ours_counts() -> None:
    world = World(
        *(owned(f"h{number}", "10.0.0.1", owner="you") for number in range(50)), owned("a", "10.0.0.1")
    )
    assert count_owned(world.records, REGISTRY) == 1


class TestSuccessors:
    """Names that come and go with pods wait for the successors of their pods."""

    UNTIL = datetime(2026, 1, 2, tzinfo=UTC)

    def test_their_deletes_are_held_with_the_time_when_they_may_go(self) -> None:
        world = World(owned("db-0.db", "10.0.0.1", by="db"), owned("www", "10.0.0.2", by="www"))
        planned = Plan(world.plan(endpoint("new", "10.0.0.9")).groups)
        plan = await_successors(planned, {"service/web/db"}, self.UNTIL)
        assert [(group.verb, group.name) for group in plan.groups] == [
            ("create", "new.example.com"),
            ("delete", "www.example.com"),
        ]
        message = "db-0.db.example.com stays: a successor of its pod may follow"
        assert plan.skips == (Skip("Z1/db-0.db.example.com", None, "PodRecordHeld", message, self.UNTIL),)

    def test_a_record_set_that_is_one_pods_alone_has_no_successor(self) -> None:
        apart = RecordSet(
            "www.example.com", "A", 10, ("10.0.0.1",), "uid", None, (("MultiValueAnswer", "true"),)
        )
        group = ChangeGroup(
            "Z1/www.example.com#uid", apart.name, "delete", (Change("DELETE", apart),), None, ""
        )
        of_pod = replace(group, resource="pod/web/www-1")
        of_service = replace(group, resource="service/web/www", key="Z1/www.example.com#me")
        plan = await_successors(Plan((of_pod, of_service)), {"service/web/www"}, self.UNTIL)
        assert plan.groups == (of_pod,)


class TestBudgetOverTime:
    """What went within the window counts as if it went now."""

    def test_what_went_lately_is_taken_off(self) -> None:
        assert verbs(guarded(zone(11), kept=9, spent=1)).count("delete") == 2
        plan = guarded(zone(10), kept=8, spent=2)
        assert verbs(plan) == ["create"]
        assert "2 records would be deleted at once after 2 lately, at most 1 may be" in plan.skips[0].message

    def test_approved_deletes_do_not_count(self) -> None:
        world = zone(12)
        endpoints = [endpoint(f"h{number}", "10.0.0.1") for number in range(3)]
        deletes = world.plan(*endpoints).groups
        approved = {group.key for group in deletes}
        for uncounted in (approved, approved - {deletes[0].key}):
            plan = guard(Plan(deletes), world.records, registry=REGISTRY, limits=LIMITS, uncounted=uncounted)
            assert len(plan.groups) == 9

    def test_nothing_is_approved_while_a_source_is_not_read(self) -> None:
        deletes = zone(2).plan().groups
        plan = guard(
            Plan(deletes),
            zone(2).records,
            registry=REGISTRY,
            limits=LIMITS,
            uncounted={group.key for group in deletes},
            held="services not read yet",
        )
        assert plan.groups == ()

    def test_the_hash_names_a_set_of_changes(self) -> None:
        one, other = zone(3).plan().groups, World(owned("h0", "10.0.0.2")).plan().groups
        assert approval_hash(one) == approval_hash(reversed(one))
        assert len({approval_hash(one), approval_hash(one[:2]), approval_hash(other)}) == 3
        assert approval_hash(other) != approval_hash(one[:1])


@given(st.integers(0, 60), st.lists(st.integers(0, 20), max_size=8), st.integers(0, 100))
@settings(max_examples=100, deadline=None)
def test_no_order_of_waves_deletes_more_than_the_budget(size: int, waves: list[int], percent: int) -> None:
    """Whatever is asked, wave after wave within the window, at most the larger of both limits goes."""
    world = zone(size)
    spent, kept = 0, size
    for wave in waves:
        kept = max(0, kept - wave)
        endpoints = [endpoint(f"h{number}", "10.0.0.1") for number in range(kept)]
        plan = guard(
            Plan(world.plan(*endpoints).groups),
            world.records,
            registry=REGISTRY,
            limits=DeleteLimits(percent=percent, least=2, spent=spent),
        )
        assert len(plan.groups) + len(plan.skips) == len(world.plan(*endpoints).groups)
        spent += verbs(plan).count("delete")
        world.apply(plan.groups)
        assert spent <= max(2, size * percent // 100)
