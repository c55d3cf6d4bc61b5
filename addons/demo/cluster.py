"""What the people of the story do to the cluster: create, expose, annotate, delete, read Events."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from addons.albingress.names import PREFIX as ALB_PREFIX
from addons.dns.model.objects import INGRESSES, NAMESPACES, SERVICES, Ingress
from addons.runtime.errors import NotFound
from addons.runtime.kube import KubeClient
from addons.runtime.objects import EVENTS, PODS, KubeObject, Part, Resource

NAMESPACE = "addons-demo"

_NOBODY = "aws-addons.io/demo"
"""A class of load balancers that no controller of a real cluster makes."""


class Regarding(Part, frozen=True):
    """The object that an Event is about."""

    name: str = ""


class Event(KubeObject, frozen=True):
    """An Event, as far as the story reads it."""

    type: str = ""
    reason: str = ""
    note: str = ""
    regarding: Regarding = Regarding()


class Cluster:
    """One namespace of our own, in the emulator or in a real cluster."""

    def __init__(self, kube: KubeClient) -> None:
        self._kube = kube

    async def create_namespace(self) -> None:
        """Make the namespace of the stories."""
        await self._kube.create(NAMESPACES, {"metadata": {"name": NAMESPACE}})

    async def delete_namespace(self) -> None:
        """Remove it with all that the stories made in it; it may be gone already."""
        for resource in (SERVICES, INGRESSES):
            for item in await self._kube.list(resource, KubeObject, namespace=NAMESPACE):
                await self._delete(resource, item.metadata.name)
        with contextlib.suppress(NotFound):
            await self._kube.delete(NAMESPACES, name=NAMESPACE)

    async def create_service(self, name: str, address: str, **annotations: str) -> None:
        """Make a Service with a load balancer that has `address` already.

        `annotations` are `hostname`, `ttl`: the words after external-dns's prefix.
        """
        spec = {
            "type": "LoadBalancer",
            "loadBalancerClass": _NOBODY,
            "allocateLoadBalancerNodePorts": False,
            "ports": [{"port": 80}],
            "selector": {"app": name},
        }
        prefixed = {f"external-dns.alpha.kubernetes.io/{key}": value for key, value in annotations.items()}
        await self._create(SERVICES, name, spec, prefixed)
        await self._expose(SERVICES, name, {"ip": address})

    async def create_ingress(self, name: str, host: str, load_balancer: str) -> None:
        """Make an Ingress for `host`, with a load balancer that has a host name already."""
        backend = {"service": {"name": name, "port": {"number": 80}}}
        path = {"path": "/", "pathType": "Prefix", "backend": backend}
        rules = [{"host": host, "http": {"paths": [path]}}]
        await self._create(INGRESSES, name, {"ingressClassName": "addons-demo", "rules": rules}, {})
        await self._expose(INGRESSES, name, {"hostname": load_balancer})

    async def create_alb_ingress(
        self, name: str, host: str, annotations: Mapping[str, str], *, ingress_class: str
    ) -> None:
        """Make an Ingress for `host` that wants a load balancer; annotations are those after the prefix."""
        backend = {"service": {"name": name, "port": {"number": 80}}}
        rules = [{"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}]
        prefixed = {f"{ALB_PREFIX}{key}": value for key, value in annotations.items()}
        await self._create(INGRESSES, name, {"ingressClassName": ingress_class, "rules": rules}, prefixed)

    async def delete_ingress(self, name: str) -> None:
        """Delete an Ingress; it may be gone already."""
        await self._delete(INGRESSES, name)

    async def ingresses(self) -> list[str]:
        """The names of the Ingresses that want a load balancer."""
        found = await self._kube.list(INGRESSES, Ingress, namespace=NAMESPACE)
        return [each.metadata.name for each in found if each.spec.ingress_class_name != "addons-demo"]

    async def hostname_of(self, name: str) -> str:
        """The load balancer that the status of an Ingress names."""
        found = await self._kube.get(INGRESSES, Ingress, namespace=NAMESPACE, name=name)
        return "".join(each.hostname for each in found.status.load_balancer.ingress)

    async def permit_roles(self, *patterns: str) -> None:
        """Say which IAM roles the pods of the namespace may have."""
        annotations = {"iam.amazonaws.com/allowed-roles": json.dumps(patterns)}
        await self._kube.merge_patch(NAMESPACES, {"metadata": {"annotations": annotations}}, name=NAMESPACE)

    async def create_pod(self, name: str, node: str, addresses: Sequence[str], *, role: str) -> None:
        """Make a pod that runs on a node already, has addresses, and wants a role."""
        containers = [{"name": "app", "image": "app"}]
        spec = {"nodeName": node, "serviceAccountName": name, "containers": containers}
        await self._create(PODS, name, spec, {"iam.amazonaws.com/role": role})
        ips = [{"ip": address} for address in addresses]
        await self._set_status(PODS, name, {"phase": "Running", "podIP": addresses[0], "podIPs": ips})

    async def create_pod_to_schedule(self, name: str, limits: Mapping[str, str]) -> None:
        """Make a pod that has no node yet, and has limits of resources."""
        containers = [{"name": "app", "image": "app", "resources": {"limits": limits, "requests": limits}}]
        await self._create(PODS, name, {"containers": containers}, {})

    async def delete_pod(self, name: str) -> None:
        """Delete a pod; it may be gone already."""
        await self._delete(PODS, name)

    async def delete_service(self, name: str) -> None:
        """Delete a Service; it may be gone already."""
        await self._delete(SERVICES, name)

    async def warnings(self, name: str) -> list[Event]:
        """Read the warning Events about an object of the story."""
        found = await self._kube.list(EVENTS, Event, namespace=NAMESPACE)
        return [event for event in found if event.regarding.name == name and event.type == "Warning"]

    async def _create(
        self, resource: Resource, name: str, spec: dict[str, Any], annotations: Mapping[str, str]
    ) -> None:
        body = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"name": name, "annotations": annotations},
            "spec": spec,
        }
        await self._kube.create(resource, body, namespace=NAMESPACE)

    async def _expose(self, resource: Resource, name: str, way_in: dict[str, str]) -> None:
        await self._set_status(resource, name, {"loadBalancer": {"ingress": [way_in]}})

    async def _set_status(self, resource: Resource, name: str, status: dict[str, Any]) -> None:
        body = {"status": status}
        await self._kube.merge_patch(resource, body, namespace=NAMESPACE, name=name, subresource="status")

    async def _delete(self, resource: Resource, name: str) -> None:
        with contextlib.suppress(NotFound):
            await self._kube.delete(resource, namespace=NAMESPACE, name=name)
