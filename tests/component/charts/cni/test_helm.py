"""The real Helm installs, changes, rolls back and removes the cni chart on the API emulator."""

import asyncio
from pathlib import Path

import pytest

from addons.cni.names import NO_POD_IPS
from addons.sim.kubeapi.server import KubeApi
from tests.support.charts import CHARTS, Object, Values, cases, helm, installed, render, values
from tests.support.helm import NAMESPACE, PLURALS, Release, cluster, find, granted, has, used
from tests.support.kubelet import running
from tests.support.until import until

CUSTOM: Values = {key: cases("cni")["custom-networking"][key] for key in ("config", "eniConfig")}
KEPT: Values = {"cleanup": {"enabled": False}}
"""Nobody runs the Job of an uninstall here, but for the test that does."""
TAKES_OVER: Values = {"takeOver": {"enabled": True}}
OF_THE_ORIGINAL = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "aws-node", "namespace": NAMESPACE},
    "spec": {
        "selector": {"matchLabels": {"k8s-app": "aws-node"}},
        "template": {
            "metadata": {"labels": {"k8s-app": "aws-node"}},
            "spec": {"containers": [{"name": "aws-node", "image": "amazon-k8s-cni"}]},
        },
    },
}


def made(*more: Values) -> list[Object]:
    """What an install makes and keeps."""
    return installed(render(values(*more, chart="cni"), CHARTS / "cni"))


def held(api: KubeApi, kind: str, name: str) -> Object:
    """An object of the namespace as the API server holds it."""
    found: Object = api.store.get("apps/v1", PLURALS[kind], NAMESPACE, name)
    return found


async def test_an_install_makes_every_object_and_an_uninstall_leaves_eni_configs_their_definition() -> None:
    async with cluster("cni") as (api, release):
        done = await release.install(CUSTOM, KEPT)
        assert "rollout status daemonset/aws-cni" in done["notes"]
        objects = made(CUSTOM)
        assert {"DaemonSet", "ENIConfig", "MutatingWebhookConfiguration"} <= {obj["kind"] for obj in objects}
        for obj in objects:
            assert has(find(api, obj), obj), f"{obj['kind']} {obj['metadata']['name']}"
        await release.uninstall()
        others = [obj for obj in objects if obj["kind"] != "ENIConfig"]
        assert [obj["kind"] for obj in others if find(api, obj)] == []
        definition = "eniconfigs.crd.k8s.amazonaws.com"
        assert api.store.get("apiextensions.k8s.io/v1", "customresourcedefinitions", "", definition)


async def test_after_an_uninstall_no_node_keeps_the_taint_and_its_job_has_exactly_the_rights_for_that(
    tmp_path: Path,
) -> None:
    taint = {"key": NO_POD_IPS, "effect": "NoSchedule"}
    async with cluster("cni") as (api, release):
        await release.install()
        api.store.create("v1", "nodes", {"metadata": {"name": "full"}, "spec": {"taints": [taint]}})
        uninstall = asyncio.create_task(release.uninstall())
        (job,) = await until(lambda: jobs(api), "Helm has made the Job")
        assert [obj["kind"] for obj in made() if find(api, obj)] == [], "all else is deleted"
        async with running(api, job, tmp_path, {}) as cleanup:
            assert await cleanup.end() == 0, cleanup.log()
            assert cleanup.log() == f"cleaned up: 1 nodes had the taint {NO_POD_IPS}\n"
            assert used(api, "aws-cni-cleanup") == granted(api)
        job["status"] = {"conditions": [{"type": "Complete", "status": "True"}]}
        api.store.update("batch/v1", "jobs", job)
        await uninstall
        assert api.store.get("v1", "nodes", "", "full")["spec"].get("taints") is None
        assert [obj["kind"] for obj in render(values(chart="cni"), CHARTS / "cni") if find(api, obj)] == []


def jobs(api: KubeApi) -> list[Object]:
    """The Jobs that Helm has made and not removed."""
    found: list[Object] = api.store.list("batch/v1", "jobs", NAMESPACE)
    return found


async def test_an_upgrade_and_a_rollback_change_what_the_pods_read_and_nothing_immutable() -> None:
    async with cluster("cni") as (api, release):
        await release.install()
        before = held(api, "DaemonSet", "aws-cni")
        await release.upgrade({"config": {"snat": "always"}, "podLabels": {"color": "blue"}})
        after = held(api, "DaemonSet", "aws-cni")
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert after["spec"]["selector"] == before["spec"]["selector"]
        assert after["spec"]["template"] != before["spec"]["template"], "pods are replaced"
        await release.rollback()
        assert held(api, "DaemonSet", "aws-cni")["spec"] == before["spec"]


async def test_an_upgrade_leaves_the_certificate_of_the_webhook_alone() -> None:
    async with cluster("cni") as (api, release):
        await release.install()
        where = ("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations")
        name = f"aws-cni-webhook.{NAMESPACE}"
        trusted = api.store.get(*where, "", name)
        trusted["webhooks"][0]["clientConfig"]["caBundle"] = "Y2VydGlmaWNhdGU="
        api.store.update(*where, trusted)
        await release.upgrade({"webhook": {"namespaceSelector": {"matchLabels": {"counted": "yes"}}}})
        (hook,) = api.store.get(*where, "", name)["webhooks"]
        assert hook["namespaceSelector"] == {"matchLabels": {"counted": "yes"}}
        assert hook["clientConfig"]["caBundle"] == "Y2VydGlmaWNhdGU="


async def test_beside_a_daemon_set_that_is_still_there_nothing_is_taken_over() -> None:
    async with cluster("cni") as (api, release):
        api.store.create("apps/v1", "daemonsets", OF_THE_ORIGINAL)
        with pytest.raises(helm.HelmError, match="aws-node"):
            await release.install(TAKES_OVER)
        spec = held(api, "DaemonSet", "aws-node")["spec"]["template"]["spec"]
        assert [container["name"] for container in spec["containers"]] == ["aws-node"]


async def test_after_it_was_deleted_without_its_pods_ours_has_its_name_and_selector() -> None:
    async with cluster("cni") as (api, release):
        await install_over(release)
        found = held(api, "DaemonSet", "aws-node")
        assert found["spec"]["selector"] == OF_THE_ORIGINAL["spec"]["selector"]  # type: ignore[index]
        containers = found["spec"]["template"]["spec"]["containers"]
        assert [container["name"] for container in containers] == ["cni"]


async def install_over(release: Release) -> None:
    """Install in the place of the original."""
    done = await release.install(TAKES_OVER)
    assert "rollout status daemonset/aws-node" in done["notes"]
