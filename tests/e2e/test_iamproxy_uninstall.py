"""An uninstall of the iamproxy chart while a node is down: it stays closed, is told, and is done later."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.helm import NAMESPACE
from tests.support.iamproxy_site import Stage, staged
from tests.support.nodes import Node, Site
from tests.support.processes import Ended, run

pytestmark = [pytest.mark.kube, pytest.mark.timeout(240)]

USER_DATA = "/latest/user-data"


@contextmanager
def down(site: Site, node: Node) -> Iterator[None]:
    """Meanwhile the kubelet of a node does nothing; its containers go on."""
    kubelet = int((site.cluster.folder / "nodes" / node.name / "kubelet.pid").read_text())
    os.kill(kubelet, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(kubelet, signal.SIGCONT)


async def clean_up(stage: Stage, *arguments: str) -> Ended:
    """Run the command of the uninstall's Job."""
    kubeconfig = f"--kubeconfig={stage.site.cluster.kubeconfig}"
    command = ("cleanup", f"--daemonset={NAMESPACE}/aws-iamproxy", kubeconfig, *arguments)
    return await run(sys.executable, "-m", "addons", "iamproxy", *command, seconds=120)


async def test_a_node_that_is_down_stays_closed_and_is_cleaned_up_when_it_is_back(site: Site) -> None:
    pods = dict(zip(("reached", "lost"), site.nodes, strict=True))
    async with staged(site) as stage:
        before = stage.networks()
        async with stage.installed():
            closed = stage.networks()
            assert not set(closed) & set(before), "the control"
            for name, node in pods.items():
                await stage.run(name, node)
            with down(site, pods["lost"]):
                code, _, complaint = await clean_up(stage, "--timeout=30s")
                assert stage.networks() == [before[0], closed[1]]
            assert code == 3
            assert "not done: on 1 of 2 nodes: their pod does not run, or is not ready\n" in complaint
        assert stage.networks() == before
        for name in pods:
            assert stage.shows_the_node(await stage.ask(name, USER_DATA))
