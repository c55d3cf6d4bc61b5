"""The ConfigMap with what was ordered and what came of it: JSON by group, so that a restart forgets nothing.

It is a memory, no truth: what is lost or cannot be read costs a probe step or a rest, never an order twice.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from addons.autoscaler.kube.config_maps import KeptConfigMap
from addons.autoscaler.model.intents import GroupRecord, Memory, NodeRecord
from addons.runtime.errors import Conflict

GROUP: Final = "group."
NODES: Final = "nodes"
FAILED: Final = "failed"

_MOST_BYTES = 900_000
"""A ConfigMap holds 1 MiB."""

_KEY = re.compile(r"[-._a-zA-Z0-9]{1,200}")
_NAME = "_"


class _Kept(Struct, frozen=True):
    """A record with the name of its group, which need not be a key."""

    group: str
    record: GroupRecord


class IntentsMap:
    """Keeps a Memory in a ConfigMap."""

    def __init__(self, kept: KeptConfigMap) -> None:
        self._kept = kept
        self._written: dict[str, str] = {}

    async def load(self) -> tuple[Memory, list[str]]:
        """What is remembered, and what of it cannot be read, in words. Raises OutsideError."""
        self._written = dict(await self._kept.read())
        return memory_of(self._written)

    async def save(self, memory: Memory) -> Memory | None:
        """Write what has changed. When somebody else has written meanwhile, what they know and we do not is
        given back, merged with ours, and has been written; else None. Raises OutsideError.
        """
        data = data_of(memory)
        if not (changed := _changed(self._written, data)):
            return None
        try:
            await self._kept.write(changed, guarded=True)
        except Conflict:
            theirs, _ = await self.load()
            memory = merged(memory, theirs)
            data = data_of(memory)
            await self._kept.write(_changed(self._written, data), guarded=True)
            self._written = data
            return memory
        self._written = data
        return None


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str | None]:
    gone: dict[str, str | None] = dict.fromkeys(before.keys() - after.keys())
    return gone | {key: text for key, text in after.items() if before.get(key) != text}


def data_of(memory: Memory) -> dict[str, str]:
    """A Memory as texts by key: at most as much as a ConfigMap holds; the uids of pods are left out first."""
    data = _data_of(memory)
    if sum(map(len, data.values())) > _MOST_BYTES:
        data = _data_of(replace(memory, groups={name: _brief(each) for name, each in memory.groups.items()}))
    if sum(map(len, data.values())) > _MOST_BYTES:
        data.pop(NODES, None)
    return data


def _data_of(memory: Memory) -> dict[str, str]:
    data = {
        _key_of(name): msgspec.json.encode(_Kept(name, record)).decode()
        for name, record in sorted(memory.groups.items())
        if record != GroupRecord()
    }
    if memory.nodes:
        data[NODES] = msgspec.json.encode(dict(sorted(memory.nodes.items()))).decode()
    if memory.failed_intents:
        data[FAILED] = msgspec.json.encode(memory.failed_intents).decode()
    return data


def _brief(record: GroupRecord) -> GroupRecord:
    return replace(record, intents=tuple(replace(each, pods=()) for each in record.intents))


def _key_of(group: str) -> str:
    if _KEY.fullmatch(group):
        return GROUP + group
    return f"{GROUP}{_NAME}{hashlib.sha256(group.encode()).hexdigest()[:32]}"


def memory_of(data: Mapping[str, str]) -> tuple[Memory, list[str]]:
    """What the texts say, and for each that cannot be read a sentence; that one counts as forgotten."""
    groups: dict[str, GroupRecord] = {}
    nodes: dict[str, NodeRecord] = {}
    failed: tuple[tuple[float, str], ...] = ()
    problems = []
    for key, text in sorted(data.items()):
        try:
            if key == NODES:
                nodes = msgspec.json.decode(text, type=dict[str, NodeRecord])
            elif key == FAILED:
                failed = msgspec.json.decode(text, type=tuple[tuple[float, str], ...])
            elif key.startswith(GROUP):
                kept = msgspec.json.decode(text, type=_Kept)
                groups[kept.group] = kept.record
        except msgspec.MsgspecError as error:
            problems.append(f"{key} cannot be read and counts as forgotten: {error}")
    return Memory(groups=groups, nodes=nodes, failed_intents=failed), problems


def merged(ours: Memory, theirs: Memory) -> Memory:
    """What either of two remembers: of a group ours, with the intents that only they know."""
    groups = dict(theirs.groups)
    for name, record in ours.groups.items():
        groups[name] = _merged(record, theirs.groups[name]) if name in theirs.groups else record
    failed = tuple(sorted({*ours.failed_intents, *theirs.failed_intents}))
    return Memory(groups=groups, nodes={**theirs.nodes, **ours.nodes}, failed_intents=failed)


def _merged(ours: GroupRecord, theirs: GroupRecord) -> GroupRecord:
    known = {each.id for each in ours.intents}
    others = tuple(each for each in theirs.intents if each.id not in known)
    return replace(
        ours,
        intents=(*ours.intents, *others),
        rests_until=max(ours.rests_until, theirs.rests_until),
        failures=max(ours.failures, theirs.failures),
    )
