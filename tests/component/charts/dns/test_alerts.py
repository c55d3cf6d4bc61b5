"""Every alert of the dns chart fires on the metrics of a daemon that has the trouble it names, and no other.

The daemon, its world and its scrapes are on virtual time; Prometheus's own engine evaluates the rules.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from tests.support.aws_thread import aws_in_thread
from tests.support.dns_cluster import Cluster
from tests.support.dns_world import CHANGE, service
from tests.support.prometheus import Evaluations, Prometheus, alerts_of, firing, forget_metrics
from tests.support.status import status
from tests.support.virtual import run_virtual, virtual_now

pytestmark = pytest.mark.usefixtures("prometheus")

DENIED: dict[str, Any] = {"code": "AccessDenied", "message": "not authorized", "status": 403, "times": None}
REFUSED: dict[str, Any] = {"code": "InvalidChangeBatch", "message": "no such thing", "times": None}
BEFORE, DURING = 10, 30
"""Minutes of work without trouble, and with it."""

FLAGS = ("--delete-budget=5", "--aws-zones-cache-duration=5m", "--audit-interval=5m")


class World(Cluster):
    """A cluster in which names come and go."""

    def fault(self, **what: Any) -> None:
        """Let calls to AWS fail from now on."""
        self.aws.faults.add(**what)

    async def live(self, minutes: int, name: str) -> None:
        """A Service comes and stays; another comes every other minute, and goes a minute later."""
        self.create(service(name, "192.0.2.8"))
        for _ in range(minutes // 2):
            self.create(service("brief", "192.0.2.7"))
            await asyncio.sleep(60)
            self.delete("brief")
            await asyncio.sleep(60)

    def lose_services(self) -> None:
        """Many names are not asked for any more, at once."""
        for number in range(10):
            self.delete(f"app-{number}")

    def ask_for_a_name_of_others(self) -> None:
        """A Service wants a name that has a record of somebody else."""
        self.foreign("taken", "192.0.2.99")
        self.create(service("taken", "192.0.2.1"))

    def forbid(self, resource: str) -> None:
        """The API server refuses every request about a resource; a watch goes on until it ends by itself."""
        self.api.faults.add(Fault(resource=resource, status=403))


Begin = Callable[[World], None]


@dataclass(frozen=True)
class Trouble:
    """What goes wrong, and the alert that says so."""

    alert: str
    begin: Begin


def denied(operation: str) -> Begin:
    """IAM rights that the daemon lacks."""
    return lambda world: world.fault(operation=operation, **DENIED)


TROUBLES: Mapping[str, Trouble] = {
    "zones may not be listed": Trouble("AddonsDnsPassesFail", denied("ListHostedZones")),
    "records may not be read": Trouble("AddonsDnsPassesFail", denied("ListResourceRecordSets")),
    "records may not be changed": Trouble("AddonsDnsPassesFail", denied(CHANGE)),
    "a record is refused": Trouble(
        "AddonsDnsRecordsRefused", lambda world: world.fault(operation=CHANGE, **REFUSED)
    ),
    "the lease cannot be renewed": Trouble("AddonsDnsNoLeader", lambda world: world.forbid("leases")),
    "services may not be read": Trouble("AddonsDnsSourceStale", lambda world: world.forbid("services")),
    "a source loses its objects": Trouble("AddonsDnsDeletesHeld", World.lose_services),
    "a name is taken": Trouble("AddonsDnsNamesTaken", World.ask_for_a_name_of_others),
}


Story = Callable[[World], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Story, Begin], Evaluations]:
    """Play a story to a daemon that is started in a world where something begins; the alerts meanwhile."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    async def main(aws: AwsEndpoint, prometheus: Prometheus, story: Story, begin: Begin) -> None:
        async with KubeApi() as api:
            world = World(api, aws, tmp_path / "kubeconfig")
            world.create(*(service(f"app-{number}", "192.0.2.1") for number in range(10)))
            begin(world)
            async with world.running(*FLAGS, replica="one", now=virtual_now) as controller:
                ready = controller.watches.not_ready
                async with (
                    status("dns", world.parts, controller, not_ready=ready) as server,
                    prometheus.watching(server),
                ):
                    await story(world)

    def run(story: Story, begin: Begin = lambda world: None) -> Evaluations:
        forget_metrics()
        prometheus = Prometheus("dns")
        with aws_in_thread() as aws:
            run_virtual(main(aws, prometheus, story, begin))
        return prometheus.evaluate()

    return run


def test_every_alert_has_a_trouble_that_it_is_about() -> None:
    assert {trouble.alert for trouble in TROUBLES.values()} == set(alerts_of("dns"))


def test_without_trouble_none_fires(play: Callable[..., Evaluations]) -> None:
    async def story(world: World) -> None:
        await world.live(BEFORE + DURING, "only")

    assert firing(play(story), 0, BEFORE + DURING) == set()


@pytest.mark.parametrize("what", TROUBLES)
def test_its_alert_fires_and_no_other(what: str, play: Callable[..., Evaluations]) -> None:
    async def story(world: World) -> None:
        await world.live(BEFORE, "before")
        TROUBLES[what].begin(world)
        await world.live(DURING, "during")

    found = play(story)
    assert firing(found, 0, BEFORE) == set()
    assert found[-1].firing == {TROUBLES[what].alert}


def test_every_panel_of_the_dashboard_has_an_answer(play: Callable[..., Evaluations]) -> None:
    async def story(world: World) -> None:
        await world.live(BEFORE, "before")
        world.ask_for_a_name_of_others()
        world.lose_services()
        await world.live(6, "during")
        TROUBLES["records may not be changed"].begin(world)
        await world.live(6, "end")

    assert play(story).unanswered == set()


@pytest.mark.parametrize(
    ("operation", "about"), [("ListHostedZones", "hosted zones"), (CHANGE, "public zone example.com")]
)
def test_the_alert_and_its_metric_name_the_zone_and_the_reason(
    operation: str, about: str, play: Callable[..., Evaluations]
) -> None:
    async def story(world: World) -> None:
        await world.live(DURING, "during")

    (alert,) = play(story, denied(operation))[-1].alerts
    assert alert.labels["about"].startswith(about)
    assert about in alert.annotations["summary"]
    labels = {"side": "aws", "about": alert.labels["about"], "reason": "AccessDenied"}
    assert REGISTRY.get_sample_value("addons_degraded", labels) == 1


def test_a_daemon_without_iam_rights_is_told_of_from_its_start_until_it_has_them(
    play: Callable[..., Evaluations],
) -> None:
    async def story(world: World) -> None:
        await world.live(DURING, "during")
        world.aws.faults.clear()
        await world.live(BEFORE, "after")

    found = play(story, denied("ListHostedZones"))
    assert firing(found, 20, DURING) == {"AddonsDnsPassesFail"}
    assert firing(found, DURING + 5, DURING + BEFORE) == set()
