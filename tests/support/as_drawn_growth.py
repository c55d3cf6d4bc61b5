"""Clusters drawn by chance, for what must be true of every plan of growth."""

from dataclasses import replace
from random import Random
from typing import Any

from addons.autoscaler.model.groups import GroupOptions
from addons.autoscaler.model.intents import GroupRecord
from addons.autoscaler.model.pods import PodClass, PodTerm, Requirement, Spread, Taint, Toleration
from addons.autoscaler.model.snapshot import Snapshot, Totals
from tests.support.as_growth import (
    GIB,
    NOW,
    group,
    instance,
    node,
    pod,
    pod_class,
    proven,
    snapshot,
    template,
)
from tests.support.as_plan_world import PlanWorld, Truth

ZONES = ("eu-1a", "eu-1b", "eu-1c")
TEAMS = ("web", "db")


def drawn_class(chance: Random, number: int, *, is_plain: bool = False) -> PodClass:
    """A class of pods with some of the rules that the scheduler knows."""
    name = f"c{number}"
    fields: dict[str, Any] = {}
    if chance.random() < 0.3:
        fields["node_selector"] = {"team": chance.choice(TEAMS)}
    if chance.random() < 0.3:
        fields["tolerations"] = (Toleration("only", "Exists"),)
    if not is_plain and chance.random() < 0.3:
        key = chance.choice(("kubernetes.io/hostname", "topology.kubernetes.io/zone"))
        own = (Requirement("app", "In", (name,)),)
        if chance.random() < 0.5:
            fields["spread"] = (Spread(1, key, own),)
        else:
            fields["anti_affinity"] = (PodTerm("kubernetes.io/hostname", own),)
    return pod_class(
        name, cpu=chance.choice((100, 300, 500, 1000)), memory=chance.choice((1, 2, 9)) * GIB // 4, **fields
    )


def drawn_snapshot(chance: Random, *, is_plain: bool = False) -> Snapshot:
    """A cluster of a few groups in all states, and pods that wait."""
    groups, templates, nodes, running, records = [], [], [], [], {}
    classes = [drawn_class(chance, number, is_plain=is_plain) for number in range(chance.randint(1, 5))]
    for name in [f"g{number}" for number in range(chance.randint(1, 5))]:
        zone = chance.choice(ZONES)
        made = template(
            name,
            zone=zone,
            labels={"team": chance.choice(TEAMS)},
            taints=(Taint("only", "some"),) if chance.random() < 0.2 else (),
            allocatable={"cpu": chance.choice((1930, 3920)), "memory": 7 * GIB, "pods": 29},
            source=chance.choice(("node", "node", "tags")),
        )
        instances = [instance(f"i-{name}-{number}", zone=zone) for number in range(chance.randint(0, 3))]
        for each in instances:
            if chance.random() < 0.8:
                state = chance.choice(
                    ({}, {}, {"not_ready_why": "x"}, {"starting_why": "x", "created": NOW - 9})
                )
                nodes.append(node(each.id, made, **state))
                if chance.random() < 0.5:
                    running.append(pod(f"r-{each.id}", chance.choice(classes), node=nodes[-1].name))
        groups.append(
            group(
                name,
                zones=(zone,),
                max_size=chance.randint(0, 12),
                desired=len(instances) + chance.choice((0, 0, 0, 1, 2)),
                instances=tuple(instances),
                subnets=(chance.choice(("shared", f"subnet-{name}")),),
                free_addresses=None if chance.random() < 0.6 else {zone: chance.randint(0, 6)},
                options=GroupOptions(max_step=chance.choice((2, 100))),
                observed=NOW - chance.choice((0, 0, 200)),
            )
        )
        templates.append(made)
        records[name] = chance.choice(
            (proven(), proven(), GroupRecord(step=2), proven(rests_until=NOW + 9), proven(undelivered=1))
        )
    waiting = [
        pod(
            f"w{number}",
            chance.choice(classes),
            created=NOW - chance.randint(1, 99),
            priority=chance.choice((0, 0, 5)),
        )
        for number in range(chance.randint(0, 40))
    ]
    totals = Totals(
        max_nodes=chance.choice((0, 0, 8)),
        max_cores=chance.choice((320_000, 12)),
        max_memory=chance.choice((1 << 50, 60 * GIB)),
    )
    return snapshot(
        groups,
        waiting=waiting,
        nodes=nodes,
        running=running,
        templates=templates,
        records=records,
        totals=totals,
        seed=chance.randint(0, 9),
    )


def drawn_fault(chance: Random) -> Truth:
    """A group on which no pod of a team can ever run, whatever its tags say, and where more is wrong."""
    found = chance.choice(
        (
            Truth(labels={"team": None}),
            Truth(labels={"team": "other"}),
            Truth(taints=(Taint("hidden", "x"),)),
            Truth(offers={"cpu": 90}),
            Truth(),
            Truth(join_after=None),
            Truth(ready_after=None),
            Truth(capacity=0),
            Truth(takes_orders=False),
            Truth(hangs=True),
        )
    )
    return replace(found, refuses=frozenset({"web"}))


def play_faults(world: PlanWorld, chance: Random, rounds: int) -> int:
    """Let much go wrong for a while; gives how often the memory was lost."""
    lost = 0
    for _ in range(rounds):
        world.run(chance.choice((10.0, 60.0, 200.0)))
        what = chance.randint(0, 5)
        name = chance.choice(sorted(world.fleets))
        if what == 0:
            world.restart(keeps_memory=True)
        elif what == 1:
            world.restart(keeps_memory=False)
            lost += 1
        elif what == 2:
            world.fleets[name].truth = drawn_fault(chance)
        elif what == 3:
            world.reclaim(name, 1)
    return lost
