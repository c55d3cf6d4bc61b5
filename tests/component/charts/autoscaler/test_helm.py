"""The real Helm installs, changes, rolls back and removes the autoscaler chart on the API emulator."""

from typing import Any

import pytest

from tests.support.charts import CHARTS, Object, Values, helm, installed, render, values
from tests.support.helm import NAMESPACE, cluster, find, has

MORE: Values = {"networkPolicy": {"enabled": True}, "config": {"expander": ["priority"]}}
DEPLOYMENT = ("apps/v1", "deployments", NAMESPACE, "aws-autoscaler")


def made(*more: Values) -> list[Object]:
    """What an install makes and keeps."""
    return installed(render(values(*more, chart="autoscaler"), CHARTS / "autoscaler"))


async def test_an_install_makes_every_object_and_an_uninstall_takes_them_away() -> None:
    async with cluster("autoscaler") as (api, release):
        done = await release.install(MORE)
        assert "rollout status deployment/aws-autoscaler" in done["notes"]
        objects = made(MORE)
        kinds = {obj["kind"] for obj in objects}
        assert {"ClusterRole", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Role"} <= kinds
        for obj in objects:
            assert has(find(api, obj), obj), f"{obj['kind']} {obj['metadata']['name']}"
        await release.uninstall()
        assert [obj["kind"] for obj in objects if find(api, obj)] == []


async def test_an_uninstall_leaves_the_status_and_the_memory_of_the_daemon() -> None:
    async with cluster("autoscaler") as (api, release):
        await release.install()
        kept = ("cluster-autoscaler-status", "aws-autoscaler-intents")
        for name in kept:
            body = {"metadata": {"name": name, "namespace": NAMESPACE}, "data": {"a": "b"}}
            api.store.create("v1", "configmaps", body)
        await release.uninstall()
        left = {obj["metadata"]["name"] for obj in api.store.list("v1", "configmaps", NAMESPACE)}
        assert left >= set(kept)


async def test_an_upgrade_and_a_rollback_change_what_the_pods_read_and_nothing_immutable() -> None:
    async with cluster("autoscaler") as (api, release):
        await release.install()
        before = api.store.get(*DEPLOYMENT)
        await release.upgrade({"config": {"maxStep": 5}, "podLabels": {"color": "blue"}})
        after = api.store.get(*DEPLOYMENT)
        settings = api.store.get("v1", "configmaps", NAMESPACE, "aws-autoscaler")["data"]["config.yaml"]
        assert "maxStep: 5" in settings
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert after["spec"]["selector"] == before["spec"]["selector"]
        assert after["spec"]["template"] != before["spec"]["template"], "pods are replaced"
        await release.rollback()
        restored = api.store.get(*DEPLOYMENT)
        assert restored["spec"] == before["spec"]
        assert await release.statuses() == ["superseded", "superseded", "deployed"]


async def test_a_dry_run_takes_every_right_to_write_with_it() -> None:
    async with cluster("autoscaler") as (api, release):
        await release.install()
        await release.upgrade({"config": {"dryRun": True}})
        roles: list[Any] = [
            role
            for plural in ("clusterroles", "roles")
            for role in api.store.list("rbac.authorization.k8s.io/v1", plural)
        ]
        verbs = {verb for role in roles for rule in role["rules"] for verb in rule["verbs"]}
        assert verbs == {"get", "list", "watch"}


async def test_a_refused_value_leaves_nothing_behind() -> None:
    async with cluster("autoscaler") as (api, release):
        with pytest.raises(helm.HelmError, match="clusterName"):
            await release.install({"config": {"clusterName": ""}})
        assert api.store.list("v1", "secrets", NAMESPACE) == []
        assert not any(find(api, obj) for obj in made())
