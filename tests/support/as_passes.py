"""Passes of the autoscaler as values: what was seen and decided, for tests of what is told of it."""

from collections.abc import Mapping
from typing import Any

from addons.autoscaler.controller.passes import Pass
from addons.autoscaler.model.groups import Group, Instance
from addons.autoscaler.model.intents import Memory
from addons.autoscaler.model.nodes import Node, Template
from addons.autoscaler.model.plans import GroupState, GrowPlan, ShrinkPlan, Waits, WhyNot
from addons.autoscaler.model.pods import Pod, PodClass
from addons.autoscaler.model.snapshot import Snapshot
from tests.support.virtual import START

NOW = START.timestamp()
AMOUNTS = {"cpu": 1900, "memory": 7 << 30, "pods": 29}
SMALL = PodClass(digest="small", namespace="shop", labels={}, requests={"cpu": 500, "pods": 1})


def pod(name: str, cls: PodClass = SMALL, **more: Any) -> Pod:
    """A pod of the namespace shop that waits."""
    return Pod(namespace="shop", name=name, uid=f"uid-{name}", cls=cls, created=NOW - 10, **more)


def node(name: str, instance: str = "", **more: Any) -> Node:
    """A ready node; its instance is called after it."""
    return Node(
        name=name,
        uid=f"uid-{name}",
        instance=instance or f"i-{name}",
        zone="eu-central-1a",
        labels=more.pop("labels", {}),
        taints=(),
        allocatable=AMOUNTS,
        capacity=AMOUNTS,
        created=NOW - 3600,
        **more,
    )


def group(name: str, *nodes: str, desired: int | None = None, most: int = 10, **more: Any) -> Group:
    """A group with an instance for each of these nodes."""
    return Group(
        name=name,
        min_size=0,
        max_size=most,
        desired=len(nodes) if desired is None else desired,
        instances=tuple(Instance(f"i-{each}") for each in nodes),
        observed=NOW,
        **more,
    )


def template(name: str, **more: Any) -> Template:
    """What the next node of a group is like."""
    return Template(group=name, zone="eu-central-1a", labels={}, taints=(), allocatable=AMOUNTS, **more)


def state(of: Group, **more: Any) -> GroupState:
    """A group with all its instances ready."""
    return GroupState(of, **{"ready": len(of.instances), "step": 100, **more})


def why(code: str, message: str, about: str = "") -> WhyNot:
    return WhyNot(code, message, about)


def waits(of: Pod, reason: WhyNot | None = None, **groups: WhyNot) -> Waits:
    return Waits(of, reason, groups)


def done(
    *states: GroupState,
    nodes: tuple[Node, ...] = (),
    pods_of: Mapping[str, tuple[Pod, ...]] | None = None,
    waiting: tuple[Pod, ...] = (),
    grow: GrowPlan | None = None,
    shrink: ShrinkPlan | None = None,
    memory: Memory | None = None,
    now: float = NOW,
    **more: Any,
) -> Pass:
    """A pass over these groups and nodes."""
    snapshot = Snapshot(
        now=now,
        nodes={each.name: each for each in nodes},
        pods_of=pods_of or {},
        waiting=waiting,
        groups={each.group.name: each.group for each in states},
        templates=more.pop("templates", {}),
        **more,
    )
    return Pass(
        snapshot,
        states={each.group.name: each for each in states},
        grow=grow or GrowPlan(),
        shrink=shrink or ShrinkPlan(),
        memory=memory or Memory(),
    )
