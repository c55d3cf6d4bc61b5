"""The DaemonSet controller of Kubernetes, played on the emulator: only its status, not the pods."""

from typing import Any

from addons.sim.kubeapi.server import KubeApi
from tests.support.until import until

Object = dict[str, Any]

CLEANING = ["iamproxy", "cleanup", "--hold"]


class DaemonSetController:
    """Has some nodes, and tells on how many of them the pods were replaced."""

    def __init__(self, api: KubeApi, namespace: str, name: str, *, nodes: int) -> None:
        self._api = api
        self._key = ("apps/v1", "daemonsets", namespace, name)
        self.nodes = nodes

    @property
    def daemon_set(self) -> Object:
        """The DaemonSet as the API server holds it."""
        found: Object = self._api.store.get(*self._key)
        return found

    @property
    def args(self) -> list[str]:
        """The arguments of the pods' one container."""
        (container,) = self.daemon_set["spec"]["template"]["spec"]["containers"]
        args: list[str] = container["args"]
        return args

    @property
    def cleans_up(self) -> bool:
        """Whether the pods are to clean up."""
        return self.args[:3] == CLEANING

    def report(self, *, updated: int, available: int) -> None:
        """Write down on how many nodes the newest pod is, and on how many any pod is available."""
        found = self.daemon_set
        found["status"] = {
            "observedGeneration": found["metadata"]["generation"],
            "desiredNumberScheduled": self.nodes,
            "updatedNumberScheduled": updated,
            "numberAvailable": available,
            "currentNumberScheduled": self.nodes,
            "numberReady": available,
            "numberMisscheduled": 0,
        }
        self._api.store.update(*self._key[:2], found)

    async def until_asked(self) -> None:
        """Wait until the pods are to clean up."""
        await until(lambda: self.cleans_up)
