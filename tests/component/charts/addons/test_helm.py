"""The real Helm installs, changes, rolls back and removes the umbrella on the API emulator."""

import base64
import json

import pytest

from addons.sim.kubeapi.server import KubeApi
from tests.support.charts import APPLICATIONS, Object, Values, helm, installed
from tests.support.helm import NAMESPACE, PLURALS, find, has
from tests.support.umbrella import all_five, cluster, render

AWS_NODE = {
    "metadata": {"name": "aws-node", "namespace": NAMESPACE},
    "spec": {
        "selector": {"matchLabels": {"k8s-app": "aws-node"}},
        "template": {
            "metadata": {"labels": {"k8s-app": "aws-node"}},
            "spec": {"containers": [{"name": "aws-node", "image": "amazon-k8s-cni"}]},
        },
    },
}
KEEPS = ("IngressClassParams", "ENIConfig")
"""Kinds of the custom resources, which may hold what users wrote."""


def made(*more: Values) -> list[Object]:
    """What an install makes and keeps."""
    return installed(render(all_five(*more)))


def uids(api: KubeApi) -> dict[tuple[str, str], str]:
    """Which objects of the release there are, by kind and name."""
    return {
        (kind, obj["metadata"]["name"]): held["metadata"]["uid"]
        for obj in made()
        if (kind := obj["kind"]) in PLURALS and (held := find(api, obj))
    }


async def test_an_install_makes_every_object_with_the_custom_resources_and_an_uninstall_takes_them() -> None:
    async with cluster() as (api, release):
        done = await release.install()
        assert "rollout status daemonset/aws-cni" in done["notes"]
        assert "albingress, autoscaler, cni, dns, iamproxy" in done["notes"]
        objects = made()
        for obj in objects:
            assert has(find(api, obj), obj), f"{obj['kind']} {obj['metadata']['name']}"
        definitions = api.store.list("apiextensions.k8s.io/v1", "customresourcedefinitions")
        assert {each["spec"]["names"]["kind"] for each in definitions} == {
            *("ENIConfig", "IngressClassParams", "TargetGroupBinding")
        }
        (secret,) = [each for each in api.store.list("v1", "secrets", NAMESPACE) if "release" in each["data"]]
        assert len(json.dumps(secret)) < 512 * 1024, "a Secret holds 1 MiB"
        assert base64.b64decode(secret["data"]["release"])
        kept: Values = {"cleanup": {"enabled": False}}
        await release.upgrade({"iamproxy": kept, "cni": kept, "albingress": NO_HOOK})
        await release.uninstall()
        assert [obj["kind"] for obj in objects if obj["kind"] not in KEEPS and find(api, obj)] == []


NO_HOOK: Values = {"uninstall": {"release": False}}
"""Nobody runs Jobs here."""


async def test_a_change_of_one_add_on_replaces_no_pods_of_others_and_a_rollback_takes_it_back() -> None:
    async with cluster() as (api, release):
        await release.install()
        before, there = templates(api), uids(api)
        await release.upgrade({"dns": {"config": {"logLevel": "debug"}}})
        changed = templates(api)
        assert {name for name in before if before[name] != changed[name]} == {"aws-dns"}
        assert uids(api) == there
        await release.rollback()
        assert templates(api) == before


async def test_what_is_shared_reaches_all_pods_by_one_change() -> None:
    async with cluster() as (api, release):
        await release.install()
        await release.upgrade({"global": {"image": {"tag": "v2"}}})
        assert len(templates(api)) == len(APPLICATIONS) + 2
        for template in templates(api).values():
            assert template["spec"]["containers"][0]["image"] == "r/addons:v2"


def templates(api: KubeApi) -> dict[str, Object]:
    """The templates of all pods, by the name of the workload."""
    return {
        each["metadata"]["name"]: each["spec"]["template"]
        for plural in ("daemonsets", "deployments")
        for each in api.store.list("apps/v1", plural, NAMESPACE)
    }


async def test_beside_the_original_no_cni_is_installed_and_nothing_else_is() -> None:
    async with cluster() as (api, release):
        api.store.create("apps/v1", "daemonsets", AWS_NODE)
        with pytest.raises(helm.HelmError, match="the DaemonSet kube-system/aws-node is there") as told:
            await release.install()
        assert "delete daemonset aws-node --cascade=orphan" in str(told.value)
        assert templates(api).keys() == {"aws-node"}


async def test_without_cni_the_original_is_nobody_s_business() -> None:
    async with cluster() as (api, release):
        api.store.create("apps/v1", "daemonsets", AWS_NODE)
        await release.install({"cni": {"enabled": False}})
        assert "aws-cni" not in templates(api)


async def test_on_other_nodes_than_those_of_the_original_cni_is_installed() -> None:
    async with cluster() as (api, release):
        api.store.create("apps/v1", "daemonsets", AWS_NODE)
        await release.install({"cni": {"nodeSelector": {"network": "ours"}}})
        assert {"aws-node", "aws-cni"} <= templates(api).keys()


async def test_what_took_the_place_of_the_original_is_upgraded_under_its_name() -> None:
    async with cluster() as (api, release):
        taken: Values = {"cni": {"takeOver": {"enabled": True}}}
        await release.install(taken)
        await release.upgrade(taken, {"cni": {"config": {"logLevel": "debug"}}})
        assert "aws-node" in templates(api)


async def test_an_add_on_that_is_no_longer_chosen_goes_and_the_others_stay() -> None:
    async with cluster() as (api, release):
        await release.install()
        there = uids(api)
        await release.upgrade({"autoscaler": {"enabled": False}})
        left = uids(api)
        assert left.items() < there.items()
        assert {name for _, name in there.keys() - left.keys()} >= {"aws-autoscaler"}
        assert not [name for _, name in there.keys() - left.keys() if "autoscaler" not in name]
