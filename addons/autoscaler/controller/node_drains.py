"""The drain of a node of a matrix' group, up to the end of its instance; one without a node ends at once."""

from collections.abc import Callable, Collection
from dataclasses import replace

from addons.autoscaler.controller.drain_run import DrainRun
from addons.autoscaler.controller.drain_tools import Tools
from addons.autoscaler.model.drains import Drain
from addons.autoscaler.model.nodes import Node
from addons.runtime.errors import Unavailable, Withheld
from addons.runtime.permit import Permit


class NodeDrains:
    """Drains nodes one by one. `tools` are those of a removal of a node; `node_of` finds the node of an
    instance, `blind` says why nodes or pods are not known now, `following` is told which removal goes on.
    """

    def __init__(
        self,
        tools: Tools,
        permit: Permit,
        *,
        node_of: Callable[[str], Node | None],
        blind: Callable[[], str],
        following: Callable[[DrainRun | None], None],
    ) -> None:
        self.tools = tools
        self.node_of = node_of
        self._permit = permit
        self._blind = blind
        self._following = following

    async def drain(self, group: str, instance: str, why: str) -> None:
        """Drain a node and end its instance. Raises OutsideError when the node was given back."""
        self.see()
        node = self.node_of(instance)
        drain = Drain(node="", uid="", instance=instance, group=group, why=why)
        if node is None:
            if error := await self.tools.terminate(drain, self._permit):
                raise error
            return
        drain = replace(drain, node=node.name, uid=node.uid, is_dead=not node.is_ready)
        run = DrainRun(drain, self.tools, self._permit)
        self._following(run)
        try:
            drained = await run.run()
        finally:
            self._following(None)
        if drained.ended == "left":
            raise Withheld(self._left(node.name, run, drained.why.message if drained.why else "left"))
        if drained.ended != "done":
            said = drained.why.message if drained.why else "it was given back"
            raise Unavailable(f"node {node.name}: {said}", code="NotDrained")

    def _left(self, name: str, run: DrainRun, why: str) -> str:
        """What to tell of a node whose removal is not over."""
        now = self.tools.view.node(name)
        if run.stage == "taint" and not (now and now.drain):
            return f"node {name}: {why}"
        how = "tainted and cordoned" if self.tools.options.cordons else "tainted"
        return f"node {name} stays {how}, as its drain is begun; the next run goes on with it: {why}"

    def assure_cluster(self, instances: Collection[str]) -> None:
        """Raises Unavailable where there are instances of a matrix, and none of them is a node: in another
        cluster each would seem to have no pods, and end undrained."""
        if instances and not any(self.node_of(each) for each in instances):
            message = (
                f"none of the {len(instances)} instances of the matrix is a node of this cluster: does"
                " --kubeconfig name the cluster of the file? instances that never became nodes are to be"
                " ended by hand"
            )
            raise Unavailable(message, code="OtherCluster")

    def see(self) -> None:
        """Raises Unavailable where nodes or pods are not known as they are now."""
        if why := self._blind():
            raise Unavailable(f"what the cluster has is not known: {why}", code="CachesStale")
