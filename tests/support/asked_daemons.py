"""A cluster in whose nodes daemons of ours run, as `addons explain` and `addons status` find and ask them."""

import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import yaml

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support import processes
from tests.support.iamproxy_world import BASE, NODE
from tests.support.iamproxy_world import World as Pods
from tests.support.processes import Ended
from tests.support.started import Started, daemon

SYSTEM = "kube-system"

READ_PODS: list[dict[str, Any]] = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["get"]},
]
API_SERVERS = {
    "metadata": {
        "name": "kubernetes",
        "namespace": "default",
        "labels": {"kubernetes.io/service-name": "kubernetes"},
    },
    "addressType": "IPv4",
    "endpoints": [{"addresses": ["10.0.1.5"]}],
    "ports": [{"name": "https", "port": 443}],
}


class World:
    """A cluster in whose nodes our daemons run, each as a process that its pod stands for."""

    def __init__(self, api: KubeApi, aws: AwsEndpoint, folder: Path) -> None:
        self.api = api
        self.aws = aws
        self.folder = folder
        self.zone = aws.route53.create_zone("example.com")
        self.users = Pods(api, aws, folder)
        self._stack = AsyncExitStack()

    async def start(
        self, name: str, pod: str, *flags: str, node: str = NODE, instance: str = "aws"
    ) -> Started:
        """Start a daemon, and the pod that stands for it."""
        environment = {"POD_NAME": pod, "POD_NAMESPACE": SYSTEM, "POD_UID": f"uid-of-{pod}"}
        started = await self._stack.enter_async_context(
            daemon(name, self.api, self.aws, self.folder, *flags, environment=environment)
        )
        self.api.store.create("v1", "pods", pod_of_daemon(name, pod, started.port, node, instance))
        return started

    async def dns(self, pod: str, release: str = "aws") -> Started:
        flags = (f"--txt-owner-id={release}", f"--leader-elect-name={release}")
        return await self.start("dns", pod, "--leader-elect-namespace=kube-system", *flags, instance=release)

    async def albingress(self, pod: str) -> Started:
        vpc = self.aws.ec2.network.create_vpc("10.0.0.0/16").id
        lease = ("--leader-elect-namespace=kube-system", "--leader-elect-name=aws-albingress")
        return await self.start("albingress", pod, "--cluster-name=prod", f"--aws-vpc-id={vpc}", *lease)

    async def iamproxy(self, pod: str, node: str = NODE) -> Started:
        ports = (f"--app-port={free_port()}", "--interceptor=none")
        return await self.start(
            "iamproxy", pod, f"--node={node}", f"--base-role-arn={BASE}", *ports, node=node
        )

    async def run(self, *arguments: str, more: Sequence[dict[str, Any]] = (), namespace: str = "") -> Ended:
        """Run `addons ...` as somebody who may list pods and use their proxy, and nothing else but `more`.

        The namespace is that of the context.
        """
        name = f"someone-{len(more)}"
        if name not in {user.name for user in self.api.tokens.values()}:
            self.api.add_user(name, rules=[*READ_PODS, *more])
        config = yaml.safe_load(self.api.kubeconfig(name))
        config["contexts"][0]["context"]["namespace"] = namespace
        kubeconfig = self.folder / "someone"
        kubeconfig.write_text(yaml.safe_dump(config))
        env = {**os.environ, "KUBECONFIG": str(kubeconfig)}
        return await processes.run(sys.executable, "-m", "addons", *arguments, env=env)

    async def close(self) -> None:
        await self._stack.aclose()


def pod_of_daemon(name: str, pod: str, port: int, node: str, instance: str = "aws") -> dict[str, Any]:
    """A pod as its chart makes it, with a container before the daemon's that somebody has injected."""
    labels = {"name": name, "instance": instance, "part-of": "aws-addons"}
    container: dict[str, Any] = {"name": name, "image": "addons"}
    sidecar = {"name": "proxy", "image": "proxy", "readinessProbe": {"httpGet": {"port": 1}}}
    spec: dict[str, Any] = {"containers": [sidecar, container], "nodeName": node}
    metadata: dict[str, Any] = {
        "name": pod,
        "namespace": SYSTEM,
        "labels": {f"app.kubernetes.io/{key}": value for key, value in labels.items()},
    }
    if name in ("dns", "albingress", "cni-webhook"):
        container["ports"] = [{"name": "http", "containerPort": port}]
        container["readinessProbe"] = {"httpGet": {"path": "/readyz", "port": "http"}}
    else:
        container["readinessProbe"] = {"httpGet": {"path": "/readyz", "port": port}}
        spec["hostNetwork"] = True
        owner = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": name, "uid": "u", "controller": True}
        metadata["ownerReferences"] = [owner]
    return {
        "metadata": metadata,
        "spec": spec,
        "status": {"phase": "Running", "podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}]},
    }
