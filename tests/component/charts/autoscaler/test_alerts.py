"""Every alert of the autoscaler chart fires on the metrics of a daemon with the trouble it names.

The daemon, its world and its scrapes are on virtual time; Prometheus's own engine evaluates the rules.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from addons.autoscaler.aws.calls import OPERATIONS, RATES
from addons.autoscaler.config import ENV_PREFIXES, Config
from addons.autoscaler.controller.build import NAME, build_controller
from addons.runtime.daemon import connect
from addons.runtime.settings import load
from addons.sim.cluster.truth import NodeTruth
from addons.sim.kubeapi.faults import Fault
from tests.support.as_objects import budget, replica_set
from tests.support.as_world import CLUSTER, AutoscalerWorld, autoscaler_world
from tests.support.prometheus import Evaluations, Prometheus, alerts_of, firing, forget_metrics
from tests.support.status import status
from tests.support.virtual import virtual_now

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.virtual_time(threads=True),
    pytest.mark.usefixtures("prometheus"),
]

DENIED: dict[str, Any] = {"code": "AccessDenied", "status": 403, "times": None}
BEFORE, DURING = 10, 50
"""Minutes of work without trouble, and with it."""

Begin = Callable[[AutoscalerWorld], None]


@dataclass(frozen=True)
class Trouble:
    """What goes wrong, the alert that says so, and others that tell of what comes of it."""

    alert: str
    begin: Begin
    more: frozenset[str] = frozenset()


def forbid(world: AutoscalerWorld, resource: str) -> None:
    """The API server refuses every request about a resource; watches end, as they do now and then."""
    world.api.faults.add(Fault(resource=resource, status=403))
    world.store.close_watches()


def lie(world: AutoscalerWorld) -> None:
    """The tags of a group promise a label that its nodes do not have."""
    world.add_group("ssd", labels={"disk": "ssd"}, truth=NodeTruth())
    world.create_sets(replica_set("cache", 3, nodeSelector={"disk": "ssd"}))


def be_out_of_capacity(world: AutoscalerWorld) -> None:
    """No group can launch anything, and pods need nodes of several."""
    world.fail_launches()
    for name in "abcd":
        world.add_group(name, labels={"pool": name})
        world.create_sets(replica_set(f"in-{name}", 2, nodeSelector={"pool": name}))


def set_the_clock(world: AutoscalerWorld) -> None:
    """The clock of the API server shows another time than ours."""
    world.api.clock_ahead = 300.0


def want_too_much(world: AutoscalerWorld) -> None:
    """A pod wants more than any node has."""
    world.create_sets(replica_set("huge", 1, "64"))


def never_let_go(world: AutoscalerWorld) -> None:
    """The API server cannot evict pods, and a group has nodes that nobody needs."""
    world.api.faults.add(Fault(resource="pods", subresource="eviction", status=500))
    world.add_group("idle", labels={"pool": "idle"}, desired=6)
    world.create_sets(replica_set("small", 6, "100m", nodeSelector={"pool": "idle"}))
    world.create_budgets(budget("small", maxUnavailable=6))


TROUBLES: Mapping[str, Trouble] = {
    "the lease cannot be renewed": Trouble("AddonsAutoscalerNoLeader", lambda world: forbid(world, "leases")),
    "groups may not be read": Trouble(
        "AddonsAutoscalerGroupsFail", lambda world: world.refuse("DescribeAutoScalingGroups", **DENIED)
    ),
    "nodes may not be read": Trouble("AddonsAutoscalerSourceStale", lambda world: forbid(world, "nodes")),
    "a tag lies": Trouble("AddonsAutoscalerRefuted", lie, frozenset({"AddonsAutoscalerPodsWait"})),
    "nothing can be launched": Trouble(
        "AddonsAutoscalerBreakerOpen", be_out_of_capacity, frozenset({"AddonsAutoscalerPodsWait"})
    ),
    "the clock is wrong": Trouble("AddonsAutoscalerClockDiffers", set_the_clock),
    "a pod wants more than there is": Trouble("AddonsAutoscalerPodsWait", want_too_much),
    "pods cannot be evicted": Trouble("AddonsAutoscalerDrainsFail", never_let_go),
}

FLAGS = (
    "--cluster-name=test",
    f"--node-group-auto-discovery=asg:tag=k8s.io/cluster-autoscaler/{CLUSTER}",
    "--leader-elect-namespace=kube-system",
    "--scale-down-unneeded-time=2m",
    "--scale-down-delay-after-failure=1m",
)


@asynccontextmanager
async def running(world: AutoscalerWorld, prometheus: Prometheus) -> AsyncIterator[None]:
    """A daemon that leads, and Prometheus, which scrapes it."""
    flags = [*FLAGS, f"--kubeconfig={world.kubeconfig}", f"--aws-endpoint-url={world.aws.url}"]
    config = load(Config, ["--aws-region=eu-central-1", *flags], {}, env_prefixes=ENV_PREFIXES)
    stopping = asyncio.Event()
    async with connect(NAME, config, rates=RATES, instance="one", operations=OPERATIONS) as parts:
        controller = build_controller(config, parts, now=virtual_now)
        async with asyncio.TaskGroup() as group:
            group.create_task(controller.watch(stopping))
            group.create_task(parts.events.run(stopping))
            assert parts.leader
            group.create_task(parts.leader.lead(controller.run)(stopping))
            daemon = status(NAME, parts, controller, not_ready=controller.not_ready)
            async with daemon as server, prometheus.watching(server):
                yield
            stopping.set()


async def play(folder: Path, *troubles: Trouble, minutes: int = DURING) -> Evaluations:
    """The alerts of a daemon that works for a while, and then has troubles, one after the other."""
    forget_metrics()
    prometheus = Prometheus("autoscaler")
    async with autoscaler_world(folder) as world, running(world, prometheus):
        world.add_group("web", labels={"pool": "web"})
        world.create_sets(replica_set("web", 4, nodeSelector={"pool": "web"}))
        await world.pass_by(minutes=BEFORE)
        assert world.is_settled("web")
        for trouble in troubles:
            trouble.begin(world)
            await world.pass_by(minutes=minutes)
        if not troubles:
            await world.pass_by(minutes=DURING)
    return prometheus.evaluate()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a pod gets by its role."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


async def test_every_alert_has_a_trouble_that_it_is_about() -> None:
    assert {trouble.alert for trouble in TROUBLES.values()} == set(alerts_of("autoscaler"))


async def test_without_trouble_none_fires(tmp_path: Path) -> None:
    assert firing(await play(tmp_path)) == set()


@pytest.mark.parametrize("what", TROUBLES)
async def test_its_alert_fires_and_no_unrelated_one(what: str, tmp_path: Path) -> None:
    found = await play(tmp_path, TROUBLES[what])
    assert firing(found, 0, BEFORE) == set()
    assert firing(found, BEFORE) >= {TROUBLES[what].alert}
    assert firing(found, BEFORE) <= {TROUBLES[what].alert} | TROUBLES[what].more


async def test_every_panel_of_the_dashboard_has_an_answer(tmp_path: Path) -> None:
    whats = ("a tag lies", "pods cannot be evicted", "groups may not be read")
    found = await play(tmp_path, *(TROUBLES[what] for what in whats), minutes=6)
    assert found.unanswered == set()
