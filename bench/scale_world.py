"""A cluster of so many nodes as the API server shows it, with objects of the usual size and a usual day."""

import asyncio
import random
import time
from typing import Any

from addons.sim.cluster.truth import allocatable
from addons.sim.kubeapi.server import KubeApi

Object = dict[str, Any]

PODS_OF_NODE = 30
DAY = 86_400.0
_HEARTBEAT_SECONDS = 300.0
"""A kubelet writes the status of its node so often when nothing changes in it."""
_IMAGES = 40
_ENVIRONMENT = 25
_WHEN = "2026-11-01T00:00:00Z"
_DISCOVERY, _NETWORKING = "discovery.k8s.io/v1", "networking.k8s.io/v1"
_INGRESSES_OF_GROUP = 25


class ScaledCluster:
    """So many nodes with 30 pods each, a Service for each node, and an Ingress for each tenth Service.

    Every pod is replaced once a day, and every node's status is written every five minutes.
    """

    def __init__(self, api: KubeApi, nodes: int) -> None:
        self._store = api.store
        self.nodes = nodes
        self._generation: dict[int, int] = {}
        self._random = random.Random(nodes)

    def populate(self, instances: list[str], zone: str) -> None:
        """Make it all; `instances` are what the nodes run on."""
        for number in range(max(10, self.nodes // 25)):
            self._store.create("v1", "namespaces", {"metadata": {"name": f"team-{number}"}})
        for number, instance in enumerate(instances):
            self._store.create("v1", "nodes", _node(number, instance, zone))
        for number in range(self.nodes * PODS_OF_NODE):
            self._store.create("v1", "pods", self._pod(number))
        self._store.create(_NETWORKING, "ingressclasses", _INGRESS_CLASS)
        for number in range(self.nodes):
            self._store.create("v1", "services", _service(number))
            self._store.create(_DISCOVERY, "endpointslices", self._slice(number))
            if number % 10 == 0:
                self._store.create(_NETWORKING, "ingresses", _ingress(number))

    async def live(self, seconds: float) -> int:
        """Let so many seconds of an ordinary day pass; how many pods were replaced."""
        began = time.monotonic()
        beats = replaced = 0
        while (passed := time.monotonic() - began) < seconds:
            for _ in range(int(passed * self.nodes / _HEARTBEAT_SECONDS) - beats):
                self._beat(beats % self.nodes)
                beats += 1
            for _ in range(int(passed * self.nodes * PODS_OF_NODE / DAY) - replaced):
                await self._replace(self._random.randrange(self.nodes * PODS_OF_NODE))
                replaced += 1
            await asyncio.sleep(0.05)
        return replaced

    def _beat(self, number: int) -> None:
        node = self._store.get("v1", "nodes", "", f"n{number}")
        for condition in node["status"]["conditions"]:
            condition["lastHeartbeatTime"] = f"2026-11-01T00:{self._random.randrange(60):02}:00Z"
        self._store.update("v1", "nodes", node)

    async def _replace(self, number: int) -> None:
        """What a watch of pods sees of it: four changes of the new one, three of the old one."""
        old = self._pod(number)
        self._generation[number] = self._generation.get(number, 0) + 1
        new = self._pod(number)
        node = new["spec"].pop("nodeName")
        running, waiting = new["status"], {"phase": "Pending"}
        self._store.create("v1", "pods", {**new, "status": waiting})
        new["spec"]["nodeName"] = node
        for status in (waiting, {**running, "conditions": running["conditions"][:2]}, running):
            self._store.update("v1", "pods", {**new, "status": status})
            await asyncio.sleep(0)
        service = number % self.nodes
        slice_ = self._store.get(_DISCOVERY, "endpointslices", "default", f"service-{service}")
        slice_["endpoints"] = self._slice(service)["endpoints"]
        self._store.update(_DISCOVERY, "endpointslices", slice_)
        name = old["metadata"]["name"]
        for phase in ("Running", "Succeeded"):
            self._store.update("v1", "pods", {**old, "status": {**old["status"], "phase": phase}})
        self._store.delete("v1", "pods", "default", name)

    def _pod(self, number: int) -> Object:
        generation = self._generation.get(number, 0)
        return _pod(number, f"web-{number}-{generation}", number % self.nodes, _address(number, generation))

    def _slice(self, service: int) -> Object:
        members = range(service, self.nodes * PODS_OF_NODE, self.nodes)
        return {
            "metadata": {
                "name": f"service-{service}",
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": f"service-{service}"},
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "endpoints": [_endpoint(self._pod(number)) for number in members],
        }


def _address(number: int, generation: int) -> str:
    place = number * 16 + generation % 16
    return f"100.{64 + (place >> 16 & 63)}.{place >> 8 & 255}.{place & 255}"


def _endpoint(pod: Object) -> Object:
    name = pod["metadata"]["name"]
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": True, "serving": True, "terminating": False},
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": {"kind": "Pod", "namespace": "default", "name": name},
    }


def _node(number: int, instance: str, zone: str) -> Object:
    offers = {**allocatable("m5.large"), "pods": "110"}
    images = [
        {"names": [f"registry.example.com/team/image-{each}@sha256:{each:064x}"], "sizeBytes": each << 20}
        for each in range(_IMAGES)
    ]
    kinds = ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
    conditions = [
        {
            "type": kind,
            "status": str(kind == "Ready"),
            "lastHeartbeatTime": _WHEN,
            "lastTransitionTime": _WHEN,
            "reason": f"Kubelet{kind}",
            "message": f"kubelet says how it is with {kind}",
        }
        for kind in kinds
    ]
    labels = {
        "kubernetes.io/hostname": f"n{number}",
        "topology.kubernetes.io/zone": zone,
        "node.kubernetes.io/instance-type": "m5.large",
    }
    return {
        "metadata": {"name": f"n{number}", "labels": labels, "creationTimestamp": _WHEN},
        "spec": {"providerID": f"aws:///{zone}/{instance}"},
        "status": {"capacity": offers, "allocatable": offers, "conditions": conditions, "images": images},
    }


def _pod(number: int, name: str, node: int, address: str) -> Object:
    environment = [
        {"name": f"SETTING_{each}", "value": f"the value of the setting {each}"}
        for each in range(_ENVIRONMENT)
    ]
    container = {
        "name": "web",
        "image": f"registry.example.com/team/web@sha256:{number:064x}",
        "env": environment,
        "ports": [{"containerPort": 8080}],
        "resources": {"requests": {"cpu": "55m", "memory": "100Mi"}},
        "volumeMounts": [{"name": "token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}],
    }
    conditions = [
        {"type": each, "status": "True", "lastTransitionTime": _WHEN}
        for each in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    ]
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "labels": {"app": f"web-{number % 200}", "pod-template-hash": f"{number % 200:010x}"},
            "annotations": {"iam.amazonaws.com/role": f"role-{number // 10 % 10}"},
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": f"web-{number % 200}",
                    "uid": "u",
                    "controller": True,
                }
            ],
        },
        "spec": {"nodeName": f"n{node}", "serviceAccountName": "web", "containers": [container]},
        "status": {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "conditions": conditions,
        },
    }


_INGRESS_CLASS = {"metadata": {"name": "alb"}, "spec": {"controller": "ingress.k8s.aws/alb"}}


def _service(number: int) -> Object:
    host = {"external-dns.alpha.kubernetes.io/hostname": f"service-{number}.example.com"}
    return {
        "metadata": {"name": f"service-{number}", "namespace": "default", "annotations": host},
        "spec": {
            "type": "LoadBalancer",
            "allocateLoadBalancerNodePorts": False,
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": _address(number, 0)}]}},
    }


def _ingress(number: int) -> Object:
    prefix = "alb.ingress.kubernetes.io/"
    group = number // 10 // _INGRESSES_OF_GROUP
    backend = {"service": {"name": f"service-{number}", "port": {"number": 80}}}
    path = {"path": f"/service-{number}", "pathType": "Prefix", "backend": backend}
    return {
        "metadata": {
            "name": f"service-{number}",
            "namespace": "default",
            "annotations": {prefix + "target-type": "ip", prefix + "group.name": f"g{group}"},
        },
        "spec": {"ingressClassName": "alb", "rules": [{"http": {"paths": [path]}}]},
    }
