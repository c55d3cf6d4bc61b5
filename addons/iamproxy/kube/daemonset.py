"""The DaemonSet that keeps a daemon on every node, and the change that has each of them clean up instead."""

from typing import Any, ClassVar

from addons.runtime.errors import Invalid
from addons.runtime.kube import KubeClient
from addons.runtime.objects import KubeObject, Part, Resource

DAEMON_SETS = Resource("apps", "v1", "daemonsets", "DaemonSet")

_COMMAND = ("iamproxy",)
_CLEANUP = ("iamproxy", "cleanup", "--hold")


class Container(Part, frozen=True):
    """A program of a pod."""

    name: str = ""
    args: tuple[str, ...] = ()


class PodTemplateSpec(Part, frozen=True):
    """The programs of each pod."""

    containers: tuple[Container, ...] = ()


class PodTemplate(Part, frozen=True):
    """What each pod is made from."""

    spec: PodTemplateSpec = PodTemplateSpec()


class DaemonSetSpec(Part, frozen=True):
    """What runs on the nodes."""

    template: PodTemplate = PodTemplate()


class DaemonSetStatus(Part, frozen=True):
    """How far the nodes are, in numbers of them, as of the `observed_generation` of the spec."""

    observed_generation: int = 0
    desired_number_scheduled: int = 0
    updated_number_scheduled: int = 0
    number_available: int = 0


class DaemonSet(KubeObject, frozen=True):
    """A pod on each node."""

    resource: ClassVar[Resource] = DAEMON_SETS
    spec: DaemonSetSpec = DaemonSetSpec()
    status: DaemonSetStatus = DaemonSetStatus()

    @property
    def cleans_up(self) -> bool:
        """Whether its pods are to clean up."""
        return any(each.args[: len(_CLEANUP)] == _CLEANUP for each in self.spec.template.spec.containers)

    @property
    def nodes_left(self) -> int | None:
        """On how many nodes the present spec does not run, or is not ready; None while nobody has looked."""
        if self.status.observed_generation < self.metadata.generation:
            return None
        done = min(self.status.updated_number_scheduled, self.status.number_available)
        return max(0, self.status.desired_number_scheduled - done)


class DaemonSets:
    """One DaemonSet, by its name."""

    def __init__(self, kube: KubeClient, namespace: str, name: str, *, manager: str) -> None:
        self._kube = kube
        self._namespace = namespace
        self._name = name
        self._manager = manager

    async def get(self) -> DaemonSet:
        """Read it. Raises OutsideError."""
        return await self._kube.get(DAEMON_SETS, DaemonSet, namespace=self._namespace, name=self._name)

    async def have_cleaned(self, found: DaemonSet) -> None:
        """Have its pods clean up, on all nodes at once, each after the daemon of its node has ended.

        An old daemon that outlived the beginning of its successor would undo what that one does. Raises
        OutsideError.
        """
        await self._kube.apply(
            DAEMON_SETS,
            self._cleaning(found),
            namespace=self._namespace,
            name=self._name,
            field_manager=self._manager,
        )

    def _cleaning(self, found: DaemonSet) -> dict[str, Any]:
        ours = [each for each in found.spec.template.spec.containers if each.args[:1] == _COMMAND]
        if not ours:
            raise Invalid(f"the DaemonSet {self._namespace}/{self._name} does not run iamproxy")
        containers = [{"name": each.name, "args": [*_CLEANUP, *each.args[1:]]} for each in ours]
        return {
            "apiVersion": DAEMON_SETS.api_version,
            "kind": DAEMON_SETS.kind,
            "metadata": {"namespace": self._namespace, "name": self._name},
            "spec": {
                "minReadySeconds": 0,
                "updateStrategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "100%"},
                },
                "template": {"spec": {"containers": containers}},
            },
        }
