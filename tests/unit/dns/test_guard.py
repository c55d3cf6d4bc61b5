"""The caps on a plan: creates and updates always pass, deletes only when that is safe."""

from addons.dns.model.actions import ChangeGroup, Plan
from addons.dns.plan.guard import DeleteLimits, count_owned, guard
from tests.support.dns import REGISTRY, World, claim, owned

LIMITS = DeleteLimits(percent=25, least=2)


def zone(count: int) -> World:
    return World(*(owned(f"h{number}", "10.0.0.1") for number in range(count)))


def guarded(world: World, kept: int, *, held: str = "") -> Plan:
    """The guarded plan when only the first `kept` names are still wanted, and a new one."""
    claims = [claim(f"h{number}", "10.0.0.1") for number in range(kept)]
    groups: tuple[ChangeGroup, ...] = world.plan(*claims, claim("new", "10.0.0.9")).groups
    return guard(Plan(groups), world.records, registry=REGISTRY, limits=LIMITS, held=held)


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
