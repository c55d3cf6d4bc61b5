"""Taking the taint away from all nodes after an uninstall: what stays, what is tried again, what is told."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from addons.cni.controller.cleanup import Untainting
from addons.cni.names import NO_POD_IPS
from addons.runtime.kube import KubeClient
from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from tests.support.processes import run
from tests.support.virtual import run_virtual

OURS = {"key": NO_POD_IPS, "effect": "NoSchedule"}
OTHER = {"key": "dedicated", "value": "batch", "effect": "NoExecute"}


class Cluster:
    """Two nodes with the taint, one of which has another one too, and one that has only that."""

    def __init__(self, api: KubeApi, kube: KubeClient) -> None:
        self.api = api
        self.untainting = Untainting(kube)
        for name, taints in (("a", [OURS]), ("b", [OTHER, OURS]), ("c", [OTHER])):
            api.store.create("v1", "nodes", {"metadata": {"name": name}, "spec": {"taints": taints}})

    def taints(self) -> dict[str, list[dict[str, str]]]:
        """What nodes have, by name."""
        nodes = self.api.store.list("v1", "nodes")
        return {node["metadata"]["name"]: node["spec"].get("taints") or [] for node in nodes}

    def taint(self, name: str) -> None:
        """Set the taint, as a daemon does."""
        node = self.api.store.get("v1", "nodes", "", name)
        node["spec"]["taints"] = [OURS]
        self.api.store.update("v1", "nodes", node)


FREE = {"a": [], "b": [OTHER], "c": [OTHER]}
Story = Callable[[Cluster], Coroutine[None, None, None]]


@asynccontextmanager
async def cluster(folder: Path) -> AsyncIterator[Cluster]:
    async with KubeApi() as api:
        (folder / "kubeconfig").write_text(api.kubeconfig())
        async with KubeClient.connect(str(folder / "kubeconfig")) as kube:
            yield Cluster(api, kube)


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Story], None]:
    """Run a story on virtual time."""

    def play(story: Story) -> None:
        async def main() -> None:
            async with cluster(tmp_path) as made:
                await story(made)

        run_virtual(main())

    return play


FOUR_MINUTES = timedelta(minutes=4)


def test_it_goes_from_all_nodes_and_what_others_have_set_stays(play: Callable[[Story], None]) -> None:
    async def story(made: Cluster) -> None:
        await made.untainting.run(patience=FOUR_MINUTES)
        assert made.taints() == FREE
        assert (made.untainting.freed, made.untainting.trouble) == ({"a", "b"}, "")
        patched = [request for request in made.api.requests if request.verb == "patch"]
        assert len(patched) == 2, "no other node is written to"

    play(story)


def test_a_daemon_that_sets_it_once_more_at_its_end_does_not_prevail(
    play: Callable[[Story], None],
) -> None:
    async def story(made: Cluster) -> None:
        running = asyncio.create_task(made.untainting.run(patience=FOUR_MINUTES))
        while made.taints() != FREE:
            await asyncio.sleep(0.1)
        made.taint("c")
        await running
        assert made.taints() == {**FREE, "c": []}

    play(story)


@pytest.mark.parametrize("status", [403, 409, 429, 503])
@pytest.mark.parametrize("verb", ["list", "patch"])
def test_what_may_pass_is_tried_again(status: int, verb: str, play: Callable[[Story], None]) -> None:
    async def story(made: Cluster) -> None:
        made.api.faults.add(Fault(verb=verb, resource="nodes", times=3, status=status))
        await made.untainting.run(patience=FOUR_MINUTES)
        assert (made.taints(), made.untainting.trouble) == (FREE, "")

    play(story)


def test_a_node_that_goes_away_meanwhile_is_no_trouble(play: Callable[[Story], None]) -> None:
    async def story(made: Cluster) -> None:
        made.api.faults.add(Fault(verb="patch", resource="nodes", times=1, status=404))
        await made.untainting.run(patience=FOUR_MINUTES)
        assert made.untainting.trouble == ""

    play(story)


def test_one_node_that_refuses_keeps_no_other_waiting(play: Callable[[Story], None]) -> None:
    async def story(made: Cluster) -> None:
        made.api.faults.add(Fault(verb="patch", resource="nodes", times=1, status=403))
        await made.untainting.run(patience=FOUR_MINUTES)
        patched = [request.name for request in made.api.requests if request.verb == "patch"]
        assert (patched, made.taints()) == (["a", "b", "a"], FREE)

    play(story)


def test_what_does_not_pass_is_told_in_the_end(play: Callable[[Story], None]) -> None:
    async def story(made: Cluster) -> None:
        made.api.faults.add(Fault(verb="patch", resource="nodes", status=403, message="not by you"))
        await made.untainting.run(patience=FOUR_MINUTES)
        assert "not by you" in made.untainting.trouble
        assert asyncio.get_running_loop().time() == pytest.approx(240, abs=1)

    play(story)


async def test_the_command_says_how_many_nodes_had_it_and_how_it_goes_by_hand(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "addons", "cni", "cleanup", f"--kubeconfig={tmp_path}/kubeconfig")
    async with cluster(tmp_path) as made:
        done = await run(*command)
        assert (done.code, done.out) == (0, f"cleaned up: 2 nodes had the taint {NO_POD_IPS}\n")
        made.api.faults.add(Fault(verb="list", resource="nodes", status=403))
        done = await run(*command, "--timeout=100ms")
        assert (done.code, done.out) == (3, "")
        assert done.err.endswith(f"kubectl taint nodes --all {NO_POD_IPS}-\n")
    done = await run(*command, "--timeout=soon")
    assert (done.code, "--timeout 'soon': not a duration" in done.err) == (2, True)
