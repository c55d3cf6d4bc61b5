"""Applications of the suite's users: pods of busybox, what stands before them, and what they see."""

import json
from collections.abc import Mapping
from typing import Any

from addons.iamproxy.names import ROLE
from addons.sim.net import METADATA
from tests.support.iamproxy_site import IDLE, ROLES, asking
from tests.support.kubectl import Kubectl
from tests.support.until import until

Object = dict[str, Any]
SECONDS = 60

SERVING = ("sh", "-c", "echo $NAME > /index.html && exec httpd -f -p 80 -h /")
"""The command of a container that serves the name of its pod."""


class Apps:
    """The namespace `shop`."""

    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = Kubectl((*kubectl.command, "--namespace=shop"))

    async def prepare(self, *roles: str) -> None:
        """Make the namespace, whose pods may have these roles."""
        annotations = {"iam.amazonaws.com/allowed-roles": json.dumps(roles)}
        metadata = {"name": "shop", "annotations": annotations}
        await self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        await self.kubectl.ok("wait", "--for=create", "serviceaccount/default", "--timeout=30s")

    async def apply(self, *objects: Object) -> None:
        """Write objects."""
        body = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        await self.kubectl.ok("apply", "-f", "-", stdin=body)

    async def ready(self, *pods: str) -> None:
        """Wait until pods are ready."""
        names = [f"pod/{pod}" for pod in pods]
        await self.kubectl.ok("wait", "--for=condition=Ready", *names, f"--timeout={SECONDS}s")

    async def pods(self, app: str) -> list[Object]:
        """The pods of an application that are not going."""
        found = (await self.kubectl.json("pods", f"--selector=app={app}"))["items"]
        return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]

    async def address(self, pod: str) -> str:
        """The address of a pod."""
        return await self.kubectl.ok("get", "pod", pod, "-o", "jsonpath={.status.podIP}")

    async def say(self, pod: str, *command: str) -> str:
        """What a command in a pod prints, its complaints too."""
        _, out, err = await self.kubectl.run("exec", pod, "--", *command)
        return out + err

    async def fetch(self, pod: str, url: str, *flags: str) -> str:
        """What wget in a pod gets, or its complaint."""
        return await self.say(pod, "timeout", "5", "wget", "-q", "-O", "-", *flags, url)

    async def ask(self, pod: str, path: str) -> str:
        """What a pod gets from the metadata address."""
        return await self.fetch(pod, f"http://{METADATA}{path}")

    async def names(self, pod: str, name: str) -> set[str]:
        """The addresses that a pod finds under a name, by the name server that its kubelet gave it."""
        said = (await self.say(pod, "nslookup", name)).partition("\n\n")[2]
        return {line.split()[-1] for line in said.splitlines() if line.startswith("Address")}

    async def log(self, pod: str) -> str:
        """What a pod has written."""
        return await self.kubectl.ok("logs", pod)

    async def told(self, pod: str, words: str) -> str:
        """What a pod has written, once the words are in it."""

        async def look() -> str:
            said = await self.log(pod)
            return said if words in said else ""

        found: str = await until(look, f"{words} in the log of {pod}", seconds=SECONDS)
        return found

    async def events(self, pod: str, reason: str) -> str:
        """The messages of Events of a reason about a pod."""
        select = f"--field-selector=involvedObject.name={pod},reason={reason}"
        return await self.kubectl.ok("get", "events", select, "-o", "jsonpath={.items[*].message}")


def pod(
    name: str,
    *,
    node: str = "",
    role: str = "",
    command: tuple[str, ...] = IDLE,
    labels: Mapping[str, str] | None = None,
) -> Object:
    """A pod; without a node the scheduler finds one, and else waits until that one has an address for it."""
    metadata = {"name": name, "labels": dict(labels or {}), "annotations": {ROLE: role} if role else {}}
    spec = _spec(command) | (_only_on(node) if node else {})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _only_on(node: str) -> Object:
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}


def asker(name: str, node: str, role: str) -> Object:
    """A pod that asks for its credentials without end, and for what only its node may see."""
    return pod(name, node=node, role=role, command=asking(f"{ROLES}{role}", "/latest/user-data"))


def deployment(
    app: str,
    replicas: int,
    *,
    where: Mapping[str, str] | None = None,
    command: tuple[str, ...] = IDLE,
    requests: Mapping[str, str] | None = None,
    spread: bool = False,
) -> Object:
    """Pods of an application, on different nodes where that is possible, or (`spread`) not otherwise."""
    labels = {"app": app}
    apart = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule" if spread else "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }
    spec = _spec(command, requests) | {
        "topologySpreadConstraints": [apart],
        "nodeSelector": dict(where or {}),
    }
    template = {"metadata": {"labels": labels}, "spec": spec}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": app},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template},
    }


def service(app: str, *, headless: bool = False, **annotations: str) -> Object:
    """A Service of an application, at port 80."""
    spec: Object = {"selector": {"app": app}, "ports": [{"name": "http", "port": 80}]}
    metadata = {"name": f"{app}-pods" if headless else app, "annotations": annotations}
    none = {"clusterIP": "None"} if headless else {}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec | none}


def ingress(app: str, host: str) -> Object:
    """An Ingress that has an application served to the internet, pod by pod."""
    backend = {"service": {"name": app, "port": {"number": 80}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    prefix = "alb.ingress.kubernetes.io"
    annotations = {
        f"{prefix}/scheme": "internet-facing",
        f"{prefix}/target-type": "ip",
        f"{prefix}/healthcheck-interval-seconds": "5",
        f"{prefix}/healthcheck-timeout-seconds": "2",
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": app, "annotations": annotations},
        "spec": {"ingressClassName": "alb", "rules": [{"host": host, "http": {"paths": [path]}}]},
    }


def _spec(command: tuple[str, ...], requests: Mapping[str, str] | None = None) -> Object:
    name = {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    container = {
        "name": "main",
        "image": "local/busybox:1",
        "imagePullPolicy": "Never",
        "command": list(command),
        "env": [name],
        "resources": {"requests": dict(requests or {})},
    }
    return {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
    }
