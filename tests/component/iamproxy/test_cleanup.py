"""Cleaning every node up by its DaemonSet: what is changed, when it is done, what is told else."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from addons.iamproxy.controller.cleanup import Progress, clean_up_nodes, what_is_left
from addons.iamproxy.kube.daemonset import DaemonSets
from addons.runtime.kube import KubeClient
from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from tests.support import processes
from tests.support.daemonsets import CLEANING, DaemonSetController
from tests.support.processes import Ended
from tests.support.virtual import run_virtual

SETTINGS = ["--config=/etc/aws-addons/config.yaml", "--log-level=debug"]


class Cleaning:
    """A DaemonSet on three nodes, and the command that has it clean up."""

    def __init__(self, api: KubeApi, daemon_sets: DaemonSets) -> None:
        self.api = api
        self.rollout = DaemonSetController(api, "kube-system", "iamproxy", nodes=3)
        self._daemon_sets = daemon_sets

    async def run(self, *, minutes: float = 4) -> Progress:
        """Wait for its end."""
        return await clean_up_nodes(self._daemon_sets, patience=timedelta(minutes=minutes))

    def patches(self) -> int:
        """How often the DaemonSet was changed."""
        return sum(request.verb == "patch" for request in self.api.requests)


def create(api: KubeApi, *args: str) -> None:
    labels = {"app": "iamproxy"}
    containers = [
        {"name": "main", "image": "addons", "args": list(args), "env": [{"name": "A", "value": "b"}]}
    ]
    spec = {
        "minReadySeconds": 5,
        "updateStrategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
        },
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
    }
    metadata = {"namespace": "kube-system", "name": "iamproxy"}
    api.store.create("apps/v1", "daemonsets", {"metadata": metadata, "spec": spec})


@asynccontextmanager
async def cleaning(folder: Path, *args: str) -> AsyncIterator[Cleaning]:
    async with KubeApi() as api:
        (folder / "kubeconfig").write_text(api.kubeconfig())
        if args:
            create(api, *args)
        async with KubeClient.connect(str(folder / "kubeconfig")) as kube:
            yield Cleaning(api, DaemonSets(kube, "kube-system", "iamproxy", manager="cleanup"))


Story = Callable[[Cleaning], Coroutine[None, None, None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Run a story on virtual time, beside a DaemonSet whose pods have these arguments."""

    def play(story: Story, *args: str) -> None:
        async def main() -> None:
            async with cleaning(tmp_path, *args) as made:
                await story(made)

        run_virtual(main())

    return play


DAEMON = ("iamproxy", *SETTINGS)


def test_all_pods_are_replaced_at_once_and_none_before_its_predecessor_has_ended(
    play: Callable[..., None],
) -> None:
    async def story(made: Cleaning) -> None:
        task = asyncio.create_task(made.run())
        await made.rollout.until_asked()
        assert made.rollout.args == [*CLEANING, *SETTINGS]
        spec = made.rollout.daemon_set["spec"]
        assert spec["updateStrategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": "100%"}
        assert spec.get("minReadySeconds", 0) == 0
        (container,) = spec["template"]["spec"]["containers"]
        assert container["env"] == [{"name": "A", "value": "b"}], "the rest stays"
        made.rollout.report(updated=3, available=3)
        assert (await task).is_done
        assert made.patches() == 1

    play(story, *DAEMON)


@pytest.mark.parametrize(
    ("updated", "available", "left"), [(3, 3, 0), (2, 3, 1), (3, 1, 2), (0, 3, 3)], ids=str
)
def test_a_node_is_done_when_its_new_pod_is_available(
    updated: int, available: int, left: int, play: Callable[..., None]
) -> None:
    async def story(made: Cleaning) -> None:
        made.rollout.report(updated=updated, available=available)
        assert (await made.run()).left == left

    play(story, *CLEANING, *SETTINGS)


def test_what_was_counted_before_the_change_counts_for_nothing(play: Callable[..., None]) -> None:
    async def story(made: Cleaning) -> None:
        made.rollout.report(updated=3, available=3)
        result = await made.run()
        assert (result.left, result.nodes) == (None, 3)
        assert asyncio.get_running_loop().time() == pytest.approx(240)

    play(story, *DAEMON)


def test_without_any_node_nothing_is_left(play: Callable[..., None]) -> None:
    async def story(made: Cleaning) -> None:
        made.rollout.nodes = 0
        made.rollout.report(updated=0, available=0)
        assert (await made.run()).is_done

    play(story, *CLEANING)


def test_a_second_clean_up_changes_nothing(play: Callable[..., None]) -> None:
    async def story(made: Cleaning) -> None:
        made.rollout.report(updated=3, available=3)
        assert (await made.run()).is_done
        assert (made.patches(), made.rollout.args) == (0, [*CLEANING, *SETTINGS])

    play(story, *CLEANING, *SETTINGS)


def test_who_changes_it_back_does_not_prevail(play: Callable[..., None]) -> None:
    async def story(made: Cleaning) -> None:
        task = asyncio.create_task(made.run())
        await made.rollout.until_asked()
        found = made.rollout.daemon_set
        found["spec"]["template"]["spec"]["containers"][0]["args"] = list(DAEMON)
        made.api.store.update("apps/v1", "daemonsets", found)
        made.rollout.report(updated=3, available=3)
        await made.rollout.until_asked()
        made.rollout.report(updated=3, available=3)
        assert (await task).is_done
        assert made.patches() == 2

    play(story, *DAEMON)


@pytest.mark.parametrize("status", [403, 409, 429, 503])
@pytest.mark.parametrize("verb", ["get", "patch"])
def test_what_may_pass_is_tried_again(status: int, verb: str, play: Callable[..., None]) -> None:
    async def story(made: Cleaning) -> None:
        made.api.faults.add(Fault(verb=verb, resource="daemonsets", times=2, status=status))
        task = asyncio.create_task(made.run())
        await made.rollout.until_asked()
        made.rollout.report(updated=3, available=3)
        assert (await task).is_done

    play(story, *DAEMON)


def test_an_answer_that_never_comes_is_not_waited_for_longer_than_was_said(play: Callable[..., None]) -> None:
    async def story(made: Cleaning) -> None:
        made.api.faults.add(Fault(resource="daemonsets", latency=3600))
        result = await made.run(minutes=0.1)
        assert result.left is None
        assert asyncio.get_running_loop().time() == pytest.approx(6)

    play(story, *DAEMON)


@pytest.mark.parametrize(
    ("args", "trouble"),
    [((), '"iamproxy" not found'), (("dns",), "does not run iamproxy")],
    ids=["none", "other"],
)
def test_what_cannot_be_done_is_said_at_once(
    args: tuple[str, ...], trouble: str, play: Callable[..., None]
) -> None:
    async def story(made: Cleaning) -> None:
        result = await made.run()
        assert (result.left, asyncio.get_running_loop().time()) == (None, 0)
        assert trouble in what_is_left(result, "kube-system", "iamproxy")

    play(story, *args)


def test_what_is_left_is_told_in_nodes_and_how_to_go_on() -> None:
    text = what_is_left(Progress(5, 2, "why"), "kube-system", "iamproxy")
    assert text.startswith("not done: on 2 of 5 nodes: why\n")
    assert text.endswith("  addons iamproxy cleanup\n")


async def run(folder: Path, *arguments: str) -> Ended:
    """The command as a process."""
    command = (sys.executable, "-m", "addons", "iamproxy", "cleanup", *arguments)
    environment = {**os.environ, "KUBECONFIG": str(folder / "kubeconfig")}
    return await processes.run(*command, env=environment)


async def test_as_a_command_it_ends_well_when_all_is_done_and_else_tells_what_is_left(tmp_path: Path) -> None:
    asked = ("--daemonset=kube-system/iamproxy", "--timeout=1ms")
    async with cleaning(tmp_path, *CLEANING) as made:
        made.rollout.report(updated=3, available=3)
        assert (await run(tmp_path, asked[0]))[:2] == (0, "cleaned up: 3 nodes\n")
        code, out, err = await run(tmp_path, *asked)
        assert (code, out) == (3, "")
        assert err.startswith("not done: the API server did not answer in time\n")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--daemonset=iamproxy",), "--daemonset 'iamproxy': not NAMESPACE/NAME"),
        (("--daemonset=",), "--daemonset '': not NAMESPACE/NAME"),
        (("--daemonset=a/b", "--timeout=soon"), "--timeout 'soon': not a duration, such as 4m"),
    ],
)
async def test_what_cannot_be_meant_is_refused_by_name(
    arguments: tuple[str, ...], complaint: str, tmp_path: Path
) -> None:
    code, _, err = await run(tmp_path, *arguments)
    assert (code, err) == (2, f"addons iamproxy: {complaint}\n")
