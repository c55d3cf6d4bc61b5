"""What the daemon asks the API server for is what its chart permits: no less, and no more."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import yaml

from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from tests.support.charts import CHARTS, installed, is_webhook, render, values
from tests.support.cni_runner import PluginError
from tests.support.cni_sandbox import Sandbox, pod_network
from tests.support.cni_world import CniNode, cni_world
from tests.support.helm import NAMESPACE, PLURALS, Use, granted_to, used
from tests.support.until import until

pytestmark = pytest.mark.netns

ACCOUNT = "aws-cni"
LEASE = (f"--lease-name={ACCOUNT}", f"--lease-namespace={NAMESPACE}")


def make_account(api: KubeApi, **config: Any) -> str:
    """Have the API server hold the account and the roles that the chart makes; the user.

    The API server is one that cannot stream lists: what a daemon needs there, it needs nowhere else more.
    """
    for resource in ("pods", "nodes", "eniconfigs"):
        api.faults.add(Fault(verb="watch", resource=resource, times=1, status=422))
    definition = yaml.safe_load((CHARTS / "cni" / "crds" / "eniconfig.yaml").read_text())
    api.store.create(definition["apiVersion"], "customresourcedefinitions", definition)
    for obj in installed(render(values({"config": config}, chart="cni"), CHARTS / "cni")):
        kinds = ("ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
        if obj["kind"] in kinds and not is_webhook(obj):
            api.store.create(obj["apiVersion"], PLURALS[obj["kind"]], obj)
    user = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"
    api.add_user(user)
    return user


async def ask_in_vain(node: CniNode, pod: Sandbox) -> None:
    """Let a runtime ask for a pod that gets no address, or no longer exists."""
    with suppress(PluginError):
        await node.network.add(pod)
        raise AssertionError("it has an address")


@contextmanager
def of_another(name: str) -> Iterator[Sandbox]:
    """A sandbox of a pod that has been replaced by one of the same name."""
    with pod_network(name, uid="uid-of-a-predecessor") as made:
        yield made


async def settled(api: KubeApi, wanted: set[Use]) -> None:
    """Wait until all rights were used; when that fails, those are named that were not."""
    with suppress(AssertionError):
        await until(lambda: wanted <= used(api, ACCOUNT))
    assert wanted - used(api, ACCOUNT) == set()


@pytest.mark.parametrize("custom", [False, True], ids=["", "custom networking"])
async def test_it_uses_exactly_the_rights_that_the_chart_gives(custom: bool) -> None:
    async with cni_world() as world:
        user = make_account(world.kube, customNetworkCfg=custom)
        (world.folder / "kubeconfig").write_text(world.kube.kubeconfig(user))
        node = await world.add_node("t2.nano")
        flags = ("--custom-network-cfg",) if custom else ("--max-eni=1",)
        async with node.ready(
            "--add-timeout=2s",
            *LEASE,
            *flags,
            POD_NAME=f"{ACCOUNT}-0",
            POD_NAMESPACE=NAMESPACE,
            POD_UID="uid",
        ):
            with world.pod(node, "first") as first, world.pod(node, "second") as second:
                if not custom:
                    await node.network.add(first)
                    with of_another("first") as late:
                        await ask_in_vain(node, late)
                for _ in range(2):
                    await ask_in_vain(node, second)
                wanted = granted_to(world.kube, ACCOUNT) - ({GET} if custom else set())
                await settled(world.kube, wanted - {RELEASE})
                if not custom:
                    await node.network.delete(first)
            assert node.process
            node.process.terminate()
            await node.process.wait()
        await settled(world.kube, wanted)
        assert used(world.kube, ACCOUNT) <= granted_to(world.kube, ACCOUNT)


GET = ("get", "", "pods")
"""Asked where two pods have one name and it is not known which is new."""
RELEASE = ("patch", "coordination.k8s.io", "leases")
"""Of the lease, when the daemon ends; it is renewed every quarter of an hour."""
