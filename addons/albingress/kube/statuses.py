"""The status of Ingresses: the host name by which their load balancer is reached."""

from collections.abc import Iterable

from addons.albingress.model.objects import INGRESSES, Ingress
from addons.runtime.errors import NotFound
from addons.runtime.kube import KubeClient


class Statuses:
    """Writes what differs, one Ingress at a time: a refused one keeps none of the others."""

    def __init__(self, kube: KubeClient) -> None:
        self._kube = kube

    async def publish(self, ingress: Ingress, hostname: str, ports: Iterable[int]) -> None:
        """Have an Ingress tell this host name and nothing else. Raises OutsideError."""
        wanted = hostname.lower()
        if [(entry.hostname, entry.ip) for entry in ingress.status.load_balancer.ingress] == [(wanted, "")]:
            return
        told = [{"port": port, "protocol": "TCP"} for port in sorted(set(ports))]
        await self._write(ingress, [{"hostname": wanted, "ports": told} if told else {"hostname": wanted}])

    async def withdraw(self, ingress: Ingress, hostnames: Iterable[str]) -> str:
        """Have an Ingress tell none of these host names any more; what others told stays.

        Whoever publishes names in DNS would go on with that of a load balancer that is gone. Gives the
        version of the Ingress after that, where it changed. Raises OutsideError.
        """
        gone = {hostname.lower() for hostname in hostnames}
        told = ingress.status.load_balancer.ingress
        if told and all(entry.hostname in gone for entry in told):
            return await self._write(ingress, None)
        return ""

    async def _write(self, ingress: Ingress, entries: list[dict[str, object]] | None) -> str:
        body = {"status": {"loadBalancer": {"ingress": entries}}}
        meta = ingress.metadata
        try:
            written = await self._kube.merge_patch(
                INGRESSES, body, namespace=meta.namespace, name=meta.name, subresource="status"
            )
        except NotFound:
            return ""
        return written.metadata.resource_version
