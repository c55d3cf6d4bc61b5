"""A world for plans alone, on virtual time: a tiny AWS, nodes that are not what their tags say, a scheduler.

Nothing of it is the autoscaler's: the scheduler has filters of its own, and groups deliver what `Truth` says
whatever is promised.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from addons.autoscaler.model.groups import Group, GroupOptions, Instance, LaunchFailure
from addons.autoscaler.model.intents import Memory
from addons.autoscaler.model.nodes import Node, Template
from addons.autoscaler.model.plans import GrowPlan, News
from addons.autoscaler.model.pods import Pod, PodClass, Taint
from addons.autoscaler.model.snapshot import Snapshot, Totals
from addons.autoscaler.plan.groups import group_states
from addons.autoscaler.plan.intents import advance, ordered, refused
from addons.autoscaler.plan.options import GrowOptions
from addons.autoscaler.plan.up import plan_up
from tests.support.as_growth import NOW, pod, template


@dataclass(kw_only=True)
class Truth:
    """What a group really delivers. Times in seconds.

    `labels` and `offers` are changes to what is promised (None: the label is not there); `refuses` are
    classes that the scheduler does not put there, for reasons that nobody can see. `capacity` is how many
    instances AWS has, `code` what it says when there are no more. `takes_orders` is False while
    SetDesiredCapacity fails, `hangs` True while it does not answer.
    """

    labels: dict[str, str | None] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()
    offers: dict[str, int] = field(default_factory=dict)
    refuses: frozenset[str] = frozenset()
    launch_after: float = 5.0
    join_after: float | None = 30.0
    ready_after: float | None = 40.0
    capacity: int = 1_000
    code: str = "OutOfCapacity"
    takes_orders: bool = True
    hangs: bool = False


@dataclass(kw_only=True)
class Machine:
    """An instance: when it was launched, and its node, if it has one."""

    id: str
    at: float
    node: str = ""
    ready_at: float | None = None


@dataclass(kw_only=True)
class Fleet:
    """A group in AWS."""

    promise: Template
    truth: Truth
    max_size: int = 6
    min_size: int = 0
    desired: int = 0
    subnet: str = ""
    zones: tuple[str, ...] = ("eu-1a",)
    options: GroupOptions = field(default_factory=GroupOptions)
    machines: dict[str, Machine] = field(default_factory=dict)
    failures: list[LaunchFailure] = field(default_factory=list)
    asked_at: float = NOW
    started: int = 0


@dataclass(frozen=True)
class Sent:
    """An order that AWS took."""

    at: float
    group: str
    count: int
    target: int


class PlanWorld:
    """Everything outside of plans, and the loop that makes them. `now` only moves when it is told to."""

    def __init__(self, *, seed: int = 0, totals: Totals | None = None, **options: Any) -> None:
        self.now = NOW
        self.options = GrowOptions(**options)
        self.fleets: dict[str, Fleet] = {}
        self.subnets: dict[str, int] = {}
        self.pods: dict[str, Pod] = {}
        self.memory = Memory()
        self.sent: list[Sent] = []
        self.news: list[News] = []
        self.plan = GrowPlan()
        self.in_flight: dict[str, int] = {}
        self.reclaimed: dict[str, int] = {}
        self._seed = seed
        self._totals = totals or Totals()
        self._numbers = 0
        self._looks = 0

    def add_group(
        self, name: str, truth: Truth | None = None, *, promised: dict[str, str] | None = None, **fields: Any
    ) -> Fleet:
        """Add a group of which nodes with such labels are promised."""
        zone = fields.get("zones", ("eu-1a",))[0]
        promise = template(name, zone=zone, labels=promised or {}, source="tags", digest=f"tags-{name}")
        self.fleets[name] = Fleet(promise=promise, truth=truth or Truth(), subnet=name, **fields)
        return self.fleets[name]

    def add_pods(self, count: int, cls: PodClass, prefix: str = "") -> None:
        """Have so many pods wait from now on."""
        for _ in range(count):
            self._numbers += 1
            name = f"{prefix or cls.digest}-{self._numbers}"
            self.pods[name] = pod(name, cls, created=self.now, unschedulable_since=None)

    def run(self, seconds: float) -> None:
        """Let time pass, with a plan at every look: every 2 s, and every 10 s where there are hours of it."""
        until, every = self.now + seconds, 10.0 if seconds > 1800.0 else 2.0
        while self.now < until:
            self.tick()
            self.look()
            self.now += every

    def tick(self) -> None:
        """Let AWS, the nodes and the scheduler do what is due."""
        for name, fleet in self.fleets.items():
            self._launch(name, fleet)
            self._boot(fleet)
        self._schedule()

    def look(self) -> None:
        """Make one plan, and send its orders. Ties are broken otherwise at every look."""
        self._looks += 1
        self._finish_calls()
        before = self.snapshot()
        states = group_states(before, self.options)
        self.memory, news = advance(self.memory, before, states, self.options)
        self.news += news
        self._end_lost({name: state.lost for name, state in states.items()})
        self.plan = plan_up(self.snapshot(), self.options)
        snapshot = self.snapshot()
        for order in self.plan.orders:
            self.memory = ordered(
                self.memory,
                order,
                group=snapshot.groups[order.group],
                template=snapshot.templates.get(order.group),
                now=self.now,
            )
            self.in_flight[order.group] = order.target
            self.sent.append(Sent(self.now, order.group, order.count, order.target))
        self._finish_calls()

    def restart(self, *, keeps_memory: bool) -> None:
        """End the autoscaler and start another."""
        self.in_flight.clear()
        if not keeps_memory:
            self.memory = Memory()

    def reclaim(self, group: str, count: int) -> None:
        """Take instances away, as AWS does with spot capacity; their pods are made anew."""
        for machine in list(self.fleets[group].machines.values())[:count]:
            self.reclaimed[group] = self.reclaimed.get(group, 0) + 1
            self._end(self.fleets[group], machine)

    def bound(self) -> int:
        """Count pods that have a node."""
        return sum(bool(each.node) for each in self.pods.values())

    def started(self) -> dict[str, int]:
        """Count the instances that each group ever launched."""
        return {name: fleet.started for name, fleet in self.fleets.items()}

    def outcomes(self, group: str) -> list[str]:
        """List how orders of a group ended."""
        return [each.outcome for each in self.news if each.group == group]

    def snapshot(self) -> Snapshot:
        """Freeze what can be seen now."""
        nodes = {node.name: node for fleet in self.fleets.values() for node in self._nodes(fleet)}
        pods_of = {name: tuple(each for each in self.pods.values() if each.node == name) for name in nodes}
        return Snapshot(
            now=self.now,
            nodes=nodes,
            pods_of=pods_of,
            waiting=tuple(each for each in self.pods.values() if not each.node),
            groups={name: self._group(name, fleet) for name, fleet in self.fleets.items()},
            templates={name: self._template(fleet) for name, fleet in self.fleets.items()},
            memory=self.memory,
            totals=self._totals,
            seed=1000 * self._seed + self._looks,
        )

    def _group(self, name: str, fleet: Fleet) -> Group:
        return Group(
            name=name,
            min_size=fleet.min_size,
            max_size=fleet.max_size,
            desired=fleet.desired,
            instances=tuple(
                Instance(each.id, launch_template="lt-1:1", zone=fleet.zones[0])
                for each in fleet.machines.values()
            ),
            zones=fleet.zones,
            subnets=(fleet.subnet,),
            free_addresses=self._free(fleet),
            launch_template="lt-1:1",
            failures=tuple(fleet.failures),
            options=fleet.options,
            observed=self.now,
        )

    def _free(self, fleet: Fleet) -> dict[str, int] | None:
        if fleet.subnet not in self.subnets:
            return None
        used = sum(len(each.machines) for each in self.fleets.values() if each.subnet == fleet.subnet)
        return {fleet.zones[0]: self.subnets[fleet.subnet] - used}

    def _template(self, fleet: Fleet) -> Template:
        """What the autoscaler expects: a node that has been ready for a minute shows it."""
        for node in self._nodes(fleet):
            if node.is_ready and self.now - node.ready_changed >= 60.0:
                labels = {key: value for key, value in node.labels.items() if key != "kubernetes.io/hostname"}
                return replace(
                    fleet.promise,
                    labels=labels,
                    taints=node.taints,
                    allocatable=node.allocatable,
                    source="node",
                    digest=f"node-{fleet.promise.group}",
                )
        return fleet.promise

    def _nodes(self, fleet: Fleet) -> Iterable[Node]:
        for machine in fleet.machines.values():
            if not machine.node:
                continue
            truth, promise = fleet.truth, fleet.promise
            labels = {**promise.labels, "kubernetes.io/hostname": machine.node}
            for key, value in truth.labels.items():
                labels.pop(key, None)
                if value is not None:
                    labels[key] = value
            is_ready = machine.ready_at is not None and machine.ready_at <= self.now
            yield Node(
                name=machine.node,
                uid=machine.node,
                instance=machine.id,
                zone=promise.zone,
                labels=labels,
                taints=truth.taints,
                allocatable={**promise.allocatable, **truth.offers},
                capacity={},
                created=machine.at + (truth.join_after or 0.0),
                not_ready_why="" if is_ready else "KubeletNotReady",
                ready_changed=machine.ready_at or 0.0,
            )

    def _launch(self, name: str, fleet: Fleet) -> None:
        missing = fleet.desired - len(fleet.machines)
        if missing <= 0 or self.now - fleet.asked_at < fleet.truth.launch_after:
            return
        free = (self._free(fleet) or {"": missing}).popitem()[1]
        for _ in range(min(missing, free, fleet.truth.capacity - fleet.started)):
            fleet.started += 1
            self._numbers += 1
            machine = Machine(id=f"i-{self._numbers}", at=self.now)
            fleet.machines[machine.id] = machine
        if fleet.desired > len(fleet.machines):
            code = "SubnetFull" if free < missing else fleet.truth.code
            number = len(fleet.failures)
            zone = fleet.zones[0]
            fleet.failures.append(LaunchFailure(f"{name}-{number}", self.now, code, "told by AWS", zone))
            fleet.asked_at = self.now + 60.0

    def _boot(self, fleet: Fleet) -> None:
        truth = fleet.truth
        for machine in fleet.machines.values():
            age = self.now - machine.at
            if truth.join_after is not None and age >= truth.join_after and not machine.node:
                machine.node = f"node-{machine.id}"
            if machine.node and truth.ready_after is not None and age >= truth.ready_after:
                machine.ready_at = machine.ready_at or self.now

    def _end(self, fleet: Fleet, machine: Machine) -> None:
        del fleet.machines[machine.id]
        fleet.asked_at = self.now
        for name, each in list(self.pods.items()):
            if machine.node and each.node == machine.node:
                del self.pods[name]
                self.add_pods(1, each.cls)

    def _end_lost(self, lost: dict[str, tuple[str, ...]]) -> None:
        for name, instances in lost.items():
            fleet = self.fleets[name]
            for each in instances:
                if each in fleet.machines and fleet.desired > fleet.min_size:
                    fleet.desired -= 1
                    self._end(fleet, fleet.machines[each])

    def _finish_calls(self) -> None:
        for name, target in list(self.in_flight.items()):
            fleet = self.fleets[name]
            if fleet.truth.hangs:
                continue
            del self.in_flight[name]
            if not fleet.truth.takes_orders:
                self.memory, news = refused(
                    self.memory,
                    name,
                    code="Throttled",
                    why="Rate exceeded",
                    now=self.now,
                    options=self.options,
                )
                self.news += news
            elif target > fleet.max_size:
                raise AssertionError(f"group {name} was to grow to {target} of {fleet.max_size}")
            elif target > fleet.desired:
                fleet.desired, fleet.asked_at = target, self.now

    def _schedule(self) -> None:
        """Put every waiting pod on the first node that takes it, or say that there is none."""
        nodes = [(each, fleet) for fleet in self.fleets.values() for each in self._nodes(fleet)]
        used: dict[str, Counter[str]] = {node.name: Counter() for node, _ in nodes}
        for each in self.pods.values():
            if each.node:
                used[each.node].update(dict(each.cls.requests))
        for name, each in self.pods.items():
            if each.node:
                continue
            place = next(
                (node for node, fleet in nodes if _takes(each.cls, node, fleet, used[node.name])), None
            )
            if place is not None:
                used[place.name].update(dict(each.cls.requests))
                self.pods[name] = replace(each, node=place.name, unschedulable_since=None, phase="Running")
            elif each.unschedulable_since is None:
                told = f"0/{len(nodes)} nodes are available"
                self.pods[name] = replace(each, unschedulable_since=self.now, scheduler_message=told)


def _takes(cls: PodClass, node: Node, fleet: Fleet, used: Counter[str]) -> bool:
    tolerated = {each.key for each in cls.tolerations}
    return (
        node.is_ready
        and cls.digest not in fleet.truth.refuses
        and all(node.labels.get(key) == value for key, value in cls.node_selector.items())
        and all(taint.key in tolerated for taint in node.taints)
        and all(
            used[resource] + amount <= node.allocatable.get(resource, 0)
            for resource, amount in cls.requests.items()
        )
    )
