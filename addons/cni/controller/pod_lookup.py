"""Finds pods for the socket: by the cache, or afresh at the API server."""

from addons.cni.controller.pods import KnownPod
from addons.cni.desired.demand import uids
from addons.cni.kube.watches import NodeWatches
from addons.cni.model.assignments import PodId
from addons.cni.model.objects import Pod


class Lookup:
    """The pods of this node."""

    def __init__(self, watched: NodeWatches) -> None:
        self._watched = watched

    def known(self, namespace: str, name: str) -> KnownPod | None:
        """The pod by what was seen last."""
        return _known(self._watched.pod(PodId(namespace, name)))

    async def fresh(self, namespace: str, name: str) -> KnownPod | None:
        """The pod as the API server has it now. Raises OutsideError."""
        return _known(await self._watched.read_pod(PodId(namespace, name)))


def _known(pod: Pod | None) -> KnownPod | None:
    if pod is None:
        return None
    return KnownPod(uids(pod), bool(pod.metadata.deletion_timestamp))
