"""How long albingress plans a listener of 100 rules: CPU, beside reading as many as JSON in the same run.

Run `python -m bench.alb_plan`. A plan here is all that is pure in a pass over a group: target groups, quotas,
rules, and the caps on what goes. Each rule is of another Ingress and leads to its own target group.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from random import Random

import msgspec
from msgspec.structs import replace

from addons.albingress.model.actions import Plan
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.stack import DesiredRule, Stack
from addons.albingress.plan.guard import guard, remember_deletes
from addons.albingress.plan.hand_over import with_serving_groups
from addons.albingress.plan.stack import plan_stack
from addons.albingress.plan.view import TargetState
from tests.support.alb_actions import apply_all
from tests.support.alb_stacks import (
    LONG_AGO,
    listener,
    observed,
    stack,
    tags,
    to,
    view,
    wish,
    wished_group,
    wished_listener,
)

RULES = 100
TIMES = 30
TARGET = 20.0
"""Milliseconds of CPU for one plan."""

WELL = {f"k8s-web-{number}": TargetState(LONG_AGO, True, True) for number in range(RULES + 20)}
SEEN = view(targets=WELL)
EMPTY = observed(listener(), groups=[])


def rule(number: int, domain: str = "example.org") -> DesiredRule:
    """The rule of one Ingress among many: a host of its own, and a path."""
    paths = ("/*", "/api/*", f"/team-{number % 9}/*")
    host, group = f"app-{number}.{domain}", to(f"k8s-web-{number}")
    return wish(host, paths[number % 3], group, by=f"app-{number}", created=float(number))


def shared(number: int, kind: str = "") -> DesiredRule:
    """The same where all have one host, and paths that may meet."""
    group = to(f"k8s-web-{number}")
    return wish("example.org", f"/{kind}{number}/*/edit*", group, by=f"app-{number}", created=float(number))


def asked(numbers: Sequence[int], make: Callable[[int], DesiredRule] = rule) -> Stack:
    """The group whose rules are these, in this order."""
    made = []
    for number in sorted(numbers):
        resource = f"web/app-{number}-svc:80"
        made.append(wished_group(f"k8s-web-{number}", resource=resource, tags=tags(resource)))
    port = wished_listener(*map(make, numbers))
    return replace(stack(port, groups=[]), target_groups=tuple(made))


def plan(wanted: Stack, world: ObservedStack) -> Plan:
    """All that is pure in a pass, from what is asked for to what may be done."""
    served = with_serving_groups(wanted, world)
    found = plan_stack(served, world, SEEN)
    since = remember_deletes(found, SEEN)
    return guard(found, replace(SEEN, wanted_deletes=dict.fromkeys(since, LONG_AGO)))


def milliseconds(do: Callable[[], object]) -> float:
    """The CPU that it takes, as the median of many times."""
    times = []
    for _ in range(TIMES):
        start = time.process_time()
        do()
        times.append(time.process_time() - start)
    return 1000 * statistics.median(times)


def show(what: str, wanted: Stack, world: ObservedStack, baseline: float) -> None:
    """Print one line of the table."""
    taken, actions = milliseconds(lambda: plan(wanted, world)), len(plan(wanted, world).actions)
    verdict = "ok" if taken < TARGET else "MISSED"
    print(
        f"{what:52} {actions:4} actions {taken:7.1f} ms {taken / baseline:6.1f} times the baseline   "
        f"target < {TARGET:g} ms: {verdict}"
    )


def main() -> None:
    """Plan what changes nothing, a rule in front of 99, and other orders."""
    full, but_one = list(range(RULES)), list(range(RULES - 1))
    mixed = Random(1).sample(full, RULES)
    worlds = {
        count: apply_all(EMPTY, plan(asked(range(count)), EMPTY).actions) for count in (RULES - 1, RULES)
    }
    text = json.dumps(
        [msgspec.to_builtins(each) for each in worlds[RULES].load_balancers[0].listeners[0].rules]
    )
    baseline = milliseconds(lambda: json.loads(text))
    print(f"{f'baseline: json.loads of {RULES} rules as AWS has them':65} {baseline:7.2f} ms")
    show("nothing changes", asked(full), worlds[RULES], baseline)
    show("a rule in front of 99", asked([RULES - 1, *but_one]), worlds[RULES - 1], baseline)
    show("the last rule goes to the front", asked([full[-1], *full[:-1]]), worlds[RULES], baseline)
    show("the order is turned round", asked(full[::-1]), worlds[RULES], baseline)
    show("the order is mixed", asked(mixed), worlds[RULES], baseline)
    show("half of the rules go", asked(full[::2]), worlds[RULES], baseline)
    show("all rules from nothing", asked(full), EMPTY, baseline)
    moved = partial(rule, domain="example.net")
    show("all rules get other hosts, at the quota", asked(full, moved), worlds[RULES], baseline)
    meeting = apply_all(EMPTY, plan(asked(full, shared), EMPTY).actions)
    show("one host for all: the order is mixed", asked(mixed, shared), meeting, baseline)
    other = partial(shared, kind="v2/")
    show("one host for all: other paths, at the quota", asked(full, other), meeting, baseline)
    over = [*full, *range(RULES, RULES + 20)]
    show("20 more than the quota", asked(over, shared), meeting, baseline)


if __name__ == "__main__":
    main()
