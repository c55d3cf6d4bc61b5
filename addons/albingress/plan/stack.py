"""Bring what AWS has of an ingress group to what the group asks for. Pure.

What is new comes first, from security groups to rules; what nobody asks for goes at the end, from rules to
security groups. So each request is answered as before or as after, and what fails keeps back only what needs
it.
"""

from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.model.actions import Plan
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.stack import DesiredLoadBalancer, Stack
from addons.albingress.plan.ground import Ground
from addons.albingress.plan.hand_over import current_balancer
from addons.albingress.plan.leftovers import plan_leftovers, uses_after
from addons.albingress.plan.listeners import ListenerPlan, plan_listeners
from addons.albingress.plan.load_balancer import plan_its_groups, plan_load_balancer, plan_old_balancers
from addons.albingress.plan.matching import ownership
from addons.albingress.plan.ports import plan_closing, unwanted_ports
from addons.albingress.plan.quotas import refuse_surplus
from addons.albingress.plan.security_groups import plan_security_groups, plan_sources
from addons.albingress.plan.target_groups import plan_target_groups
from addons.albingress.plan.view import View
from addons.albingress.plan.withheld import without_withheld
from addons.runtime.outcomes import Skip


def plan_stack(stack: Stack, observed: ObservedStack, view: View) -> Plan:
    """Give the actions in their order, and what is not to be done, with the reason.

    `stack` has the target groups that can be had now (`with_serving_groups`). What AWS permits no load
    balancer is left out of it first.
    """
    if stack.held:
        return Plan((), _held(stack, view))
    if stack.load_balancer is None:
        return _plan_end(stack, observed, view)
    fitting = refuse_surplus(stack, observed, view)
    plan = _plan(fitting.stack, stack.load_balancer, observed, view)
    return replace(plan, skips=(*fitting.skips, *plan.skips))


def _held(stack: Stack, view: View) -> tuple[Skip, ...]:
    """Nothing is changed; who leaves has to wait too, as something of it may be there."""
    leaving = (
        Skip("group", each, names.DELETE_HELD, f"nothing of the group may go: {stack.held}")
        for each in sorted(view.leaving)
    )
    message = f"nothing of the group is changed: {stack.held}"
    return (Skip("group", None, names.WAITING, message), *leaving)


def _plan(stack: Stack, wanted: DesiredLoadBalancer, observed: ObservedStack, view: View) -> Plan:
    current = current_balancer(stack, observed)
    groups = plan_target_groups(stack, observed, view)
    security = plan_security_groups(stack, wanted, observed, view)
    balancer = plan_load_balancer(wanted, current, security, view)
    closing, old = plan_closing(stack, current, view), plan_old_balancers(wanted, observed, view)
    sources = plan_sources(stack, observed, unwanted_ports(stack, observed, closing, old.leavers))
    turned = plan_its_groups(wanted, current, security, closing)
    ground = Ground(
        load_balancer=wanted.name,
        needs=(*balancer.makers, *(each.key for each in turned)),
        gates=sources.gates,
        makers=groups.makers,
        owned=ownership(view.policy.cluster, stack.group, observed.target_groups),
        view=view,
    )
    listeners = plan_listeners(stack.listeners, current, closing, ground)
    rest, told = plan_leftovers(stack, observed, view, uses_after(observed, current, listeners, old, turned))
    made = (*security.actions, *sources.first, *groups.actions, *balancer.actions)
    opened = (*closing, *turned, *listeners.actions) if turned else (*listeners.actions, *closing)
    skips = (*groups.skips, *balancer.skips, *listeners.skips, *old.skips, *told)
    return without_withheld(Plan((*made, *opened, *old.actions, *sources.last, *rest), skips), view)


def _plan_end(stack: Stack, observed: ObservedStack, view: View) -> Plan:
    """Nobody asks for anything: all goes, unless it serves somebody who moves elsewhere."""
    old = plan_old_balancers(None, observed, view)
    uses = uses_after(observed, None, ListenerPlan(), old, ())
    rest, told = plan_leftovers(stack, observed, view, uses)
    return without_withheld(Plan((*old.actions, *rest), (*old.skips, *told)), view)
