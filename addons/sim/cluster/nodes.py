"""Nodes that come and go with the instances of groups."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from addons.sim.aws.autoscaling.model import Member
from addons.sim.aws.autoscaling.state import AutoScaling
from addons.sim.aws.ec2.account import REGION
from addons.sim.cluster.truth import NodeTruth, allocatable, capacity, conditions, labels_of
from addons.sim.kubeapi.clock import rfc3339
from addons.sim.kubeapi.status import StatusError
from addons.sim.kubeapi.store import Store

Object = dict[str, Any]
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"


@dataclass
class _Machine:
    """An instance that became InService: what it is to be, and how far it has come."""

    member: Member
    truth: NodeTruth
    name: str
    in_service: datetime
    joined: datetime | None = None
    lost: datetime | None = None
    is_ready: bool = False


class Nodes:
    """Makes, changes and deletes Node objects by what is true of each group (`truths`)."""

    def __init__(self, store: Store, autoscaling: AutoScaling) -> None:
        self._store = store
        self._autoscaling = autoscaling
        self.truths: dict[str, NodeTruth] = {}
        self._machines: dict[str, _Machine] = {}

    def name_of(self, instance_id: str) -> str:
        """The name of the node that an instance is or will be: by its id, as an address may be had again."""
        return f"{instance_id}.{REGION}.compute.internal"

    def instance_of(self, node: str) -> str:
        """The id of the instance of a node."""
        return next(machine.member.id for machine in self._machines.values() if machine.name == node)

    def look(self) -> None:
        """Bring every node as far as it is to be by now."""
        self._find_machines()
        for machine in list(self._machines.values()):
            if not self._is_running(machine.member.id):
                self._leave(machine)
            elif machine.truth.joins:
                self._come(machine)

    def _find_machines(self) -> None:
        for group in self._autoscaling.groups.values():
            for member in group.members.values():
                if member.state == "InService" and member.id not in self._machines:
                    truth = self.truths.setdefault(group.name, NodeTruth())
                    name = self.name_of(member.id)
                    self._machines[member.id] = _Machine(member, truth, name, self._store.now())

    def _come(self, machine: _Machine) -> None:
        if machine.joined is None:
            if self._since(machine.in_service) >= machine.truth.join_seconds:
                machine.joined = self._store.now()
                self._make(machine)
            return
        self._remove_taints(machine)
        wait = machine.truth.ready_seconds
        if not machine.is_ready and wait is not None and self._since(machine.joined) >= wait:
            machine.is_ready = True
            self._set_ready(machine, "True", remove=NOT_READY)

    def _make(self, machine: _Machine) -> None:
        member, truth = machine.member, machine.truth
        startup = [{"key": key, "value": "true", "effect": "NoSchedule"} for key in truth.startup_taints]
        taints = [*truth.taints, *startup, {"key": NOT_READY, "effect": "NoSchedule"}]
        usable = {**allocatable(member.type), **(truth.allocatable or {})}
        labels = {**labels_of(member.type, member.zone, machine.name), **truth.labels}
        since = rfc3339(self._store.now())
        node = {
            "metadata": {"name": machine.name, "labels": labels},
            "spec": {"providerID": f"aws:///{member.zone}/{member.id}", "taints": taints},
            "status": {
                "capacity": {**capacity(member.type), **(truth.allocatable or {})},
                "allocatable": usable,
                "conditions": conditions("False", since),
                "addresses": [{"type": "Hostname", "address": machine.name}],
            },
        }
        self._store.create("v1", "nodes", node)

    def _remove_taints(self, machine: _Machine) -> None:
        assert machine.joined is not None
        passed = self._since(machine.joined)
        over = {key for key, seconds in machine.truth.startup_taints.items() if passed >= seconds}
        node = self._get(machine)
        if node and over & {taint["key"] for taint in node["spec"].get("taints") or ()}:
            node["spec"]["taints"] = [each for each in node["spec"]["taints"] if each["key"] not in over]
            self._store.update("v1", "nodes", node)

    def _leave(self, machine: _Machine) -> None:
        """The kubelet is silent; some time later the cloud's controller deletes the Node."""
        if machine.joined is None:
            del self._machines[machine.member.id]
        elif machine.lost is None:
            machine.lost = self._store.now()
            self._set_ready(machine, "Unknown", add=UNREACHABLE)
        elif self._since(machine.lost) >= machine.truth.leave_seconds:
            if self._get(machine):
                self._store.delete("v1", "nodes", "", machine.name)
            del self._machines[machine.member.id]

    def set_ready(self, node: str, *, is_ready: bool) -> None:
        """Let a node be Ready, or no longer, from now on."""
        machine = self._machines[self.instance_of(node)]
        machine.is_ready = True
        if is_ready:
            self._set_ready(machine, "True", remove=NOT_READY)
        else:
            self._set_ready(machine, "False", add=NOT_READY)

    def _set_ready(self, machine: _Machine, ready: str, *, add: str = "", remove: str = "") -> None:
        node = self._get(machine)
        if node is None:
            return
        taints = [each for each in node["spec"].get("taints") or () if each["key"] not in (add, remove)]
        if add:
            taints.append({"key": add, "effect": "NoSchedule"})
        node["spec"]["taints"] = taints
        node["status"]["conditions"] = conditions(ready, rfc3339(self._store.now()))
        self._store.update("v1", "nodes", node)

    def _is_running(self, instance_id: str) -> bool:
        instance = self._autoscaling.account.ec2.account.instances.get(instance_id)
        return instance is not None and instance.state in ("pending", "running")

    def _get(self, machine: _Machine) -> Object | None:
        try:
            return self._store.get("v1", "nodes", "", machine.name)
        except StatusError:
            return None

    def _since(self, moment: datetime) -> float:
        return (self._store.now() - moment).total_seconds()

    def soonest(self) -> float:
        """In how many seconds something is due; infinity when nothing is."""
        due = [math.inf]
        for machine in self._machines.values():
            truth, waits = machine.truth, []
            if machine.lost is not None:
                waits = [truth.leave_seconds - self._since(machine.lost)]
            elif machine.joined is not None:
                passed = self._since(machine.joined)
                waits = [each - passed for each in truth.startup_taints.values()]
                if truth.ready_seconds is not None:
                    waits.append(truth.ready_seconds - passed)
            elif truth.joins:
                waits = [truth.join_seconds - self._since(machine.in_service)]
            due += [each for each in waits if each > 0]
        return min(due)
