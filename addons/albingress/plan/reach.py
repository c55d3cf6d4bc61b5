"""Which requests a rule can answer, as far as it takes to say that two rules never answer the same one."""

from collections.abc import Iterable
from functools import lru_cache

from msgspec import Struct

from addons.albingress.model.rules import Condition, RuleContent


class Reach(Struct, frozen=True):
    """Hosts, paths and methods that a rule asks for; None where it takes any.

    Of hosts, `exact` are all there are, if none has a wildcard.
    """

    exact: frozenset[str] | None = None
    hosts: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    methods: frozenset[str] | None = None

    def meets(self, other: "Reach") -> bool:
        """False only where no request can fit both."""
        if self.exact is not None and other.exact is not None:
            if self.exact.isdisjoint(other.exact):
                return False
        elif not _meet(self.hosts, other.hosts):
            return False
        if self.methods is not None and other.methods is not None and self.methods.isdisjoint(other.methods):
            return False
        return _meet(self.paths, other.paths)


def reach_of(content: RuleContent) -> Reach:
    """Read the conditions of a rule; regular expressions and other fields may fit anything."""
    said = {each.field: each for each in content.conditions if each.values and not each.regex}
    hosts, paths = said.get("host-header"), said.get("path-pattern")
    methods = said.get("http-request-method")
    names = tuple(value.lower() for value in hosts.values) if hosts else None
    is_exact = names is not None and not any(map(_has_wildcard, names))
    return Reach(
        exact=frozenset(names) if names is not None and is_exact else None,
        hosts=names,
        paths=paths.values if paths else None,
        methods=_values(methods),
    )


def _values(condition: Condition | None) -> frozenset[str] | None:
    return frozenset(condition.values) if condition else None


def meet_any(reach: Reach, others: Iterable[Reach]) -> bool:
    """True when a request may fit this and one of the others."""
    return any(map(reach.meets, others))


def _meet(left: tuple[str, ...] | None, right: tuple[str, ...] | None) -> bool:
    if left is None or right is None:
        return True
    if len(left) == len(right) == 1:  # nearly always, and this is asked some ten thousand times for a plan
        return patterns_meet(left[0], right[0])
    return any(patterns_meet(one, two) for one in left for two in right)


def patterns_meet(left: str, right: str) -> bool:
    """False only where no text fits both patterns: their ends without wildcards contradict each other."""
    left_head, left_tail = _ends(left)
    right_head, right_tail = _ends(right)
    if left_head is None and right_head is None:
        return left == right
    one, two = left if left_head is None else left_head, right if right_head is None else right_head
    if not (one.startswith(two) or two.startswith(one)):
        return False
    one, two = left if left_tail is None else left_tail, right if right_tail is None else right_tail
    return one.endswith(two) or two.endswith(one)


@lru_cache(maxsize=4096)
def _ends(pattern: str) -> tuple[str | None, str | None]:
    """What stands before the first wildcard and after the last; None for a text without any."""
    marks = [index for index, letter in enumerate(pattern) if letter in "*?"]
    return (pattern[: marks[0]], pattern[marks[-1] + 1 :]) if marks else (None, None)


def _has_wildcard(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern
