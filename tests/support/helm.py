"""The real Helm on the API emulator."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from addons.sim.kubeapi.server import KubeApi
from tests.support.charts import CHARTS, Object, Values, chart, helm, values

NAMESPACE = "kube-system"
UNINSTALL_SECONDS = 90
"""How long Helm waits for the hooks of an uninstall: 30 seconds, if not told, where users have 5 minutes."""

TEST_SECONDS = 90
"""How long Helm waits for a pod of a test."""

PLURALS = {
    "ConfigMap": "configmaps",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "DaemonSet": "daemonsets",
    "Deployment": "deployments",
    "ENIConfig": "eniconfigs",
    "IngressClass": "ingressclasses",
    "IngressClassParams": "ingressclassparams",
    "Job": "jobs",
    "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
    "NetworkPolicy": "networkpolicies",
    "Pod": "pods",
    "PodDisruptionBudget": "poddisruptionbudgets",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}

_RBAC = "rbac.authorization.k8s.io/v1"

Use = tuple[str, str, str]
"""Verb, API group, resource."""


class Release:
    """The release `aws` of a chart in the hands of Helm, which blocks: it runs beside the event loop."""

    def __init__(self, config: Any, name: str = "dns") -> None:
        self.config = config
        self._name = name

    def chart(self) -> Any:
        """What is installed."""
        return chart(CHARTS / self._name)

    def given(self, *more: Values) -> Values:
        """What must be said to install it, and more."""
        return values(*more, chart=self._name)

    async def install(self, *more: Values, **options: Any) -> Object:
        """Install the release."""
        done: Object = await self._run(self.config.install, self.chart(), "aws", self.given(*more), **options)
        return done

    async def upgrade(self, *more: Values) -> None:
        """Change the release."""
        await self._run(self.config.upgrade, self.chart(), "aws", self.given(*more))

    async def rollback(self) -> None:
        """Go back to the revision before."""
        await self._run(self.config.rollback, "aws")

    async def uninstall(self) -> None:
        """Remove the release."""
        await self._run(self.config.uninstall, "aws", timeout=UNINSTALL_SECONDS)

    async def test(self) -> str:
        """Run `helm test`; what its pods have written. Raises helm.HelmReleaseError when one fails."""
        done = await self._run(self.config.test, "aws", logs=True, timeout=TEST_SECONDS)
        return str(done["logs"])

    async def statuses(self) -> list[str]:
        """The status of every revision, oldest first."""
        return [item["status"] for item in await self._run(self.config.history, "aws")]

    async def _run(self, action: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        return await asyncio.to_thread(action, *arguments, **options)


def find(api: KubeApi, obj: Object) -> Object | None:
    """What the API server holds under kind and name of an object."""
    plural, metadata = PLURALS[obj["kind"]], obj["metadata"]
    items = api.store.list(obj["apiVersion"], plural, metadata.get("namespace", ""))
    return next((item for item in items if item["metadata"]["name"] == metadata["name"]), None)


def has(found: Any, wanted: Any) -> bool:
    """True when everything wanted is there; defaults of the API server may come on top."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(has(found.get(key), value) for key, value in wanted.items() if value not in (None, {}, []))
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(has, found, wanted))
    return bool(found == wanted)


def used(api: KubeApi, account: str) -> set[Use]:
    """What a ServiceAccount of the release has asked the API server for; it was never refused."""
    user = f"system:serviceaccount:{NAMESPACE}:{account}"
    mine = [request for request in api.requests if request.user == user]
    assert [request for request in mine if request.status == 403] == []
    return {
        (request.verb, request.group, "/".join(filter(None, (request.resource, request.subresource))))
        for request in mine
    }


def granted(api: KubeApi) -> set[Use]:
    """What the roles of the release permit."""
    return _permitted(
        role
        for role in api.store.list(_RBAC, "clusterroles") + api.store.list(_RBAC, "roles")
        if role["metadata"].get("labels", {}).get("app.kubernetes.io/instance") == "aws"
    )


def granted_to(api: KubeApi, account: str) -> set[Use]:
    """What the roles permit that are bound to one account of the release."""
    bindings = api.store.list(_RBAC, "clusterrolebindings") + api.store.list(_RBAC, "rolebindings")
    bound = {
        (binding["roleRef"]["kind"], binding["roleRef"]["name"])
        for binding in bindings
        if account in [subject["name"] for subject in binding["subjects"]]
    }
    kinds = {"ClusterRole": "clusterroles", "Role": "roles"}
    return _permitted(
        role
        for kind, plural in kinds.items()
        for role in api.store.list(_RBAC, plural)
        if (kind, role["metadata"]["name"]) in bound
    )


def _permitted(roles: Iterable[Object]) -> set[Use]:
    return {
        (verb, group, resource)
        for role in roles
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


@asynccontextmanager
async def cluster(name: str = "dns") -> AsyncIterator[tuple[KubeApi, Release]]:
    """A cluster in which nothing is installed and everybody needs rights, and a release of a chart."""
    async with KubeApi(tls=True, tokens={}, rbac=True) as api:
        with config_of(api) as config:
            yield api, Release(config, name)


def config_of(api: KubeApi) -> Any:
    """Helm's way to a cluster, as an administrator."""
    return helm.Config(kubeconfig_content=api.kubeconfig(), namespace=NAMESPACE)
