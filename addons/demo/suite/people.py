"""What people do to the cluster of the suite, and what they see: owners of applications, and their users."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import aiohttp
import dns.asyncresolver
import dns.exception
import dns.resolver

from addons.albingress.names import PREFIX as ALB_PREFIX
from addons.cni.names import POD_IP
from addons.demo.cluster import NAMESPACE
from addons.demo.reach import connector
from addons.demo.suite.application import IMAGE, PORT
from addons.demo.suite.pods import PodRun
from addons.demo.suite.site import Site
from addons.sim.kubeapi.budgets import is_ready
from addons.sim.kubeapi.status import StatusError

Object = dict[str, Any]
GRACE_SECONDS = 3
"""For so long a pod that is being deleted goes on serving."""
_APPS, _NETWORKING, _POLICY = "apps/v1", "networking.k8s.io/v1", "policy/v1"
_DNS_PREFIX = "external-dns.alpha.kubernetes.io/"
GROUP = {
    "scheme": "internet-facing",
    "target-type": "ip",
    "healthcheck-interval-seconds": "5",
    "healthcheck-timeout-seconds": "2",
    "group.name": "public",
    "target-group-attributes": "deregistration_delay.timeout_seconds=2",
}


class Owners:
    """Those who deploy applications into the namespace of the demo."""

    def __init__(self, site: Site) -> None:
        self._site, self._store = site, site.store

    def permit(self, namespace: str, *patterns: str) -> None:
        """Say which IAM roles the pods of a namespace may have."""
        found = self._store.get("v1", "namespaces", "", namespace)
        annotations = found["metadata"].setdefault("annotations", {})
        annotations["iam.amazonaws.com/allowed-roles"] = json.dumps(patterns)
        self._store.update("v1", "namespaces", found)

    def deploy(self, name: str, replicas: int, *, cpu: str, pool: str = "", role: str = "") -> None:
        """Make a Deployment, of which each pod needs an address."""
        resources = {"requests": {"cpu": cpu, POD_IP: "1"}, "limits": {POD_IP: "1"}}
        spec: Object = {
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "containers": [{"name": "app", "image": IMAGE, "resources": resources}],
            "nodeSelector": {"pool": pool} if pool else {},
        }
        annotations = {"iam.amazonaws.com/role": role} if role else {}
        template = {"metadata": {"labels": {"app": name}, "annotations": annotations}, "spec": spec}
        selector = {"matchLabels": {"app": name}}
        made = {"replicas": replicas, "selector": selector, "template": template}
        self._create(_APPS, "deployments", name, made)

    def scale(self, name: str, replicas: int) -> None:
        """Let a Deployment have so many pods."""
        found = self._store.get(_APPS, "deployments", NAMESPACE, name)
        found["spec"]["replicas"] = replicas
        self._store.update(_APPS, "deployments", found)

    @contextmanager
    def cordoned(self, pool: str) -> Iterator[None]:
        """Keep new pods off the nodes of a pool meanwhile, as `kubectl cordon` does."""
        self._cordon(pool, is_cordoned=True)
        try:
            yield
        finally:
            self._cordon(pool, is_cordoned=False)

    def _cordon(self, pool: str, *, is_cordoned: bool) -> None:
        for node in self._store.list("v1", "nodes"):
            if node["metadata"]["labels"].get("pool") == pool:
                node["spec"]["unschedulable"] = is_cordoned
                self._store.update("v1", "nodes", node)

    def budget(self, name: str, most_away: int) -> None:
        """Let no more pods of an application be away at once than this."""
        spec = {"maxUnavailable": most_away, "selector": {"matchLabels": {"app": name}}}
        self._create(_POLICY, "poddisruptionbudgets", name, spec)

    def expose(self, name: str, app: str, **annotations: str) -> None:
        """Make a Service of an application, headless when it has names; annotations by their last words."""
        ports = [{"port": 80, "targetPort": PORT}]
        spec: Object = {"selector": {"app": app}, "ports": ports}
        if annotations:
            spec["clusterIP"] = "None"
        known = {"pod_records": "dns.aws-addons.io/pod-records", "ttl": f"{_DNS_PREFIX}ttl"}
        named = {known.get(key, f"{_DNS_PREFIX}{key}"): value for key, value in annotations.items()}
        self._create("v1", "services", name, spec, named)

    def route(self, name: str, host: str, service: str, **annotations: str) -> None:
        """Make an Ingress of the group of all; annotations as the words after the prefix."""
        backend = {"service": {"name": service, "port": {"number": 80}}}
        path = {"path": "/", "pathType": "Prefix", "backend": backend}
        spec = {"ingressClassName": "alb", "rules": [{"host": host, "http": {"paths": [path]}}]}
        named = {f"{ALB_PREFIX}{key}": value for key, value in {**GROUP, **annotations}.items()}
        self._create(_NETWORKING, "ingresses", name, spec, named)

    def delete(self, plural: str, name: str) -> None:
        """Delete an object of a kind, with all that it has made; it may be gone already."""
        version = {"deployments": _APPS, "ingresses": _NETWORKING, "poddisruptionbudgets": _POLICY}
        with suppress(StatusError):
            self._store.delete(version.get(plural, "v1"), plural, NAMESPACE, name)

    def delete_pod(self, name: str) -> None:
        """Delete a pod as `kubectl delete pod` does, with its grace."""
        with suppress(StatusError):
            self._store.delete("v1", "pods", NAMESPACE, name, grace_seconds=GRACE_SECONDS)

    def pods(self, app: str) -> list[Object]:
        """The pods of an application that are not on their way out."""
        found = self._store.list("v1", "pods", NAMESPACE, label_selector=f"app={app}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def ready(self, app: str) -> list[Object]:
        """Those of them that are ready."""
        return [pod for pod in self.pods(app) if is_ready(pod)]

    def addresses(self, app: str) -> dict[str, str]:
        """The addresses of the pods that are ready, by their names."""
        return {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in self.ready(app)}

    def runs(self, app: str) -> list[PodRun]:
        """What the kubelets run of an application."""
        uids = {pod["metadata"]["uid"] for pod in self.ready(app)}
        kubelets = self._site.machines.kubelets.values()
        return [run for kubelet in kubelets for uid, run in kubelet.runs.items() if uid in uids]

    def waiting(self, app: str) -> list[str]:
        """Why pods are Pending, in the words of the scheduler; one for each."""
        pending = [pod for pod in self.pods(app) if not pod["spec"].get("nodeName")]
        told = [each for pod in pending for each in pod.get("status", {}).get("conditions", ())]
        return [each.get("message", "") for each in told if each["type"] == "PodScheduled"]

    def events(self, about: str, *reasons: str, type_: str = "") -> list[str]:
        """What Events say about objects whose names begin so, with their reasons."""
        return [
            f"{event['reason']}: {event['note']}"
            for event in self._store.list("events.k8s.io/v1", "events")
            if event["regarding"]["name"].startswith(about)
            and (not reasons or event["reason"] in reasons)
            and type_ in ("", event["type"])
        ]

    def _create(
        self, version: str, plural: str, name: str, spec: Object, annotations: Mapping[str, str] | None = None
    ) -> None:
        metadata = {"name": name, "namespace": NAMESPACE, "annotations": dict(annotations or {})}
        self._store.create(version, plural, {"metadata": metadata, "spec": spec})


class Users:
    """Those who know names alone: they look them up, and ask whoever has the address."""

    def __init__(self, site: Site) -> None:
        self._inside = site.edge.inside
        self._resolver = dns.asyncresolver.Resolver(configure=False)
        host, port = site.world.names.address
        self._resolver.nameservers, self._resolver.port, self._resolver.lifetime = [host], port, 2.0
        self._session = aiohttp.ClientSession(
            connector=connector(self._inside), timeout=aiohttp.ClientTimeout(total=5)
        )

    async def close(self) -> None:
        """Ask no more."""
        await self._session.close()

    async def look_up(self, name: str) -> tuple[str, ...]:
        """The addresses of a name, sorted; none when there is no such name."""
        try:
            answer = await self._resolver.resolve(name, "A")
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except dns.exception.DNSException as error:
            return (type(error).__name__,)
        return tuple(sorted(item.to_text() for item in answer))

    async def ask(self, host: str) -> tuple[int, str]:
        """Look a name up and ask there: the status, 0 without an answer, and the first words."""
        addresses = await self.look_up(host)
        if not addresses:
            return 0, f"no {host}"
        try:
            async with self._session.get(f"http://{addresses[0]}/", headers={"Host": host}) as reply:
                return reply.status, (await reply.text())[:60]
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return 0, str(error) or type(error).__name__

    @asynccontextmanager
    async def visiting(self, hosts: Sequence[str]) -> AsyncIterator[Counter[tuple[str, int]]]:
        """Ask for hosts all the time; what came, counted by host and status."""
        seen: Counter[tuple[str, int]] = Counter()
        over = asyncio.Event()

        async def visit(host: str) -> None:
            while not over.is_set():
                status, _ = await self.ask(host)
                seen[host, status] += 1
                await asyncio.sleep(0.03)

        async with asyncio.TaskGroup() as visitors:
            for host in hosts:
                visitors.create_task(visit(host))
            try:
                yield seen
            finally:
                over.set()  # a cancellation may be lost in a look-up: wait_for of Python 3.11 swallows it
