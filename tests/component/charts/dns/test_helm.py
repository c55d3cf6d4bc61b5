"""The real Helm installs, changes, rolls back and removes the dns chart on the API emulator."""

import pytest

from addons.sim.kubeapi.server import KubeApi
from tests.support.charts import Object, helm, installed, render, values
from tests.support.helm import NAMESPACE, Release, cluster, find, has


async def test_an_install_makes_every_object_and_an_uninstall_takes_them_away() -> None:
    more = {"networkPolicy": {"enabled": True}, "config": {"namespace": NAMESPACE}}
    async with cluster() as (api, release):
        before = set(map(str, api.store.list("v1", "secrets", NAMESPACE)))
        made = await release.install(more)
        assert "rollout status deployment/aws-dns" in made["notes"]
        objects = installed(render(values(more)))
        assert {"Deployment", "NetworkPolicy", "PodDisruptionBudget"} <= {obj["kind"] for obj in objects}
        for obj in objects:
            assert has(find(api, obj), obj), f"{obj['kind']} {obj['metadata']['name']}"
        await release.uninstall()
        assert [obj["kind"] for obj in objects if find(api, obj)] == []
        assert set(map(str, api.store.list("v1", "secrets", NAMESPACE))) == before


async def test_an_upgrade_and_a_rollback_change_what_the_pods_read_and_nothing_immutable() -> None:
    async with cluster() as (api, release):
        await release.install()
        (deployment,) = api.store.list("apps/v1", "deployments", NAMESPACE)
        await release.upgrade(
            {
                "config": {"policy": "sync"},
                "podLabels": {"color": "blue"},
                "commonLabels": {"team": "network"},
            }
        )
        (changed,) = api.store.list("apps/v1", "deployments", NAMESPACE)
        assert "policy: sync" in configuration(api)
        assert changed["metadata"]["uid"] == deployment["metadata"]["uid"]
        assert changed["spec"]["selector"] == deployment["spec"]["selector"]
        assert checksum(changed) != checksum(deployment)

        await release.rollback()
        (restored,) = api.store.list("apps/v1", "deployments", NAMESPACE)
        assert "policy: upsert-only" in configuration(api)
        assert restored["spec"] == deployment["spec"]
        assert await release.statuses() == ["superseded", "superseded", "deployed"]


def configuration(api: KubeApi) -> str:
    """The settings file in the cluster."""
    text: str = api.store.get("v1", "configmaps", NAMESPACE, "aws-dns")["data"]["config.yaml"]
    return text


def checksum(deployment: Object) -> str:
    """The annotation that restarts the pods."""
    text: str = deployment["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
    return text


async def test_a_source_that_is_no_longer_read_takes_its_rights_with_it() -> None:
    async with cluster() as (api, release):
        await release.install()
        await release.upgrade({"config": {"source": ["ingress"]}})
        (role,) = api.store.list("rbac.authorization.k8s.io/v1", "clusterroles")
        read = {resource for rule in role["rules"] for resource in rule["resources"]}
        assert read == {"ingresses", "events"}


async def test_a_scale_by_hand_survives_no_upgrade_but_a_label_of_somebody_else_does() -> None:
    async with cluster() as (api, release):
        await release.install()
        (deployment,) = api.store.list("apps/v1", "deployments", NAMESPACE)
        deployment["metadata"]["labels"]["theirs"] = "yes"
        api.store.update("apps/v1", "deployments", deployment)
        await release.upgrade({"replicas": 3})
        (changed,) = api.store.list("apps/v1", "deployments", NAMESPACE)
        assert changed["spec"]["replicas"] == 3
        assert changed["metadata"]["labels"]["theirs"] == "yes"


async def test_two_releases_of_one_name_in_two_namespaces_do_not_meet() -> None:
    async with cluster() as (api, release):
        await release.install()
        with helm.Config(kubeconfig_content=api.kubeconfig(), namespace="other") as config:
            second = Release(config)
            await second.install(namespace="other", create_namespace=True)
            await second.uninstall()
        assert all(find(api, obj) for obj in installed(render(values())))


async def test_a_refused_value_leaves_nothing_behind() -> None:
    async with cluster() as (api, release):
        with pytest.raises(helm.HelmError, match="txtOwnerId"):
            await release.install({"config": {"txtOwnerId": ""}})
        assert api.store.list("v1", "secrets", NAMESPACE) == []
        assert not any(find(api, obj) for obj in installed(render(values())))
