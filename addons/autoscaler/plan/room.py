"""What is free on each node, in rows of whole numbers, and the first node that has enough of it."""

from collections.abc import Callable, Iterable, Mapping

BLOCK = 64
"""So many nodes are passed over at once where none of them has enough of a resource."""
Needs = tuple[tuple[int, int], ...]
"""What a pod takes: (column, amount), none of them 0."""
Offer = Callable[[str], int]


class Room:
    """Free amounts: a row for each node, a column for each resource; less than 0 where more is taken than
    there is.

    `tops` has, for each block of nodes, amounts that no node of it exceeds; they become exact when a block
    was passed in vain.
    """

    def __init__(self, columns: Iterable[str] = ()) -> None:
        self.names: list[str] = list(columns)
        self.rows: list[list[int]] = []
        self.open = bytearray()
        self._columns = {name: number for number, name in enumerate(self.names)}
        self._offers: list[Offer] = []
        self._tops: list[list[int]] = []
        self._loose = bytearray()

    def needs(self, requests: Mapping[str, int]) -> Needs:
        """Return what a pod takes by columns; a resource that is new here gets one."""
        return tuple((self._column(name), amount) for name, amount in requests.items())

    def add(self, offer: Offer, row: list[int], *, is_open: bool) -> None:
        """Add a node that offers amounts by name, with what is free of each resource; `first` passes over one
        that is not open.
        """
        if len(self.rows) % BLOCK == 0 and len(self.rows) // BLOCK == len(self._tops):
            self._tops.append(list(row))
            self._loose.append(0)
        self.rows.append(row)
        self.open.append(is_open)
        self._offers.append(offer)
        self._raise_tops(len(self.rows) - 1)

    def drop_last(self) -> None:
        """Remove the node that was added last."""
        self.rows.pop()
        self.open.pop()
        self._offers.pop()

    def change(self, node: int, needs: Needs, count: int) -> None:
        """Take what so many pods need from a node, or (less than 0) give it back."""
        row = self.rows[node]
        for column, amount in needs:
            row[column] -= amount * count
        if count < 0:
            self._raise_tops(node)
        else:
            self._loose[node // BLOCK] = 1

    def lacks(self, node: int, needs: Needs) -> tuple[int, int] | None:
        """Return the first need that the node cannot meet, or None."""
        row = self.rows[node]
        return next(((column, amount) for column, amount in needs if row[column] < amount), None)

    def fits(self, node: int, needs: Needs) -> int:
        """Return how many such pods the node has room for."""
        row = self.rows[node]
        return min((max(0, row[column] // amount) for column, amount in needs), default=len(self.rows))

    def first(self, needs: Needs, allowed: bytearray, start: int) -> int:
        """Return the first open and allowed node from `start` on that has room, else the number of nodes."""
        size = len(self.rows)
        while start < size:
            block = start // BLOCK
            end = min(size, (block + 1) * BLOCK)
            tops = self._tops[block]
            for column, amount in needs:
                if tops[column] < amount:
                    break
            else:
                if (found := self._first_between(start, end, needs, allowed)) < end:
                    return found
                if self._loose[block] and start == block * BLOCK:
                    self._tighten(block, end)
            start = end
        return size

    def _first_between(self, start: int, end: int, needs: Needs, allowed: bytearray) -> int:
        rows, is_open = self.rows, self.open
        for node in range(start, end):
            if is_open[node] and allowed[node]:
                row = rows[node]
                for column, amount in needs:
                    if row[column] < amount:
                        break
                else:
                    return node
        return end

    def _tighten(self, block: int, end: int) -> None:
        self._tops[block] = [max(column) for column in zip(*self.rows[block * BLOCK : end], strict=True)]
        self._loose[block] = 0

    def _raise_tops(self, node: int) -> None:
        tops = self._tops[node // BLOCK]
        for column, free in enumerate(self.rows[node]):
            if free > tops[column]:
                tops[column] = free

    def _column(self, name: str) -> int:
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = len(self.names)
            self.names.append(name)
            for row, offer in zip(self.rows, self._offers, strict=True):
                row.append(offer(name))
            for block, tops in enumerate(self._tops):
                tops.append(
                    max((row[found] for row in self.rows[block * BLOCK : (block + 1) * BLOCK]), default=0)
                )
        return found
