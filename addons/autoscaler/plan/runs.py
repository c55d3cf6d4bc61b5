"""Runs of equal new nodes: what is free on each of them, and what is on it."""

from addons.autoscaler.model.pods import HostPort, PodClass
from addons.autoscaler.plan.cluster import Form


class Run:
    """`count` new nodes one after the other, each with the same free amounts, pods and ports taken."""

    __slots__ = ("count", "free", "held", "ports")

    def __init__(
        self, count: int, free: list[int], held: dict[PodClass, int], ports: tuple[HostPort, ...]
    ) -> None:
        self.count = count
        self.free = free
        self.held = held
        self.ports = ports

    def fits(self, form: Form) -> int:
        """Return how many pods of the class one of its nodes has room for, other pods aside."""
        free = self.free
        for column, amount in form.needs:
            if free[column] < amount:
                return 0
        return min((free[column] // amount for column, amount in form.needs), default=1 << 62)

    def with_pods(self, nodes: int, form: Form, pods: int) -> "Run":
        """Return so many nodes like its own, each with so many more pods."""
        free = list(self.free)
        for column, amount in form.needs:
            free[column] -= amount * pods
        held = {**self.held, form.cls: self.held.get(form.cls, 0) + pods}
        return Run(nodes, free, held, self.ports + form.cls.ports)

    def is_like(self, other: "Run") -> bool:
        """Whether its nodes are equal to the other's."""
        return self.free == other.free and self.held == other.held


def split(run: Run, form: Form, room: int, full: int, rest: int, total: int | None = None) -> list[Run]:
    """Return the run with `room` pods more on the first `full` nodes and `rest` more on the next."""
    untouched = (run.count if total is None else total) - full - bool(rest)
    parts = [run.with_pods(full, form, room)] if full else []
    if rest:
        parts.append(run.with_pods(1, form, rest))
    if untouched:
        parts.append(Run(untouched, run.free, run.held, run.ports))
    return parts
