"""Which pod a request is about: the one that Kubernetes has by this name now, or a predecessor."""

from typing import Protocol

from msgspec import Struct

from addons.cni import names
from addons.cni.model.assignments import PodId
from addons.cni.model.requests import ABANDONED, TRY_LATER, CniError
from addons.runtime.errors import OutsideError


class KnownPod(Struct, frozen=True):
    """A pod that Kubernetes has.

    `uids` are those by which a kubelet may call it: its own, and for the mirror of a static pod those of its
    annotations `kubernetes.io/config.hash` and `kubernetes.io/config.mirror`.
    """

    uids: frozenset[str]
    is_ending: bool = False


class PodLookup(Protocol):
    """Finds pods by their names."""

    def known(self, namespace: str, name: str) -> KnownPod | None:
        """The pod by what was seen last, which may be old; None when none was seen."""
        ...

    async def fresh(self, namespace: str, name: str) -> KnownPod | None:
        """The pod as the API server has it now; None when it has none. Raises OutsideError."""
        ...


class PodCheck:
    """Refuses requests for pods that another pod of the same name has replaced."""

    def __init__(self, lookup: PodLookup) -> None:
        self._lookup = lookup

    def is_ending(self, pod: PodId) -> bool:
        """Whether this very pod is known to be on its way out."""
        known = self._lookup.known(pod.namespace, pod.name) if pod.uid else None
        return bool(known and known.is_ending and pod.uid in known.uids)

    async def refuse_replaced(self, pod: PodId) -> None:
        """Raise CniError if Kubernetes has another pod by this name.

        What was seen last may be the predecessor, so nobody is refused by it. A pod that Kubernetes does not
        have may be a static one whose mirror does not exist yet, and while the API server does not answer
        nobody knows better than the kubelet: these pass.
        """
        if not pod.uid:
            return
        known = self._lookup.known(pod.namespace, pod.name)
        if known is None or pod.uid in known.uids:
            return
        try:
            fresh = await self._lookup.fresh(pod.namespace, pod.name)
        except OutsideError:
            return
        if fresh and pod.uid not in fresh.uids:
            raise _replaced(pod, fresh)

    async def refuse_unless_successor(self, pod: PodId, holder: PodId) -> None:
        """Raise CniError unless `pod` may take the place of `holder`, another sandbox of the same name.

        A newer sandbox of the same pod may. Of two pods with one name only the one that Kubernetes has now
        may; where that cannot be told the holder keeps its network, and the kubelet tries again.
        """
        if not (pod.uid and holder.uid) or pod.uid == holder.uid:
            return
        try:
            fresh = await self._lookup.fresh(pod.namespace, pod.name)
        except OutsideError as error:
            message = (
                f"pod {pod}: another pod of this name has its network, and which one is new cannot be told"
            )
            raise CniError(TRY_LATER, message, error.message, reason=names.POD_REPLACED) from error
        if fresh is None or pod.uid not in fresh.uids:
            raise _replaced(pod, fresh)


def _replaced(pod: PodId, fresh: KnownPod | None) -> CniError:
    uids = f"its uid is {min(fresh.uids)} now" if fresh else "Kubernetes does not have it"
    message = f"pod {pod} with uid {pod.uid} was replaced: {uids}"
    return CniError(ABANDONED, message, reason=names.POD_REPLACED)
