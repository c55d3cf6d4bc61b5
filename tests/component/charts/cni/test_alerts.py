"""The alert about what cannot be read fires on virtual time: it takes more than five minutes.

All others need a kernel: tests/netns/test_cni_alerts.py.
"""

import asyncio
from pathlib import Path

import pytest

from addons.cni.kube.watches import NodeWatches
from addons.runtime.decisions import Decisions
from addons.runtime.kube import KubeClient
from addons.runtime.web import StatusServer
from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from tests.support.prometheus import Evaluation, Prometheus, firing, forget_metrics
from tests.support.virtual import run_virtual

pytestmark = pytest.mark.usefixtures("prometheus")

BEFORE, DURING = 10, 30
"""Minutes without trouble, and with it."""


def play(folder: Path, *trouble: Fault) -> list[Evaluation]:
    """Watch a node, and after a while with trouble; the alerts meanwhile."""
    forget_metrics()
    prometheus = Prometheus("cni")

    async def main() -> None:
        async with KubeApi() as api:
            (folder / "kubeconfig").write_text(api.kubeconfig())
            async with KubeClient.connect(str(folder / "kubeconfig")) as kube:
                watched = NodeWatches(
                    kube,
                    node="node-1",
                    custom_networking=False,
                    on_change=lambda: None,
                    on_pod_end=lambda pod: None,
                )
                stopping = asyncio.Event()
                watching = asyncio.create_task(watched.watches.run(stopping))
                server = StatusServer("127.0.0.1:0", name="cni", ready=str, state=dict, decisions=Decisions())
                async with prometheus.watching(server):
                    await asyncio.sleep(BEFORE * 60)
                    for fault in trouble:
                        api.faults.add(fault)
                        api.store.close_watches()
                    await asyncio.sleep(DURING * 60)
                stopping.set()
                await watching

    run_virtual(main())
    return prometheus.evaluate()


def test_without_trouble_none_fires(tmp_path: Path) -> None:
    assert firing(play(tmp_path)) == set()


def test_pods_that_cannot_be_read_are_told_of(tmp_path: Path) -> None:
    found = play(tmp_path, Fault(resource="pods", status=500))
    assert firing(found, 0, BEFORE) == set()
    assert found[-1].firing == {"AddonsCniSourceStale"}
    (alert,) = [alert for alert in found[-1].alerts if alert.state == "firing"]
    assert "not been able to read pods for 5 minutes" in alert.annotations["summary"]
