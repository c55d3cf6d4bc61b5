"""The budget for deletes over time: what counts was decided when the plan was guarded."""

from addons.dns.controller.delete_budget import DeleteBudget
from addons.dns.model.actions import Plan
from addons.runtime.outcomes import Outcome
from tests.support.dns import NOW, REGISTRY, World, owned


def zone(count: int) -> World:
    return World(*(owned(f"h{number}", "10.0.0.1", by="db") for number in range(count)))


def test_what_did_not_count_when_it_was_planned_does_not_count_later() -> None:
    """A headless Service may be deleted between a plan for its pods and the answer of Route 53."""
    pod_bound = {"service/web/db"}
    budget = DeleteBudget(percent=25, approved=(), registry=REGISTRY, now=lambda: NOW)
    world = zone(20)
    plan = budget.guard("Z1", Plan(world.plan().groups), world.records, "", pod_bound)
    assert len(plan.groups) == 20
    pod_bound.clear()
    budget.spend("Z1", [Outcome(group) for group in plan.groups])
    others = zone(10)
    assert len(budget.guard("Z1", Plan(others.plan().groups), others.records, "", pod_bound).groups) == 10


def test_a_full_budget_holds_nothing_that_does_not_count() -> None:
    pod_bound: set[str] = set()
    budget = DeleteBudget(percent=0, approved=(), registry=REGISTRY, now=lambda: NOW)
    world = zone(10)
    plan = budget.guard("Z1", Plan(world.plan().groups), world.records, "", pod_bound)
    budget.spend("Z1", [Outcome(group) for group in plan.groups])
    held = budget.guard("Z1", Plan(world.plan().groups), world.records, "", pod_bound)
    assert held.groups == ()
    assert len(budget.held["Z1"].names) == 10
    pod_bound.add("service/web/db")
    assert len(budget.guard("Z1", Plan(world.plan().groups), world.records, "", pod_bound).groups) == 10
    assert budget.held == {}
