"""Whether a setting is to blame when an object does not ask for the records that were made for it."""

import asyncio
from collections.abc import Iterable
from functools import partial

from addons.dns.config import Config
from addons.dns.controller.sources import Sources
from addons.dns.desired.left_out import asks_for, filters_of, left_out_by, renamed_by
from addons.dns.desired.settings import source_settings
from addons.dns.kube.owners import Owners
from addons.dns.kube.watches import SourceWatches
from addons.dns.model.actions import Wish
from addons.dns.model.endpoint import ref_of
from addons.dns.model.objects import ObjectKey
from addons.dns.model.zones import DomainFilter
from addons.runtime.errors import OutsideError
from addons.runtime.objects import KubeObject

_AT_ONCE = 10
"""So many objects are looked for at the same time."""

_GOOD_FOR = 300.0
"""Seconds for which an object is not looked for again that is not watched."""

Found = KubeObject | OutsideError | None


class LeftOut:
    """Looks at the objects of records that are given up.

    | the object | then |
    |---|---|
    | is gone, or has withdrawn its wish while we watched | nothing but itself is to blame |
    | asks for the name, were it not for `--namespace`, `--source` or a filter | that setting is |
    | has its names from a template or domain of the settings, and other ones now | so is that |
    | is of a kind that no source reads, or may not be looked at | so is what keeps us from seeing it |
    """

    def __init__(
        self,
        config: Config,
        domains: DomainFilter,
        *,
        sources: Sources,
        watches: SourceWatches,
        owners: Owners,
    ) -> None:
        self._config = config
        self._settings = source_settings(config, domains)
        self._filters = filters_of(config, domains)
        self._sources = sources
        self._watches = watches
        self._owners = owners
        self._known: dict[ObjectKey, tuple[float, Found]] = {}

    async def settings_of(self, wishes: Iterable[Wish]) -> dict[Wish, str]:
        """Those of the wishes for which a setting is to blame, with that in words.

        An object is looked for once, however many names it had, and no more than once in five minutes.
        """
        by_key: dict[ObjectKey, list[Wish]] = {}
        blamed: dict[Wish, str] = {}
        for wish in wishes:
            if (ref := ref_of(wish.resource)) is None:
                blamed[wish] = f"--source={','.join(self._config.source)}"
            elif not self._sources.has_withdrawn(key := (ref.kind, ref.namespace, ref.name), wish.name):
                by_key.setdefault(key, []).append(wish)
        found = await self._find(by_key)
        for key, theirs in by_key.items():
            for wish in theirs:
                if by := self._blame(key, found[key], wish.name):
                    blamed[wish] = by
        return blamed

    async def _find(self, keys: Iterable[ObjectKey]) -> dict[ObjectKey, Found]:
        limit = asyncio.Semaphore(_AT_ONCE)
        now = asyncio.get_running_loop().time()
        self._known = {key: known for key, known in self._known.items() if known[0] > now}

        async def look(key: ObjectKey) -> tuple[ObjectKey, Found]:
            if self._watches.is_watched(key):
                return key, self._watches.find(key)
            if key not in self._known:
                async with limit:
                    self._known[key] = (now + _GOOD_FOR, await self._look(key))
            return key, self._known[key][1]

        return dict(await asyncio.gather(*map(look, keys)))

    async def _look(self, key: ObjectKey) -> Found:
        try:
            return await self._owners.find(key)
        except OutsideError as error:
            return error

    def _blame(self, key: ObjectKey, obj: Found, name: str) -> str:
        """The setting that leaves the object out; empty when it is gone or would not ask anyway."""
        if obj is None:
            return ""
        scope = self._scope(key)
        if isinstance(obj, OutsideError):
            return f"{scope} (we may not see whether it is there: {obj.message})"
        read = partial(self._sources.read, obj)
        if asks_for(name, obj, read, self._settings):
            return scope
        by = left_out_by(name, obj, read, self._filters) or renamed_by(
            name, obj, read, self._config, self._settings
        )
        return " and ".join(filter(None, (scope, by))) if by else ""

    def _scope(self, key: ObjectKey) -> str:
        """The setting by which the object is not watched; empty when it is."""
        if self._watches.is_watched(key):
            return ""
        if key[0] not in self._watches.by_kind():
            return f"--source={','.join(self._config.source)}"
        return f"--namespace={self._config.namespace}"
