"""The real Helm installs, changes, rolls back and removes the albingress chart on the API emulator."""

from tests.support.charts import CHARTS, Object, Values, installed, render, values
from tests.support.helm import NAMESPACE, cluster, find, has

# The Job of an uninstall runs on the real nodes of tests/e2e/test_albingress_chart.py: here is no kubelet.
KEPT: Values = {"uninstall": {"release": False}}
MORE: Values = {
    **KEPT,
    "networkPolicy": {"enabled": True},
    "secrets": {"names": {"kube-system": ["login"]}},
    "ingressClass": {"params": {"scheme": "internal"}},
}

DEPLOYMENT = ("apps/v1", "deployments", NAMESPACE, "aws-albingress")


def made(*more: Values) -> list[Object]:
    """What an install makes and keeps."""
    return installed(render(values(*more, chart="albingress"), CHARTS / "albingress"))


async def test_an_install_makes_every_object_and_an_uninstall_leaves_the_definitions() -> None:
    async with cluster("albingress") as (api, release):
        done = await release.install(MORE)
        assert "rollout status deployment/aws-albingress" in done["notes"]
        objects = made(MORE)
        assert {"Deployment", "IngressClass", "IngressClassParams", "NetworkPolicy"} <= {
            obj["kind"] for obj in objects
        }
        for obj in objects:
            assert has(find(api, obj), obj), f"{obj['kind']} {obj['metadata']['name']}"
        await release.uninstall()
        left = [obj["kind"] for obj in objects if obj["kind"] != "IngressClassParams" and find(api, obj)]
        assert left == []
        for name in ("ingressclassparams", "targetgroupbindings"):
            definition = f"{name}.elbv2.k8s.aws"
            assert api.store.get("apiextensions.k8s.io/v1", "customresourcedefinitions", "", definition)


async def test_an_upgrade_and_a_rollback_change_what_the_pods_read_and_nothing_immutable() -> None:
    async with cluster("albingress") as (api, release):
        await release.install(KEPT)
        before = api.store.get(*DEPLOYMENT)
        await release.upgrade({**KEPT, "config": {"strict": True}, "podLabels": {"color": "blue"}})
        after = api.store.get(*DEPLOYMENT)
        settings = api.store.get("v1", "configmaps", NAMESPACE, "aws-albingress")["data"]["config.yaml"]
        assert "strict: true" in settings
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert after["spec"]["selector"] == before["spec"]["selector"]
        assert after["spec"]["template"] != before["spec"]["template"], "pods are replaced"
        await release.rollback()
        restored = api.store.get(*DEPLOYMENT)
        assert restored["spec"] == before["spec"]
        assert await release.statuses() == ["superseded", "superseded", "deployed"]
