"""Whatever happens on the server, and however often the watch breaks, the copy ends up equal."""

import asyncio
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from addons.runtime.kube import KubeClient
from addons.runtime.objects import KubeObject
from addons.runtime.reflector import Reflector
from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from addons.sim.kubeapi.status import StatusError
from tests.support.objects import CONFIG_MAPS
from tests.support.virtual import run_virtual

NAMES = st.sampled_from("abcd")
STEPS = st.one_of(
    st.tuples(st.just("add"), NAMES),
    st.tuples(st.just("change"), NAMES),
    st.tuples(st.just("delete"), NAMES),
    st.tuples(st.sampled_from(["cut", "forget", "expire", "repeat", "wrong version"]), st.just("")),
    st.tuples(st.just("wait"), st.sampled_from(["0", "0.5", "3", "40"])),
)


class World:
    """The server's side: config maps, and the ways in which a watch can break."""

    def __init__(self, api: KubeApi) -> None:
        self.api = api
        self.edits = 0

    async def play(self, step: str, word: str) -> None:
        match step:
            case "wait":
                await asyncio.sleep(float(word))
            case "cut":
                self.api.store.close_watches()
            case "forget":
                self.api.store.compact()
            case "expire":
                self.api.faults.add(Fault(verb="watch", expire_after=1, times=1))
                self.api.store.close_watches()
            case "repeat":
                self.api.faults.add(Fault(verb="watch", duplicate=True, stale=True, times=1))
                self.api.store.close_watches()
            case "wrong version":
                self.api.faults.add(Fault(verb="watch", status=410, times=2))
                self.api.store.close_watches()
            case _:
                self._edit(step, word)

    def _edit(self, step: str, name: str) -> None:
        self.edits += 1
        store = self.api.store
        obj = {"metadata": {"name": name, "namespace": "default"}, "data": {"edit": str(self.edits)}}
        try:
            if step == "add":
                store.create("v1", "configmaps", obj)
            elif step == "change":
                store.update("v1", "configmaps", obj)
            else:
                store.delete("v1", "configmaps", "default", name)
        except StatusError:
            pass

    def state(self) -> dict[str, str]:
        return versions(self.api.store.list("v1", "configmaps"))


def versions(objects: list[dict[str, Any]]) -> dict[str, str]:
    return {obj["metadata"]["name"]: obj["metadata"]["resourceVersion"] for obj in objects}


async def play(steps: list[tuple[str, str]], watch_list: Any, directory: Path) -> None:
    stopping = asyncio.Event()
    seen: dict[str, str] = {}
    path = directory / "kubeconfig"
    async with KubeApi() as api:
        path.write_text(api.kubeconfig())
        async with KubeClient.connect(str(path)) as kube, asyncio.TaskGroup() as group:
            reflector = Reflector(
                kube,
                CONFIG_MAPS,
                KubeObject,
                page_size=2,
                watch_list=watch_list,
                rng=Random(1),
                indexers={"name": lambda obj: (obj.metadata.name,)},
                on_change=lambda change: (
                    seen.__setitem__(change.new.metadata.name, change.new.metadata.resource_version)
                    if change.new
                    else seen.__delitem__(change.old.metadata.name)  # type: ignore[union-attr]
                ),
            )
            group.create_task(reflector.run(stopping))
            world = World(api)
            for step, word in steps:
                await world.play(step, word)
            await asyncio.sleep(200)
            held = {obj.metadata.name: obj.metadata.resource_version for obj in reflector.store.all()}
            assert held == world.state() == seen
            assert all(len(reflector.store.by("name", name)) == (name in held) for name in "abcd")
            assert reflector.is_fresh()
            stopping.set()


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25), st.sampled_from(["auto", "off"]))
def test_the_copy_ends_up_equal(steps: list[tuple[str, str]], watch_list: str) -> None:
    with TemporaryDirectory() as directory:
        run_virtual(play(steps, watch_list, Path(directory)))
