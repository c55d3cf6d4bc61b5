"""The real Helm installs, changes, rolls back and removes the dns chart on the API emulator."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from addons.sim.kubeapi.server import KubeApi
from tests.support.charts import CHARTS, Object, Values, chart, helm, render, values

NAMESPACE = "kube-system"
PLURALS = {
    "ConfigMap": "configmaps",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "Deployment": "deployments",
    "NetworkPolicy": "networkpolicies",
    "PodDisruptionBudget": "poddisruptionbudgets",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
}


class Helm:
    """Helm with a release named `aws`; it blocks, so it runs beside the event loop."""

    def __init__(self, api: KubeApi, config: Any) -> None:
        self.api = api
        self._config = config
        self._chart = chart(CHARTS / "dns")

    async def install(self, *more: Values, **options: Any) -> Object:
        """Install the release."""
        done: Object = await self._run(self._config.install, self._chart, "aws", values(*more), **options)
        return done

    async def upgrade(self, *more: Values) -> None:
        """Change the release."""
        await self._run(self._config.upgrade, self._chart, "aws", values(*more))

    async def rollback(self) -> None:
        """Go back to the revision before."""
        await self._run(self._config.rollback, "aws")

    async def uninstall(self) -> None:
        """Remove the release."""
        await self._run(self._config.uninstall, "aws")

    async def statuses(self) -> list[str]:
        """The status of every revision, oldest first."""
        return [item["status"] for item in await self._run(self._config.history, "aws")]

    async def _run(self, action: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        return await asyncio.to_thread(action, *arguments, **options)

    def find(self, obj: Object) -> Object | None:
        """What the API server holds under kind and name of an object."""
        plural, metadata = PLURALS[obj["kind"]], obj["metadata"]
        items = self.api.store.list(obj["apiVersion"], plural, metadata.get("namespace", ""))
        return next((item for item in items if item["metadata"]["name"] == metadata["name"]), None)


@asynccontextmanager
async def cluster() -> AsyncIterator[Helm]:
    """A cluster that nobody has installed anything in."""
    async with KubeApi() as api:
        with helm.Config(kubeconfig_content=api.kubeconfig(), namespace=NAMESPACE) as config:
            yield Helm(api, config)


def has(found: Any, wanted: Any) -> bool:
    """True when everything wanted is there; defaults of the API server may come on top."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(has(found.get(key), value) for key, value in wanted.items() if value not in (None, {}, []))
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(has, found, wanted))
    return bool(found == wanted)


async def test_an_install_makes_every_object_and_an_uninstall_takes_them_away() -> None:
    more = {"networkPolicy": {"enabled": True}, "config": {"namespace": NAMESPACE}}
    async with cluster() as release:
        before = set(map(str, release.api.store.list("v1", "secrets", NAMESPACE)))
        installed = await release.install(more)
        assert "rollout status deployment/aws-dns" in installed["notes"]
        objects = render(values(more))
        assert {obj["kind"] for obj in objects} == PLURALS.keys()
        for obj in objects:
            assert has(release.find(obj), obj), f"{obj['kind']} {obj['metadata']['name']}"
        await release.uninstall()
        assert [obj["kind"] for obj in objects if release.find(obj)] == []
        assert set(map(str, release.api.store.list("v1", "secrets", NAMESPACE))) == before


async def test_an_upgrade_and_a_rollback_change_what_the_pods_read_and_nothing_immutable() -> None:
    async with cluster() as release:
        await release.install()
        (deployment,) = release.api.store.list("apps/v1", "deployments", NAMESPACE)
        await release.upgrade(
            {
                "config": {"policy": "sync"},
                "podLabels": {"color": "blue"},
                "commonLabels": {"team": "network"},
            }
        )
        (changed,) = release.api.store.list("apps/v1", "deployments", NAMESPACE)
        assert "policy: sync" in configuration(release)
        assert changed["metadata"]["uid"] == deployment["metadata"]["uid"]
        assert changed["spec"]["selector"] == deployment["spec"]["selector"]
        assert checksum(changed) != checksum(deployment)

        await release.rollback()
        (restored,) = release.api.store.list("apps/v1", "deployments", NAMESPACE)
        assert "policy: upsert-only" in configuration(release)
        assert restored["spec"] == deployment["spec"]
        assert await release.statuses() == ["superseded", "superseded", "deployed"]


def configuration(release: Helm) -> str:
    """The settings file in the cluster."""
    text: str = release.api.store.get("v1", "configmaps", NAMESPACE, "aws-dns")["data"]["config.yaml"]
    return text


def checksum(deployment: Object) -> str:
    """The annotation that restarts the pods."""
    text: str = deployment["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
    return text


async def test_a_source_that_is_no_longer_read_takes_its_rights_with_it() -> None:
    async with cluster() as release:
        await release.install()
        await release.upgrade({"config": {"source": ["ingress"]}})
        (role,) = release.api.store.list("rbac.authorization.k8s.io/v1", "clusterroles")
        read = {resource for rule in role["rules"] for resource in rule["resources"]}
        assert read == {"ingresses", "events"}


async def test_a_scale_by_hand_survives_no_upgrade_but_a_label_of_somebody_else_does() -> None:
    async with cluster() as release:
        await release.install()
        (deployment,) = release.api.store.list("apps/v1", "deployments", NAMESPACE)
        deployment["metadata"]["labels"]["theirs"] = "yes"
        release.api.store.update("apps/v1", "deployments", deployment)
        await release.upgrade({"replicas": 3})
        (changed,) = release.api.store.list("apps/v1", "deployments", NAMESPACE)
        assert changed["spec"]["replicas"] == 3
        assert changed["metadata"]["labels"]["theirs"] == "yes"


async def test_two_releases_of_one_name_in_two_namespaces_do_not_meet() -> None:
    async with cluster() as release:
        await release.install()
        with helm.Config(kubeconfig_content=release.api.kubeconfig(), namespace="other") as config:
            second = Helm(release.api, config)
            await second.install(namespace="other", create_namespace=True)
            await second.uninstall()
        assert all(release.find(obj) for obj in render(values()))


async def test_a_refused_value_leaves_nothing_behind() -> None:
    async with cluster() as release:
        with pytest.raises(helm.HelmError, match="txtOwnerId"):
            await release.install({"config": {"txtOwnerId": ""}})
        assert release.api.store.list("v1", "secrets", NAMESPACE) == []
        assert not any(release.find(obj) for obj in render(values()))
