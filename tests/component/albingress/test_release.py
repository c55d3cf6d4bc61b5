"""Letting Ingresses go at uninstall: whose finalizers are taken off, and what stays."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from addons.albingress import names
from addons.albingress.kube.release import release, stop
from addons.runtime.errors import Denied
from addons.runtime.kube import KubeClient
from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from tests.support.until import until

Object = dict[str, Any]

ROOT = Path(__file__).resolve().parents[3]
OURS, GROUP, FOREIGN = names.FINALIZER, f"{names.GROUP_FINALIZER}public", "example.org/audit"


@asynccontextmanager
async def cluster(tmp_path: Path) -> AsyncIterator[tuple[KubeApi, KubeClient]]:
    async with KubeApi() as api:
        config = tmp_path / "kubeconfig"
        config.write_text(api.kubeconfig())
        async with KubeClient.connect(str(config)) as kube:
            yield api, kube


def ingress(api: KubeApi, name: str, *finalizers: str, namespace: str = "default") -> None:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    metadata = {"namespace": namespace, "name": name, "finalizers": list(finalizers)}
    api.store.create(
        "networking.k8s.io/v1",
        "ingresses",
        {"metadata": metadata, "spec": {"defaultBackend": backend}},
    )


def finalizers(api: KubeApi, name: str) -> list[str] | None:
    found = {each["metadata"]["name"]: each for each in api.store.list("networking.k8s.io/v1", "ingresses")}
    return list(found[name]["metadata"].get("finalizers", [])) if name in found else None


async def released(kube: KubeClient, namespace: str = "") -> list[tuple[str, str]]:
    return [
        (each.metadata.name, error.message if error else "") async for each, error in release(kube, namespace)
    ]


async def test_finalizers_of_others_stay_and_so_does_what_has_none_of_ours(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, kube):
        ingress(api, "alone", OURS, FOREIGN)
        ingress(api, "grouped", GROUP)
        ingress(api, "other", FOREIGN)
        assert sorted(await released(kube)) == [("alone", ""), ("grouped", "")]
        assert [finalizers(api, name) for name in ("alone", "grouped", "other")] == [[FOREIGN], [], [FOREIGN]]


async def test_an_ingress_that_is_being_deleted_goes(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, kube):
        ingress(api, "leaving", OURS)
        api.store.delete("networking.k8s.io/v1", "ingresses", "default", "leaving")
        assert finalizers(api, "leaving") == [OURS]
        assert await released(kube) == [("leaving", "")]
        assert finalizers(api, "leaving") is None


async def test_only_the_namespace_that_is_watched_is_released(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, kube):
        api.store.create("v1", "namespaces", {"metadata": {"name": "shop"}})
        ingress(api, "here", OURS, namespace="shop")
        ingress(api, "there", OURS)
        assert await released(kube, "shop") == [("here", "")]
        assert finalizers(api, "there") == [OURS]


async def test_one_that_cannot_be_written_is_told_and_keeps_nobody_else(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, kube):
        ingress(api, "first", OURS)
        ingress(api, "second", OURS)
        api.faults.add(Fault(verb="patch", status=403, times=1))
        (failed, message), (freed, nothing) = await released(kube)
        assert nothing == ""
        assert "first" in message or "second" in message
        assert finalizers(api, failed) == [OURS]
        assert finalizers(api, freed) == []


async def test_users_bindings_are_released_where_their_definition_is_installed(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, kube):
        definition = yaml.safe_load((ROOT / "charts/albingress/crds/targetgroupbinding.yaml").read_text())
        api.store.create("apiextensions.k8s.io/v1", "customresourcedefinitions", definition)
        metadata = {"namespace": "default", "name": "mine", "finalizers": [names.BINDING_FINALIZER]}
        spec = {"serviceRef": {"name": "web", "port": 80}}
        api.store.create("elbv2.k8s.aws/v1beta1", "targetgroupbindings", {"metadata": metadata, "spec": spec})
        assert await released(kube) == [("mine", "")]


def deployment(api: KubeApi, replicas: int = 2) -> None:
    labels = {"app": "albingress"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "addons"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"namespace": "kube-system", "name": "albingress"}
    api.store.create("apps/v1", "deployments", {"metadata": metadata, "spec": spec})
    told(api, replicas)


def told(api: KubeApi, replicas: int) -> None:
    """What the controller of Deployments says: how many pods there are."""
    found = api.store.get("apps/v1", "deployments", "kube-system", "albingress")
    found["status"] = {"observedGeneration": found["metadata"]["generation"], "replicas": replicas}
    api.store.update("apps/v1", "deployments", found)


def replicas(api: KubeApi) -> int:
    return int(api.store.get("apps/v1", "deployments", "kube-system", "albingress")["spec"]["replicas"])


async def test_the_daemon_is_stopped_when_its_last_pod_is_gone(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, kube):
        deployment(api)
        patience = timedelta(seconds=30)
        stopping = asyncio.create_task(stop(kube, "kube-system", "albingress", patience=patience))
        await until(lambda: replicas(api) == 0, "it is scaled to nothing")
        assert not stopping.done()
        labels = {"app": "albingress"}
        pod = {"metadata": {"namespace": "kube-system", "name": "albingress-0", "labels": labels}}
        spec = {"containers": [{"name": "main", "image": "addons"}], "nodeName": "node-1"}
        api.store.create("v1", "pods", {**pod, "spec": spec})
        api.store.delete("v1", "pods", "kube-system", "albingress-0", grace_seconds=30)
        told(api, 0)
        await until(lambda: listed(api) > 1, "its pods were looked for, and looked for again")
        assert not stopping.done(), "the last one still ends"
        api.store.delete("v1", "pods", "kube-system", "albingress-0")
        assert await stopping


def listed(api: KubeApi) -> int:
    """How often pods were listed."""
    return sum((request.verb, request.resource) == ("list", "pods") for request in api.requests)


async def test_a_daemon_that_does_not_stop_is_told_after_a_while(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, kube):
        deployment(api)
        assert not await stop(kube, "kube-system", "albingress", patience=timedelta(seconds=0.3))


async def test_without_a_deployment_there_is_nothing_to_stop(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (_, kube):
        assert await stop(kube, "kube-system", "albingress", patience=timedelta(seconds=1))


async def test_a_daemon_that_may_not_be_stopped_is_an_error(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, kube):
        deployment(api)
        api.faults.add(Fault(verb="patch", status=403))
        with pytest.raises(Denied):
            await stop(kube, "kube-system", "albingress", patience=timedelta(seconds=1))
