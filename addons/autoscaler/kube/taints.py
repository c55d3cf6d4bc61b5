"""What is written on nodes: the soft taint of one that is not needed, and what marks one that goes.

The list of taints has no keys for the API server, so it is written as a whole: read just before, with all
that is not ours as it is, and taken only if the node is still what was read.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from msgspec.structs import replace

from addons.autoscaler import names
from addons.autoscaler.model.drains import DrainNote, read_note
from addons.autoscaler.model.objects import NODES
from addons.runtime.errors import Conflict, NotFound
from addons.runtime.kube import KubeClient
from addons.runtime.objects import KubeObject, Part, Resource
from addons.runtime.permit import Permit

_ATTEMPTS: Final = 5
Taint = Mapping[str, Any]
"""A taint with all its fields, those included that we do not know: `timeAdded`."""


class TaintedSpec(Part, frozen=True):
    """The marks of a node, nothing of them left out."""

    taints: tuple[dict[str, Any], ...] = ()
    unschedulable: bool = False


class TaintedNode(KubeObject, frozen=True):
    """A node as far as its marks go."""

    resource: ClassVar[Resource] = NODES
    spec: TaintedSpec = TaintedSpec()

    @property
    def note(self) -> DrainNote | None:
        """What stands on it of its removal."""
        return read_note(self.metadata.annotations.get(names.DRAIN, ""))


Change = Callable[[TaintedNode], dict[str, Any] | None]
"""From a node to the merge patch for it; None when it is as it should be."""


class Taints:
    """Writes marks of nodes. All methods raise OutsideError: NotFound when the node is gone or another one
    has its name, Withheld when there is no permission to act.
    """

    def __init__(self, kube: KubeClient) -> None:
        self._kube = kube

    async def mark_unneeded(self, node: str, uid: str, since: float, permit: Permit) -> None:
        """Put the soft taint on a node, with the time since when it is not needed."""
        value = str(int(since))

        def change(found: TaintedNode) -> dict[str, Any] | None:
            if _value(found, names.DELETION_CANDIDATE) == value:
                return None
            taint = {"key": names.DELETION_CANDIDATE, "value": value, "effect": "PreferNoSchedule"}
            return {"spec": {"taints": [*_without(found, names.DELETION_CANDIDATE), taint]}}

        await self._write(node, uid, change, permit)

    async def mark_needed(self, node: str, uid: str, permit: Permit) -> None:
        """Take the soft taint away."""

        def change(found: TaintedNode) -> dict[str, Any] | None:
            if _value(found, names.DELETION_CANDIDATE) is None:
                return None
            return {"spec": {"taints": _without(found, names.DELETION_CANDIDATE) or None}}

        await self._write(node, uid, change, permit)

    async def mark_going(
        self, node: str, uid: str, note: DrainNote, *, cordons: bool, permit: Permit
    ) -> DrainNote:
        """Keep all pods off a node and say in its annotation why: one patch. Answers the note as written,
        which tells whether the cordon is ours.
        """
        written = note

        def change(found: TaintedNode) -> dict[str, Any]:
            nonlocal written
            ours = cordons and not found.spec.unschedulable
            written = replace(note, cordoned=ours or bool(found.note and found.note.cordoned))
            value = _value(found, names.TO_BE_DELETED) or str(int(note.since))
            taint = {"key": names.TO_BE_DELETED, "value": value, "effect": "NoSchedule"}
            spec: dict[str, Any] = {"taints": [*_without(found, names.TO_BE_DELETED), taint]}
            if ours:
                spec["unschedulable"] = True
            return {"metadata": {"annotations": {names.DRAIN: written.text()}}, "spec": spec}

        await self._write(node, uid, change, permit)
        return written

    async def write_note(self, node: str, uid: str, note: DrainNote, permit: Permit) -> None:
        """Say how far the removal is."""
        await self._write(
            node, uid, lambda _: {"metadata": {"annotations": {names.DRAIN: note.text()}}}, permit
        )

    async def give_back(self, node: str, uid: str, permit: Permit) -> None:
        """Take away what keeps pods off a node that does not go after all; its cordon only if it was ours, as
        its annotation says. One without an annotation was marked by the original, which cordons always.
        """

        def change(found: TaintedNode) -> dict[str, Any] | None:
            has_note = names.DRAIN in found.metadata.annotations
            if not has_note and _value(found, names.TO_BE_DELETED) is None:
                return None
            spec: dict[str, Any] = {"taints": _without(found, names.TO_BE_DELETED) or None}
            if found.spec.unschedulable and (not has_note or bool(found.note and found.note.cordoned)):
                spec["unschedulable"] = None
            return {"metadata": {"annotations": {names.DRAIN: None}}, "spec": spec}

        await self._write(node, uid, change, permit)

    async def _write(self, node: str, uid: str, change: Change, permit: Permit) -> None:
        """Read, change, write; again when somebody else was faster."""
        for attempt in range(1, _ATTEMPTS + 1):
            found = await self._kube.get(NODES, TaintedNode, name=node)
            if uid and found.metadata.uid != uid:
                raise NotFound(f"node {node} is another one now", code=names.NODE_REPLACED)
            patch = change(found)
            if patch is None:
                return
            if refusal := permit.refusal():
                raise refusal
            version = {"resourceVersion": found.metadata.resource_version}
            patch["metadata"] = {**patch.get("metadata", {}), **version}
            try:
                await self._kube.merge_patch(NODES, patch, name=node)
                return
            except Conflict:
                if attempt == _ATTEMPTS:
                    raise


def _without(node: TaintedNode, key: str) -> list[Taint]:
    return [taint for taint in node.spec.taints if taint.get("key") != key]


def _value(node: TaintedNode, key: str) -> str | None:
    found = next((taint for taint in node.spec.taints if taint.get("key") == key), None)
    return None if found is None else str(found.get("value", ""))
