"""Which pods are on which node, by class."""

from collections.abc import Iterator

from addons.autoscaler.model.pods import PodClass
from addons.autoscaler.plan.sites import Sites


class Seats:
    """`held` has, for each node in the order of `sites`, how many pods of each class are on it, and `leaving`
    how many of these are being deleted.
    """

    def __init__(self) -> None:
        self.sites = Sites()
        self.held: list[dict[PodClass, int]] = []
        self.leaving: dict[int, dict[PodClass, int]] = {}
        self._where: dict[PodClass, set[int]] | None = None

    def change(self, node: int, cls: PodClass, count: int, *, is_leaving: bool) -> None:
        """Let so many pods come, or (less than 0) go; one that goes and is not there is an error."""
        held = self.held[node]
        left = held.get(cls, 0) + count
        if left < 0:
            raise ValueError(f"node {self.sites.all[node].name} has no such pod to remove")
        if left:
            held[cls] = left
        else:
            del held[cls]
        if is_leaving:
            leaving = self.leaving.setdefault(node, {})
            leaving[cls] = leaving.get(cls, 0) + count
        if self._where is not None and count > 0:
            self._where.setdefault(cls, set()).add(node)

    def of(self, cls: PodClass, *, with_leaving: bool) -> Iterator[tuple[int, int]]:
        """Return the nodes with pods of the class, and how many; with those that are being deleted or not."""
        for node in self._nodes_of(cls):
            if node < len(self.held) and (count := self.held[node].get(cls, 0)):
                gone = 0 if with_leaving else self.leaving.get(node, {}).get(cls, 0)
                yield node, count - gone

    def _nodes_of(self, cls: PodClass) -> set[int]:
        """Return nodes that may have pods of the class; where none asks, none is noted."""
        if self._where is None:
            self._where = {}
            for node, held in enumerate(self.held):
                for each in held:
                    self._where.setdefault(each, set()).add(node)
        return self._where.get(cls, set())
