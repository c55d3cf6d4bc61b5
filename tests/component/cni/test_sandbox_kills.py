"""Killed at any moment, the daemon knows what it told, and after the runtime's DELs nothing is left."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from addons.cni.model.assignments import PodId
from tests.support.cni_socket import Kernel, Node, name_of
from tests.support.virtual import run_virtual, virtual_now

PODS = 5


class Runtime:
    """Makes and ends sandboxes of one pod, one after the other; what was cut off it asks for again."""

    def __init__(self, number: int, verbs: list[str]) -> None:
        self.pod = PodId("shop", f"web-{number}", f"uid-{number}")
        self.containers: list[str] = []
        self.told: str | None = None
        """The address of the last sandbox, while it is not to end."""
        self._steps = self._steps_of(verbs)
        self._step: tuple[str, str] | None = next(self._steps, None)

    def _steps_of(self, verbs: list[str]) -> Iterator[tuple[str, str]]:
        for verb in verbs:
            if verb == "ADD":
                self.containers.append(f"{self.pod.name}-{len(self.containers)}")
            if self.containers:
                yield verb, self.containers[-1]

    async def go_on(self, node: Node) -> None:
        while self._step:
            verb, container = self._step
            if verb == "ADD":
                self.told = await node.add(container, self.pod)
            else:
                self.told = None
                await node.delete(container, self.pod)
            self._step = next(self._steps, None)

    async def end(self, node: Node) -> None:
        for container in self.containers:
            await node.delete(container, self.pod, netns="")


verbs = st.lists(st.sampled_from(("ADD", "ADD", "DEL")), max_size=6)


class TestKilled:
    """A sandbox that was told its address keeps it; no address is told twice; nothing is left at the end."""

    @given(st.lists(verbs, min_size=1, max_size=PODS), st.lists(st.integers(0, 60), max_size=6))
    def test_at_any_moment(self, lives: list[list[str]], kills: list[int]) -> None:
        # An ADD after the DEL of its own container is refused, so each life ends with its first DEL.
        upto = [life[: life.index("DEL") + 1] if "DEL" in life else life for life in lives]
        with TemporaryDirectory() as name:
            run_virtual(self._live(Path(name), [Runtime(n, life) for n, life in enumerate(upto)], kills))

    async def _live(self, folder: Path, runtimes: list[Runtime], kills: list[int]) -> None:
        kernel = Kernel()
        for moment in kills:
            await self._killed(self._node(folder, kernel), runtimes, moment)
        node = self._node(folder, kernel)
        await asyncio.gather(*(each.go_on(node) for each in runtimes))
        alive = {each.containers[-1]: each.told for each in runtimes if each.told}
        assert {name: f"{ip}/32" for name, ip in node.held.items()} == alive
        assert {key.container_id for key in kernel.links.values()} == set(alive)
        assert all(name_of(each.pod, "eth0") in kernel.links for each in runtimes if each.told)
        await asyncio.gather(*(each.end(node) for each in runtimes))
        assert (node.held, kernel.links) == ({}, {})

    def _node(self, folder: Path, kernel: Kernel) -> Node:
        return Node(folder, *range(1, 2 * PODS), now=virtual_now, cooldown=0.0, kernel=kernel, limit=3)

    async def _killed(self, node: Node, runtimes: list[Runtime], moment: int) -> None:
        """Let all go on for so many turns of the loop, and then nobody any more."""
        before = asyncio.all_tasks()
        for each in runtimes:
            asyncio.create_task(each.go_on(node)).set_name("runtime")
        for _ in range(moment):
            await asyncio.sleep(0)
        cut_off = asyncio.all_tasks() - before
        for task in cut_off:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*cut_off, return_exceptions=True)
