"""What is written back to DNSEndpoints: which of their generations was looked at last."""

from addons.dns.model.dns_endpoints import DNS_ENDPOINTS, DnsEndpoint
from addons.dns.model.objects import ObjectKey
from addons.runtime.errors import NotFound, OutsideError
from addons.runtime.kube import KubeClient
from addons.runtime.loop import ReconcileLoop, Result
from addons.runtime.objects import ref
from addons.runtime.permit import RETRY_SECONDS, Permit
from addons.runtime.watches import Cache


class Statuses:
    """Keeps `status.observedGeneration` of every DNSEndpoint at the generation that was looked at.

    It tells that the object was read, whatever became of its records. What is noted while this does not run,
    because another replica leads, is written as soon as it runs.
    """

    def __init__(self, kube: KubeClient, objects: Cache[DnsEndpoint]) -> None:
        self._kube = kube
        self._objects = objects
        self._loop: ReconcileLoop[ObjectKey] = ReconcileLoop("dns-status", self._write)

    def note(self, obj: ObjectKey) -> None:
        """This object was looked at."""
        self._loop.wake(obj)

    async def run(self, permit: Permit) -> None:
        """Write until the permit is stopped; what fails is tried again with growing pauses."""
        await self._loop.run(permit)

    async def write_all(self) -> dict[str, str]:
        """Write the status of every object that is behind, once; what failed: object -> message."""
        failures: dict[str, str] = {}
        for obj in tuple(self._objects.all()):
            try:
                await self._observed((obj.resource.kind, obj.metadata.namespace, obj.metadata.name))
            except OutsideError as error:
                failures[f"status of {ref(obj)}"] = error.message
        return failures

    async def _write(self, which: ObjectKey, permit: Permit) -> Result:
        if permit.refusal():
            return Result(again_in=RETRY_SECONDS)
        await self._observed(which)
        return Result()

    async def _observed(self, which: ObjectKey) -> None:
        _, namespace, name = which
        obj = self._objects.get(namespace, name)
        if obj is None or obj.status.observed_generation == obj.metadata.generation:
            return
        body = {"status": {"observedGeneration": obj.metadata.generation}}
        try:
            await self._kube.merge_patch(
                DNS_ENDPOINTS, body, namespace=namespace, name=name, subresource="status"
            )
        except NotFound:
            self._loop.forget(which)
