"""Deployments of the simulated cluster: a ReplicaSet for each template, and the old pods go last."""

from typing import Any

from addons.sim.cluster.deployments import Deployments
from addons.sim.kubeapi.server import KubeApi
from addons.sim.kubeapi.store import Store

Object = dict[str, Any]
APPS = "apps/v1"


class TestDeployments:
    async def test_a_replica_set_has_the_template_and_the_size_and_belongs_to_its_deployment(self) -> None:
        async with KubeApi() as api:
            store = api.store
            made = deploy(store, replicas=3)
            Deployments(store).look()
            (owned,) = store.list(APPS, "replicasets")
            assert owned["spec"]["replicas"] == 3
            assert owned["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
            labels = owned["spec"]["template"]["metadata"]["labels"]
            assert labels.items() >= {"app": "web", **owned["spec"]["selector"]["matchLabels"]}.items()

    async def test_a_new_size_is_followed_without_another_set(self) -> None:
        async with KubeApi() as api:
            deploy(api.store, replicas=3)
            Deployments(api.store).look()
            change(api.store, lambda spec: spec.update(replicas=1))
            Deployments(api.store).look()
            assert [each["spec"]["replicas"] for each in api.store.list(APPS, "replicasets")] == [1]

    async def test_with_another_template_the_old_pods_go_when_the_new_ones_are_ready_and_not_before(
        self,
    ) -> None:
        async with KubeApi() as api:
            store = api.store
            deploy(store, replicas=2)
            Deployments(store).look()
            (old,) = store.list(APPS, "replicasets")
            change(store, lambda spec: spec["template"]["metadata"].update(annotations={"version": "2"}))
            Deployments(store).look()
            Deployments(store).look()
            assert sorted(sizes(store).values()) == [2, 2]
            (new,) = [each for each in store.list(APPS, "replicasets") if each["metadata"] != old["metadata"]]
            store.update(APPS, "replicasets", {**new, "status": {"replicas": 2, "readyReplicas": 2}})
            Deployments(store).look()
            assert sizes(store) == {old["metadata"]["name"]: 0, new["metadata"]["name"]: 2}


def deploy(store: Store, *, replicas: int) -> Object:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return store.create(
        APPS, "deployments", {"metadata": {"name": "web", "namespace": "default"}, "spec": spec}
    )


def change(store: Store, how: Any) -> None:
    found = store.get(APPS, "deployments", "default", "web")
    how(found["spec"])
    store.update(APPS, "deployments", found)


def sizes(store: Store) -> dict[str, int]:
    return {each["metadata"]["name"]: each["spec"]["replicas"] for each in store.list(APPS, "replicasets")}
