"""The simulated controller of ReplicaSets makes what is missing, deletes what is too much, and no more."""

from addons.sim.cluster.workloads import Workloads
from addons.sim.kubeapi.server import KubeApi
from tests.support.as_objects import replica_set


async def test_a_set_that_lacks_a_pod_gets_one_and_loses_none() -> None:
    async with KubeApi() as api:
        workloads = Workloads(api.store)
        api.store.create("apps/v1", "replicasets", replica_set("web", 5))
        workloads.look()
        before = {pod["metadata"]["name"] for pod in api.store.list("v1", "pods")}
        gone = min(before)
        api.store.delete("v1", "pods", "default", gone)
        workloads.look()
        after = {pod["metadata"]["name"] for pod in api.store.list("v1", "pods")}
        assert len(before) == len(after) == 5
        assert before - after == {gone}


async def test_a_set_with_too_many_pods_loses_those_that_are_too_much() -> None:
    async with KubeApi() as api:
        workloads = Workloads(api.store)
        made = api.store.create("apps/v1", "replicasets", replica_set("web", 5))
        workloads.look()
        made["spec"]["replicas"] = 3
        made["metadata"].pop("resourceVersion")
        api.store.update("apps/v1", "replicasets", made)
        workloads.look()
        left = [pod for pod in api.store.list("v1", "pods") if "deletionTimestamp" not in pod["metadata"]]
        assert len(left) == 3
