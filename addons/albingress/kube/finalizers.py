"""Finalizers of Ingresses: what is made in AWS for one is not forgotten before it is taken away."""

from addons.albingress.model.objects import INGRESSES, Ingress
from addons.runtime.errors import NotFound
from addons.runtime.kube import KubeClient
from addons.runtime.objects import Key, key


class Finalizers:
    """Adds and removes single finalizers. What others hold stays.

    What was just written counts until the cache has it, or something later.
    """

    def __init__(self, kube: KubeClient) -> None:
        self._kube = kube
        self._written: dict[Key, tuple[str, frozenset[str]]] = {}

    def held(self, ingress: Ingress) -> frozenset[str]:
        """The finalizers of an Ingress as the API server has them, as far as is known here."""
        version, written = self._written.get(key(ingress), ("", frozenset[str]()))
        if version == ingress.metadata.resource_version:
            return written
        self._written.pop(key(ingress), None)
        return frozenset(ingress.metadata.finalizers)

    async def add(self, ingress: Ingress, finalizer: str) -> bool:
        """Have an Ingress hold a finalizer; False where it cannot any more, as it is leaving.

        Raises OutsideError, Conflict where the Ingress was changed meanwhile.
        """
        held = self.held(ingress)
        if finalizer in held:
            return True
        if ingress.metadata.deletion_timestamp:
            return False
        return await self._write(ingress, held | {finalizer})

    async def remove(self, ingress: Ingress, finalizer: str, version: str = "") -> None:
        """Have an Ingress hold a finalizer no more. Raises OutsideError as `add` does.

        `version` is that of a later state of the Ingress, in which its finalizers are the same.
        """
        held = self.held(ingress)
        if finalizer in held:
            await self._write(ingress, held - {finalizer}, version)

    async def _write(self, ingress: Ingress, finalizers: frozenset[str], version: str = "") -> bool:
        """Write all finalizers, in their order and new ones last; False where the Ingress is gone."""
        meta = ingress.metadata
        known = [each for each in meta.finalizers if each in finalizers]
        listed = [*known, *sorted(finalizers.difference(known))]
        body = {"metadata": {"resourceVersion": version or meta.resource_version, "finalizers": listed}}
        try:
            await self._kube.merge_patch(INGRESSES, body, namespace=meta.namespace, name=meta.name)
        except NotFound:
            return False
        self._written[key(ingress)] = (meta.resource_version, finalizers)
        return True
