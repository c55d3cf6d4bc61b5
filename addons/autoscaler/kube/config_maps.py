"""ConfigMaps of ours: read whole, written key by key, made where there is none."""

from collections.abc import Mapping
from typing import Any

from addons.autoscaler.model.objects import CONFIG_MAPS, ConfigMap
from addons.runtime.errors import AlreadyExists, Conflict, NotFound
from addons.runtime.kube import KubeClient
from addons.runtime.objects import KubeObject


class KeptConfigMap:
    """One ConfigMap; what others keep in it under other keys stays as it is."""

    def __init__(self, kube: KubeClient, namespace: str, name: str) -> None:
        self.namespace = namespace
        self.name = name
        self.uid = ""
        """Of the object as last seen, for Events about it."""
        self._kube = kube
        self._version = ""

    async def read(self) -> Mapping[str, str]:
        """All of it; nothing where there is none. Raises OutsideError."""
        try:
            found = await self._kube.get(CONFIG_MAPS, ConfigMap, namespace=self.namespace, name=self.name)
        except NotFound:
            self._version = ""
            return {}
        self._seen(found)
        return found.data

    async def write(
        self, data: Mapping[str, str | None], annotations: Mapping[str, str] = {}, *, guarded: bool = False
    ) -> None:
        """Have these texts under their keys; None takes a key away. Raises OutsideError.

        A write that is `guarded` raises Conflict when somebody else has written since we saw it last.
        """
        try:
            await self._write(data, annotations, guarded=guarded)
        except (NotFound, AlreadyExists) as error:
            self._version = "" if isinstance(error, NotFound) else "unknown"
            if guarded:
                what = f"configmap {self.namespace}/{self.name}"
                raise Conflict(f"{what} was made or deleted by somebody else") from error
            await self._write(data, annotations, guarded=False)

    async def _write(
        self, data: Mapping[str, str | None], annotations: Mapping[str, str], *, guarded: bool
    ) -> None:
        metadata: dict[str, Any] = {"annotations": dict(annotations)} if annotations else {}
        if not self._version:
            body = {
                "apiVersion": CONFIG_MAPS.api_version,
                "kind": CONFIG_MAPS.kind,
                "metadata": {"namespace": self.namespace, "name": self.name, **metadata},
                "data": {key: text for key, text in data.items() if text is not None},
            }
            self._seen(await self._kube.create(CONFIG_MAPS, body, namespace=self.namespace))
            return
        if guarded:
            metadata["resourceVersion"] = self._version
        patch = {"data": dict(data), **({"metadata": metadata} if metadata else {})}
        self._seen(await self._kube.merge_patch(CONFIG_MAPS, patch, namespace=self.namespace, name=self.name))

    def _seen(self, found: KubeObject) -> None:
        self.uid, self._version = found.metadata.uid, found.metadata.resource_version
