"""Resident memory of all five daemons together, each as the image starts it in a pod, at work for one node.

    python -m bench.suite_memory        cni needs root

The target is 0.8 of five times what iamproxy took before the runtime was shared out (79 MiB). The cluster is
small: one full node, thirty roles, a name, an Ingress, a group.
"""

import asyncio
import tempfile
from pathlib import Path

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from bench.cni import BIG, IMAGE, add_all, full, resident
from bench.memory import World, daemon, iamproxy_with_pods, service, settled
from bench.plugins import sandboxes
from tests.support.alb_world import World as AlbWorld
from tests.support.alb_world import ingress
from tests.support.as_daemons import DISCOVERY
from tests.support.as_world import CLUSTER, REGION, AutoscalerWorld
from tests.support.cni_world import cni_world
from tests.support.namespaces import privileged
from tests.support.past import ROOT
from tests.support.service_account import write_files

BEFORE_MIB = 79.0
RATIO = 0.8


async def central(folder: Path) -> dict[str, float]:
    """dns, albingress and autoscaler, each in a world with one thing to look after."""
    found = {}
    async with KubeApi(tls=True) as api, AwsEndpoint() as aws:
        write_files(folder, api)
        world = World(api, aws, folder, aws.route53.create_zone("example.com"))
        api.store.create("v1", "services", service(1))
        async with daemon(world, ROOT, "addons.dns", "--txt-owner-id=bench") as pid:
            found["dns"] = await settled(pid)
        alb = AlbWorld(api, aws, folder)
        alb.serve("web")
        alb.ingresses(ingress("web"))
        network = ("--cluster-name=prod", f"--aws-vpc-id={alb.vpc_id}")
        async with daemon(world, ROOT, "addons.albingress", *network) as pid:
            found["albingress"] = await settled(pid)
    async with KubeApi(tls=True) as api, AwsEndpoint() as aws:
        write_files(folder, api)
        groups = AutoscalerWorld(api, aws, folder, 0.001)
        groups.add_group("g", desired=1)
        flags = (DISCOVERY, f"--cluster-name={CLUSTER}", f"--aws-region={REGION}", "--namespace=kube-system")
        async with daemon(World(api, aws, folder, ""), ROOT, "addons.autoscaler", *flags) as pid:
            found["autoscaler"] = await settled(pid)
    return found


async def iamproxy(folder: Path) -> float:
    """A full node of thirty roles."""
    async with KubeApi(tls=True) as api, AwsEndpoint() as aws:
        write_files(folder, api)
        return await iamproxy_with_pods(World(api, aws, folder, ""), ROOT)


async def cni() -> float:
    """A full node of 110 pods."""
    async with cni_world("10.0.0.0/20") as world:
        node = await world.add_node(BIG)
        flags = ("--max-pods=250", "--minimum-ip-target=120", "--warm-ip-target=0", "--log-level=warning")
        with sandboxes(110) as pods:
            async with node.ready(*flags, in_a_pod=True, **IMAGE) as running:
                await full(node, 120)
                await add_all(node, pods)
                await asyncio.sleep(3)
                return resident(running)


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        found = await central(Path(name)) | {"iamproxy": await iamproxy(Path(name))}
    if privileged():
        found["cni"] = await cni()
    for daemon_name, mib in found.items():
        print(f"{daemon_name:12} {mib:7.1f} MiB")
    total, before = sum(found.values()), 5 * BEFORE_MIB
    if len(found) < 5:
        print("cni is not measured: that needs root")
        return
    verdict = "ok" if total <= RATIO * before else "MISSED"
    print(
        f"all five     {total:7.1f} MiB, {total / before:.2f} of {before:.0f}   target <= {RATIO}: {verdict}"
    )


if __name__ == "__main__":
    asyncio.run(main())
