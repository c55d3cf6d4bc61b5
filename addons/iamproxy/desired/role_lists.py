"""The list of roles in an annotation of a namespace: read once, and at a cost that is limited as a whole.

Everybody who may edit a namespace writes its list, and the daemon decides in its event loop about all pods of
the node: what one list costs, the pods of all other namespaces wait for.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from addons.iamproxy.desired.patterns import Format, glob_matches, read_regexp, regexp_matches
from addons.iamproxy.roles import account_prefix, glob_fault, shown
from addons.runtime.regular_expressions import BadExpression

Kind = Literal["glob", "regexp", "permitted"]
"""A JSON list of globs or of regular expressions, or kiam's one expression."""

MOST_ENTRIES = 1000
LONGEST_TEXT = 1 << 16
LARGEST_COST = 1 << 15
"""Of the expressions of one list, in instructions: for each of 1000 entries there are 32. It bounds the time
to compile a list, and to match a role with it, to some hundredths of a second."""

_TOLD = 3
_LISTS = 128
"""Of the last lists, with what is known of them: at most 25 MiB, when all are as long as may be."""

_TOO_LONG = f"longer than {LONGEST_TEXT} characters: write fewer entries, with patterns for many roles"
_TOO_COSTLY = (
    f"its regular expressions are too large together, more than {LARGEST_COST} instructions of RE2: "
    "write fewer of them, and * or + in place of counted repetitions and of classes such as \\pL"
)


class RoleList:
    """What one annotation says: the `entries`, and the `faults` of those that permit nothing.

    Where `refused` says why, the list permits nothing at all.
    """

    def __init__(self, entries: Sequence[str], kind: Kind, refused: str = "") -> None:
        self.entries = tuple(entries)
        faults, self.refused = ([], refused) if refused else _faults(self.entries, kind)
        usable = [entry for entry, fault in zip(self.entries, faults, strict=False) if not fault]
        self.faults = _told([fault for fault in faults if fault])
        self.first_match: Callable[[str, str], str | None] = lru_cache(128)(
            lambda arn, base: first_match(arn, usable, kind=kind, base=base)
        )
        """Give the entry that matches the whole of an ARN with names below the base; None without one."""


def read_list(text: str, kind: Kind) -> RoleList:
    """Read an annotation that lists roles."""
    return RoleList((), kind, _TOO_LONG) if len(text) > LONGEST_TEXT else _read(text, kind)


@lru_cache(_LISTS)
def _read(text: str, kind: Kind) -> RoleList:
    if kind == "permitted":
        return RoleList((text,), kind)
    try:
        entries = msgspec.json.decode(text, type=list[str])
    except msgspec.MsgspecError:
        return RoleList((), kind, 'not a JSON list of texts, such as ["web-*", "db"]')
    if len(entries) > MOST_ENTRIES:
        return RoleList((), kind, f"more than {MOST_ENTRIES} entries")
    return RoleList(entries, kind)


def _faults(entries: Iterable[str], kind: Kind) -> tuple[list[str], str]:
    """What is wrong with each entry, and why the list is refused as a whole."""
    faults, cost = [], 0
    for entry in entries:
        if kind == "glob":
            faults.append(glob_fault(entry))
            continue
        fault, more = read_regexp(entry)
        faults.append(f"{shown(entry)}: {fault}" if fault else "")
        cost += more
        if cost > LARGEST_COST:
            return [], _TOO_COSTLY
    return faults, ""


def _told(faults: Sequence[str]) -> tuple[str, ...]:
    """The first of the faults, and how many more there are."""
    more = len(faults) - _TOLD
    return (*faults[:_TOLD], f"{more} more of its entries are faulty") if more > 0 else tuple(faults)


def first_match(arn: str, patterns: Iterable[str], *, kind: Kind, base: str) -> str | None:
    """Give the first of the patterns that matches the whole of the ARN; a faulty one matches nothing."""
    return next((pattern for pattern in patterns if _matches(arn, pattern, kind, base)), None)


def _matches(arn: str, pattern: str, kind: Kind, base: str) -> bool:
    if kind == "permitted":
        return _permits(arn, pattern, base)
    written = pattern.removeprefix("^") if kind == "regexp" else pattern
    if written.startswith("arn:"):
        return _is_reached(arn, written, base) and _fits(arn, pattern, kind)
    return bool(base) and arn.startswith(base) and _fits(arn[len(base) :], pattern.removeprefix("/"), kind)


def _permits(arn: str, permitted: str, base: str) -> bool:
    """As kiam reads it: the expression is about the whole role, as an ARN or below the base."""
    if _is_reached(arn, permitted.removeprefix("^"), base) and _fits(arn, permitted, "regexp"):
        return True
    return bool(base) and arn.startswith(base) and _fits(arn[len(base) :], permitted, "regexp")


def _is_reached(arn: str, written: str, base: str) -> bool:
    """Whether the role is of our account, or the pattern has the role's account written out."""
    ours = bool(base) and account_prefix(arn) == account_prefix(base)
    return ours or written.startswith(account_prefix(arn))


def _fits(text: str, pattern: str, form: Format) -> bool:
    if form == "glob":
        return glob_matches(pattern, text)
    try:
        return regexp_matches(pattern, text)
    except BadExpression:
        return False
