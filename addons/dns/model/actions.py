"""Plans: groups of changes that stand or fall together."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from msgspec import Struct

from addons.dns.model.records import Change, RecordKey, RecordSet
from addons.runtime.outcomes import ObjectRef, Skip


@dataclass(frozen=True, slots=True)
class NameTaken(Skip):
    """A name that is somebody else's; `holder` is an owner id, an object, or nobody whom we know."""

    holder: str = ""


@dataclass(frozen=True, slots=True)
class GivenUp(Skip):
    """Records that nobody asks for any more, and that the policy keeps; `resource` is whose they were."""

    name: str = ""
    resource: str = ""


class ChangeGroup(Struct, frozen=True):
    """All changes of one name and set identifier: data records with their ownership texts, atomic.

    `verb` is create, update or delete; `ref` the object it is done for, if one still asks for the name;
    `because` the reason in words. `resource` names the object for which the records are, or were, made.
    `left_out_by` is the setting that keeps this object, which is there, from asking for what is deleted.
    """

    key: str
    name: str
    verb: str
    changes: tuple[Change, ...]
    ref: ObjectRef | None
    because: str
    resource: str = ""
    left_out_by: str = ""

    @property
    def elements(self) -> int:
        """ResourceRecord elements, of which Route 53 takes 1,000 in one batch."""
        return sum(len(change.record.values) or 1 for change in self.changes)

    @property
    def characters(self) -> int:
        """Characters in all values, of which Route 53 takes 32,000 in one batch."""
        return sum(len(value) for change in self.changes for value in change.record.values)


class Batch(Struct, frozen=True):
    """Groups that travel in one ChangeResourceRecordSets call, at most as many as its limits take."""

    zone_id: str
    groups: tuple[ChangeGroup, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """All changes, in the order of the groups."""
        return tuple(change for group in self.groups for change in group.changes)


class PlannedKeys(Struct, frozen=True):
    """The keys, zone/name#set identifier, of some names of a zone. Nothing is made for each of many names."""

    zone_id: str
    names: Container[str]

    def __contains__(self, key: object) -> bool:
        zone_id, _, name = str(key).partition("#")[0].partition("/")
        return zone_id == self.zone_id and name in self.names


PlanItem = ChangeGroup | Skip
"""What is planned for a name: a change, or why there is none."""


class Wish(NamedTuple):
    """A name, and the object that its record was made for, as ownership texts call it."""

    resource: str
    name: str


class Plan(Struct, frozen=True):
    """What to do in one zone, and what was decided not to do.

    `unsettled` are the names that were not exactly as asked for: all others need no look until their
    endpoints or records change. `orphans` are the ownership texts whose record is gone.
    """

    groups: tuple[ChangeGroup, ...] = ()
    skips: tuple[Skip, ...] = ()
    unsettled: frozenset[str] = frozenset()
    orphans: frozenset[RecordKey] = frozenset()

    @property
    def given_up(self) -> set[Wish]:
        """What is given up, or would be if the policy permitted, because nobody asks for it any more."""
        groups = (Wish(group.resource, group.name) for group in self.groups if group.verb == "delete")
        kept = (Wish(skip.resource, skip.name) for skip in self.skips if isinstance(skip, GivenUp))
        return {wish for wish in (*groups, *kept) if wish.resource}


def created(changes: Iterable[Change]) -> tuple[RecordSet, ...]:
    """Everything that some changes create."""
    return tuple(change.record for change in changes if change.action == "CREATE")
