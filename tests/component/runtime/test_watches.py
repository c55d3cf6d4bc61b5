"""A group of caches over the emulated API server: filled together, and each fault named."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from addons.runtime.kube import KubeClient
from addons.runtime.objects import KubeObject, Resource
from addons.runtime.watches import Cache, Coalesced, Watches
from addons.sim.kubeapi.server import KubeApi
from tests.support.virtual import run_virtual

CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS = Resource("", "v1", "secrets", "Secret")
MISSING = Resource("example.org", "v1", "things", "Thing")


class ConfigMap(KubeObject, frozen=True):
    resource = CONFIG_MAPS


@asynccontextmanager
async def watching(folder: Path) -> AsyncIterator[tuple[KubeApi, Watches, Callable[[], None]]]:
    """An API server, watches that do not run yet, and what starts them."""
    async with KubeApi() as api:
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(api.kubeconfig())
        async with KubeClient.connect(str(kubeconfig)) as kube:
            watches, stopping = Watches(kube), asyncio.Event()
            tasks: list[asyncio.Task[None]] = []
            yield api, watches, lambda: tasks.append(asyncio.ensure_future(watches.run(stopping)))
            stopping.set()
            await asyncio.gather(*tasks)


def config_map(name: str) -> dict[str, object]:
    return {"metadata": {"name": name, "namespace": "default"}}


class TestWatches:
    async def test_they_are_filled_together_and_say_so(self, tmp_path: Path) -> None:
        async with watching(tmp_path) as (api, watches, start):
            api.store.create("v1", "configmaps", config_map("one"))
            maps, secrets = watches.add(CONFIG_MAPS, ConfigMap), watches.add(SECRETS, KubeObject)
            assert watches.not_ready() == "configmaps not read yet, secrets not read yet"
            assert not watches.is_settled
            start()
            await watches.wait_settled()
            assert (watches.not_ready(), watches.stale(), watches.is_settled) == ("", "", True)
            assert maps.get("default", "one") is not None
            assert secrets.is_synced

    async def test_one_that_nobody_needs_is_not_told_of_while_the_server_does_not_have_it(
        self, tmp_path: Path
    ) -> None:
        async with watching(tmp_path) as (_, watches, start):
            things = watches.add(MISSING, KubeObject, may_be_missing=True)
            start()
            await watches.wait_settled()
            assert (watches.not_ready(), list(watches.unreadable()), watches.is_settled) == ("", [], True)
            assert not things.is_synced

    async def test_one_that_the_server_does_not_have_is_named_and_settled(self, tmp_path: Path) -> None:
        async with watching(tmp_path) as (_, watches, start):
            watches.add(CONFIG_MAPS, ConfigMap)
            things = watches.add(MISSING, KubeObject)
            start()
            await watches.wait_settled()
            assert watches.not_ready().startswith("things cannot be read: ")
            assert watches.stale() == ""
            assert things.is_answered
            assert not things.is_synced

    async def test_one_that_is_added_later_starts_at_once(self, tmp_path: Path) -> None:
        async with watching(tmp_path) as (api, watches, start):
            api.store.create("v1", "configmaps", config_map("one"))
            watches.add(SECRETS, KubeObject)
            start()
            await watches.wait_settled()
            maps = watches.add(CONFIG_MAPS, ConfigMap)
            await maps.wait_answered()
            assert maps.get("default", "one") is not None

    def test_one_that_is_not_heard_of_any_more_is_stale(self, tmp_path: Path) -> None:
        async def story() -> None:
            async with watching(tmp_path) as (api, watches, start):
                watches.add(CONFIG_MAPS, ConfigMap)
                start()
                await watches.wait_settled()
                await api.stop()
                await asyncio.sleep(200)
                assert watches.stale().startswith("configmaps not heard of for ")
                assert watches.not_ready() == watches.stale()

        run_virtual(story())


class TestCache:
    async def test_without_a_watch_there_is_nothing(self) -> None:
        cache: Cache[ConfigMap] = Cache()
        assert (cache.get("default", "one"), list(cache.all()), cache.by("index", "x")) == (None, [], ())
        assert not cache.is_synced
        await cache.wait_answered()


class TestCoalesced:
    def test_a_swarm_is_told_once_and_later_ones_again(self) -> None:
        told: list[tuple[float, str]] = []

        async def story() -> None:
            clock = asyncio.get_running_loop().time
            soon: Coalesced[str] = Coalesced(lambda key: told.append((clock(), key)), seconds=0.1)
            for key in ("b", "a", "b"):
                soon(key)
            await asyncio.sleep(1)
            soon("b")
            await asyncio.sleep(1)

        run_virtual(story())
        assert told == [(0.1, "b"), (0.1, "a"), (1.1, "b")]
