"""The real Helm on a real Kubernetes: former releases of charts become this one; the umbrella is taken."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.charts import Object, helm, installed, render
from tests.support.cluster import Cluster
from tests.support.helm import has
from tests.support.kubectl import Kubectl
from tests.support.past_charts import PAST, Past, PastRelease, by_name, templates
from tests.support.umbrella import UmbrellaRelease, all_five
from tests.support.umbrella import render as render_umbrella
from tests.support.until import until

pytestmark = pytest.mark.kube


CLUSTER_WIDE = (
    *("clusterrole", "clusterrolebinding", "ingressclass", "mutatingwebhookconfiguration"),
    *("validatingadmissionpolicy", "validatingadmissionpolicybinding"),
)


@pytest.fixture
async def config(cluster: Cluster, kubectl: Kubectl, namespace: str) -> AsyncIterator[Any]:
    """Helm in the namespace of the test; what its release has for the whole cluster is gone in the end.

    There are no nodes for what an uninstall would run first.
    """
    with helm.Config(kubeconfig_path=str(cluster.kubeconfig), namespace=namespace) as found:
        yield found
    await kubectl.ok("delete", ",".join(CLUSTER_WIDE), "--selector", "app.kubernetes.io/instance=aws")
    await kubectl.ok("delete", "namespace", namespace, "--wait=false")


Named = dict[tuple[str, str, str], Object]


async def held(kubectl: Kubectl, objects: Named) -> Named:
    """These objects as the API server holds them; what it does not hold is missing."""
    kinds = ",".join(sorted({kind for kind, _, _ in objects}))
    found = await kubectl.json(kinds, "--all-namespaces", "--selector", "app.kubernetes.io/instance=aws")
    return {name: obj for name, obj in by_name(found["items"]).items() if name in objects}


async def rolls(kubectl: Kubectl) -> int:
    """How many templates of pods of the release the controllers have seen."""
    kinds = "replicasets,controllerrevisions"
    found = await kubectl.json(kinds, "--selector", "app.kubernetes.io/instance=aws")
    return len(found["items"])


@pytest.mark.parametrize("past", PAST, ids="-".join)
async def test_a_former_release_becomes_this_one_object_by_object_and_goes_back(
    past: Past, config: Any, kubectl: Kubectl, namespace: str
) -> None:
    release = PastRelease(config, past)

    async def has_rolled(times: int) -> bool:
        return await rolls(kubectl) >= times * len(templates(old.values()))

    new, old = (
        by_name(installed(render(release.given(), chart, namespace=namespace)))
        for chart in (past.present, past.package)
    )
    objects = {name: obj for name, obj in old.items() if name in new}
    await release.install()
    before = await held(kubectl, objects)
    assert before.keys() == objects.keys()
    await until(lambda: has_rolled(1), "the first template is seen")
    await release.upgrade({"global": {"image": {"tag": "other"}}})
    after = await held(kubectl, objects)
    assert {name: obj["metadata"]["uid"] for name, obj in after.items()} == {
        name: obj["metadata"]["uid"] for name, obj in before.items()
    }
    roots = templates(before.values())
    assert [name for name, root in templates(after.values()).items() if root == roots[name]] == []
    await until(lambda: has_rolled(2), "its pods are replaced")
    await release.rollback()
    back = await held(kubectl, objects)
    assert templates(back.values()) == roots


async def test_a_real_api_server_takes_all_five_add_ons_as_one_release(
    config: Any, kubectl: Kubectl, namespace: str
) -> None:
    release = UmbrellaRelease(config)
    await release.install()
    objects = by_name(installed(render_umbrella(all_five(), namespace=namespace)))
    assert len(objects) > 50
    found = await held(kubectl, objects)
    assert [name for name, obj in objects.items() if not has(found.get(name), obj)] == []
