"""The real Helm on the API emulator."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from addons.sim.kubeapi.server import KubeApi
from tests.support.charts import CHARTS, Object, Values, chart, helm, values

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
    """A cluster that nobody has installed anything in, and that lets nobody in without a right."""
    async with KubeApi(tls=True, tokens={}, rbac=True) as api:
        with helm.Config(kubeconfig_content=api.kubeconfig(), namespace=NAMESPACE) as config:
            yield Helm(api, config)
