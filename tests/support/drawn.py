"""Cases that are too many for every day: some are drawn, and a seed, which is printed, says which."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Draw:
    """The draw of one test. The same seed and the same test give the same cases in every run."""

    seed: int
    test: str
    takes_all: bool
    """Whether nothing is left out: `--all-cases`, as in `make deflake`."""

    def some(self, cases: Sequence[T], count: int) -> list[T]:
        """Give so many of the cases in their order, or all of them."""
        if self.takes_all:
            return list(cases)
        return [cases[index] for index in sorted(self.random().sample(range(len(cases)), count))]

    def rounds(self, count: int, *, of: int) -> int:
        """Give the number of rounds to play: `count` on every day, else `of`."""
        return of if self.takes_all else count

    def random(self, purpose: str = "") -> Random:
        """Make a source of random numbers; each purpose has one of its own."""
        return Random(f"{self.seed} {self.test} {purpose}")
