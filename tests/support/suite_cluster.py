"""`make cluster`: the suite for a human, until Ctrl-C; afterwards nothing of it is left.

.venv/bin/python -m tests.support.suite_cluster
"""

import asyncio
import json
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from addons.sim.aws.ec2.account import REGION
from tests.support.charts import ROOT
from tests.support.cluster import find_assets
from tests.support.fabric_nodes import short_folder
from tests.support.processes import running
from tests.support.suite import FIXED_LABEL, GROUP, POOL_LABEL, ZONE, SuiteWorld, missing, suite_world
from tests.support.suite_apps import SERVING, deployment, ingress, service
from tests.support.suite_install import NAMESPACE, Suite

_PORTS = {"cni": 61678, "iamproxy": 8182, "dns": 7979, "albingress": 8080, "autoscaler": 8085}
_TEXT = """
{name} is ready. In another terminal:

  export KUBECONFIG={kubeconfig}
  export PATH={path}:$PATH
  export AWS_ENDPOINT_URL={aws} AWS_DEFAULT_REGION={region} AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any

Status pages:
{pages}

Try:
  kubectl get pods -A -o wide
  kubectl apply -f {folder}/web.json            # two pods, a Service, an Ingress
  kubectl addons explain ingress/default/web
  curl -H 'Host: web.{zone}' http://{balancers}/    # the load balancer
  dig +short @{names} web.{zone}                 # the name server; pods ask it too
  kubectl apply -f {folder}/more.json           # pods that need nodes of the group {group}
  kubectl get nodes -w
  aws ec2 describe-instances                    # AWS
  {helm} list -n {namespace}

Ctrl-C ends it, and nothing is left.
"""


@asynccontextmanager
async def _pages(world: SuiteWorld) -> AsyncIterator[str]:
    """Where the status pages are on this machine, a line each: kubectl leads there."""
    async with running(*world.kubectl.command, "proxy", "--port=0", stdout=PIPE) as process:
        assert process.stdout
        address = (await process.stdout.readline()).decode().split()[-1]
        base = f"http://{address}/api/v1/namespaces/{NAMESPACE}/pods"
        lines = []
        for name, port in _PORTS.items():
            select = f"--selector=app.kubernetes.io/name={name}"
            found = await world.kubectl.ok("get", "pods", f"--namespace={NAMESPACE}", select, "-o", "name")
            lines += [f"  {base}/{each.partition('/')[2]}:{port}/proxy/" for each in found.split()]
        yield "\n".join(lines)


def _write_examples(folder: Path) -> None:
    web = deployment("web", 2, where={FIXED_LABEL: "yes"}, command=SERVING)
    more = deployment("more", 3, where={POOL_LABEL: GROUP}, requests={"cpu": "700m"})
    for name, objects in (("web", [web, service("web"), ingress("web", f"web.{ZONE}")]), ("more", [more])):
        body = {"apiVersion": "v1", "kind": "List", "items": objects}
        (folder / f"{name}.json").write_text(json.dumps(body, indent=2))


async def _follow_balancers(world: SuiteWorld) -> None:
    """Let the name of every load balancer lead to where all of them listen."""
    while True:
        for each in list(world.aws.elbv2.account.load_balancers.values()):
            world.name(each.dns_name)
        await asyncio.sleep(1)


async def _show(world: SuiteWorld, suite: Suite, stopping: asyncio.Event) -> None:
    _write_examples(world.folder)
    following = asyncio.create_task(_follow_balancers(world))
    async with _pages(world) as pages:
        text = _TEXT.format(
            name="The cluster",
            kubeconfig=world.site.cluster.kubeconfig,
            path=os.pathsep.join((str(world.site.assets), str(Path(sys.executable).parent))),
            pages=pages,
            folder=world.folder,
            zone=ZONE,
            balancers=world.balancers,
            names=world.site.outside,
            group=GROUP,
            aws=world.url,
            region=REGION,
            helm=suite.binary,
            namespace=NAMESPACE,
        )
        print(text, flush=True)
        await stopping.wait()
    following.cancel()


async def main() -> int:
    """Run it; 1 where it cannot be."""
    assets = find_assets()
    if assets is None or missing():
        print(missing(), file=sys.stderr)
        return 1
    stopping, began = asyncio.Event(), time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)

    def say(words: str) -> None:
        print(f"{time.monotonic() - began:5.0f} s  {words}", flush=True)

    say("a control plane, two nodes and AWS are starting")
    with short_folder() as folder:
        async with suite_world(folder, assets) as world:
            suite = Suite(world)
            say("cni, iamproxy, dns, albingress and autoscaler are being installed by helm")
            await suite.install()
            say("their pods are starting")
            await suite.ready()
            say("all are ready")
            await _show(world, suite, stopping)
            say("it ends")
    say("nothing of it is left")
    return 0


if __name__ == "__main__":
    os.chdir(ROOT)
    raise SystemExit(asyncio.run(main()))
