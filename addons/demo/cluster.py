"""What the story does to the cluster, in the hands of its people: apply, annotate, delete, read Events."""

from addons.runtime.kube import KubeClient
from addons.runtime.objects import EVENTS, INGRESSES, NAMESPACES, SERVICES
from addons.runtime.errors import NotFound

NAMESPACE = "addons-demo"
HOSTNAME = "external-dns.alpha.kubernetes.io/hostname"
TTL = "external-dns.alpha.kubernetes.io/ttl"


class Cluster:
    """One namespace of our own in the emulator or in a real cluster."""

    def __init__(self, kube: KubeClient) -> None:
        self._kube = kube

    async def create_namespace(self) -> None:
        """Make the namespace of the demo."""
        await self._kube.create(NAMESPACES, {"metadata": {"name": NAMESPACE}})

    async def delete_namespace(self) -> None:
        """Remove it with everything in it."""
        for resource in (SERVICES, INGRESSES):
            for item in await self._kube.list(resource, _Named, namespace=NAMESPACE):
                await self._kube.delete(resource, namespace=NAMESPACE, name=item.metadata.name)
        await self._kube.delete(NAMESPACES, name=NAMESPACE)
