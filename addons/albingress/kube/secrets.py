"""Single Secrets that are watched by their names: those that authentication names, and no others."""

import asyncio
from collections.abc import Callable, Iterable, Iterator

from addons.albingress.model.objects import SECRETS, Secret
from addons.runtime.kube import KubeClient
from addons.runtime.objects import Key
from addons.runtime.outcomes import Fault
from addons.runtime.reflector import Reflector
from addons.runtime.store import Change

_FIELD = "metadata.name={}"


class SecretWatches:
    """The Secrets that are asked for, each by a watch of its own that needs a right to this one alone.

    `on_change` is called with the key of a Secret that came, changed or went.
    """

    def __init__(self, kube: KubeClient, on_change: Callable[[Key], None]) -> None:
        self._kube = kube
        self._on_change = on_change
        self._reflectors: dict[Key, Reflector[Secret]] = {}
        self._ends: dict[Key, asyncio.Event] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        """Watch what is asked for until `stopping`."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for key in tuple(self._reflectors):
                self._begin(key)
            await stopping.wait()
            self._group = None
            for end in self._ends.values():
                end.set()

    def keep(self, wanted: Iterable[Key]) -> None:
        """Watch exactly these from now on."""
        keys = set(wanted)
        for key in self._reflectors.keys() - keys:
            del self._reflectors[key]
            if end := self._ends.pop(key, None):
                end.set()
        for key in sorted(keys - self._reflectors.keys()):
            self._reflectors[key] = self._reflector(key)
            if self._group:
                self._begin(key)

    def get(self, key: Key) -> Secret | None:
        """A Secret; None where there is none, or it is not known: see `unknown`."""
        reflector = self._reflectors.get(key)
        return reflector.store.get(*key) if reflector else None

    def unknown(self, key: Key) -> str:
        """Why it is not known whether there is such a Secret, in words; empty when it is."""
        reflector = self._reflectors.get(key)
        if reflector and reflector.synced:
            return ""
        return (reflector.last_error if reflector else "") or "not read yet"

    async def wait_answered(self, keys: Iterable[Key]) -> None:
        """Return when each of these was read, or the server refused it."""
        for key in keys:
            if reflector := self._reflectors.get(key):
                await reflector.wait_answered()

    def faults(self) -> Iterator[Fault]:
        """The Secrets that may not be read."""
        for (namespace, name), reflector in self._reflectors.items():
            if not reflector.synced and reflector.refused:
                message = f"cannot be read: {reflector.last_error}"
                yield Fault("kubernetes", f"secret {namespace}/{name}", "Refused", message)

    def _begin(self, key: Key) -> None:
        assert self._group is not None
        self._ends[key] = asyncio.Event()
        self._group.create_task(self._reflectors[key].run(self._ends[key]))

    def _reflector(self, key: Key) -> Reflector[Secret]:
        namespace, name = key

        def changed(change: Change[Secret]) -> None:
            self._on_change(key)

        return Reflector(
            self._kube,
            SECRETS,
            Secret,
            namespace=namespace,
            field_selector=_FIELD.format(name),
            on_change=changed,
        )
