"""The caches of a daemon: what is watched of the API server, and whether all of it is known and fresh."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from addons.runtime.kube import KubeClient
from addons.runtime.objects import KubeObject, Resource
from addons.runtime.outcomes import Fault
from addons.runtime.reflector import Reflector, StandIn
from addons.runtime.store import Change, Indexer

O = TypeVar("O", bound=KubeObject)  # noqa: E741
K = TypeVar("K", bound=Hashable)


class Cache(Generic[O]):
    """The objects of one resource; none at all where the resource is not watched."""

    def __init__(self, reflector: Reflector[O] | None = None) -> None:
        self._reflector = reflector
        self._store = reflector.store if reflector else None

    def get(self, namespace: str, name: str) -> O | None:
        """One object."""
        return self._store.get(namespace, name) if self._store is not None else None

    def all(self) -> Iterable[O]:
        """Every object."""
        return self._store.all() if self._store is not None else ()

    def by(self, index: str, value: str) -> Sequence[O]:
        """The objects that an index has under `value`."""
        return self._store.by(index, value) if self._store is not None else ()

    @property
    def is_synced(self) -> bool:
        """True once the resource was read whole."""
        return self._reflector is not None and self._reflector.synced

    @property
    def is_answered(self) -> bool:
        """True once the resource was read whole, or the server refused it."""
        return self._reflector is not None and self._reflector.answered

    async def wait_answered(self) -> None:
        """Return once the resource was read whole, or the server refused it."""
        if self._reflector:
            await self._reflector.wait_answered()


class Watches:
    """A group of caches, kept up to date together. One that is added while they run starts at once."""

    def __init__(self, kube: KubeClient) -> None:
        self._kube = kube
        self._reflectors: dict[str, Reflector[Any]] = {}
        self._optional: set[str] = set()
        self._begin: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]] | None = None
        self._stopping = asyncio.Event()

    def add(
        self,
        resource: Resource,
        type_: type[O],
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        indexers: Mapping[str, Indexer[O]] = {},
        on_change: Callable[[Change[O]], None] | None = None,
        transform: Callable[[O], O | None] | None = None,
        stand_in: StandIn[O] | None = None,
        may_be_missing: bool = False,
    ) -> Cache[O]:
        """Watch a resource from now on; for the arguments see Reflector.

        One that `may_be_missing`, as its definition is not needed, is nothing to tell of while it is.
        """
        reflector = Reflector(
            self._kube,
            resource,
            type_,
            namespace=namespace,
            label_selector=label_selector,
            field_selector=field_selector,
            indexers=indexers,
            on_change=on_change,
            transform=transform,
            stand_in=stand_in,
        )
        self._reflectors[resource.plural] = reflector
        if may_be_missing:
            self._optional.add(resource.plural)
        if self._begin:
            self._begin(reflector.run(self._stopping))
        return Cache(reflector)

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep all caches up to date until `stopping`."""
        async with asyncio.TaskGroup() as group:
            self._begin, self._stopping = group.create_task, stopping
            for reflector in self._reflectors.values():
                group.create_task(reflector.run(stopping))
            await stopping.wait()
            self._begin = None

    async def wait_settled(self) -> None:
        """Return once every cache has been filled, or was refused by the server."""
        for reflector in tuple(self._reflectors.values()):
            await reflector.wait_answered()

    @property
    def is_settled(self) -> bool:
        """True when every cache has been filled, or refused: no right to it, or no such resource."""
        return all(reflector.answered for reflector in self._reflectors.values())

    def faults(self) -> dict[str, str]:
        """What is wrong with the caches that are empty or out of date, by resource."""
        faults = {}
        for what, reflector in self._reflectors.items():
            if reflector.missing and what in self._optional:
                continue
            if not reflector.synced and reflector.refused:
                faults[what] = f"cannot be read: {reflector.last_error}"
            elif not reflector.synced:
                faults[what] = f"not read yet{reflector.last_error and f': {reflector.last_error}'}"
            elif not reflector.is_fresh():
                faults[what] = f"not heard of for {reflector.staleness():.0f} s"
        return faults

    def unreadable(self) -> Iterable[Fault]:
        """The resources that the API server refuses, or has told nothing of for too long."""
        faults = self.faults()
        for what, reflector in self._reflectors.items():
            if what in faults and (reflector.refused or reflector.synced):
                yield Fault("kubernetes", what, "Refused" if reflector.refused else "Stale", faults[what])

    def not_ready(self) -> str:
        """Which caches are empty or out of date, in words; empty when all are good."""
        return _in_words(self.faults())

    def stale(self) -> str:
        """Which caches were full once and are out of date now, in words; empty when none is."""
        late = {what for what, cache in self._reflectors.items() if cache.synced and not cache.is_fresh()}
        return _in_words({what: fault for what, fault in self.faults().items() if what in late})


class Coalesced(Generic[K]):
    """Tells of each key once for so many seconds, however often it is told of: changes come in swarms."""

    def __init__(self, tell: Callable[[K], None], *, seconds: float) -> None:
        self._tell = tell
        self._seconds = seconds
        self._waiting: dict[K, None] = {}

    def __call__(self, key: K) -> None:
        """Tell of a key soon."""
        if not self._waiting:
            asyncio.get_running_loop().call_later(self._seconds, self._tell_all)
        self._waiting[key] = None

    def _tell_all(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for key in waiting:
            self._tell(key)


def _in_words(faults: Mapping[str, str]) -> str:
    return ", ".join(f"{what} {fault}" for what, fault in faults.items())
