"""Every alert of the albingress chart fires on the metrics of a daemon with the trouble it names.

The daemon, its world and its scrapes are on virtual time; Prometheus's own engine evaluates the rules.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from tests.support.alb_world import NETWORKING, World, ingress, ingress_class
from tests.support.aws_thread import aws_in_thread
from tests.support.prometheus import Evaluations, Prometheus, alerts_of, firing, forget_metrics
from tests.support.status import status
from tests.support.virtual import run_virtual

pytestmark = [pytest.mark.timeout(180), pytest.mark.usefixtures("prometheus")]

DENIED: dict[str, Any] = {"code": "AccessDenied", "message": "not authorized", "status": 403, "times": None}
BEFORE, DURING = 10, 30
"""Minutes of work without trouble, and with it."""

FLAGS = ("--sync-period=5m",)
MANY = tuple(f"app-{number}" for number in range(15))


class Site(World):
    """A cluster in which an Ingress comes and goes, and pods are replaced."""

    def fault(self, **what: Any) -> None:
        """Let calls to AWS fail from now on."""
        self.aws.faults.add(**what)

    async def live(self, minutes: int) -> None:
        """Every other minute an Ingress comes, and the pods of another are new; it goes a minute later."""
        for number in range(minutes // 2):
            self.ingresses(ingress("brief", "/brief=web"))
            self.endpoints("web", f"192.168.0.{100 + number}")
            await asyncio.sleep(60)
            self.delete("brief")
            await asyncio.sleep(60)

    def forbid(self, resource: str) -> None:
        """The API server refuses every request about a resource; watches end, as they do now and then."""
        self.api.faults.add(Fault(resource=resource, status=403))
        self.api.store.close_watches()

    def break_an_ingress(self) -> None:
        """Somebody names a Service that is not there."""
        self.ingresses(ingress("wrong", "/wrong=gone"))

    def stop_asking(self) -> None:
        """Somebody gives all Ingresses of a large group a class of another controller, at once."""
        other = ingress_class("others", controller="example.com/other")
        self.create(other, kind="ingressclasses", version=NETWORKING)
        for name in MANY:
            self.ingresses(ingress(name, group="large", in_class="others"))


Begin = Callable[[Site], None]


@dataclass(frozen=True)
class Trouble:
    """What goes wrong, the alert that says so, and others that tell of what comes of it."""

    alert: str
    begin: Begin
    more: frozenset[str] = frozenset()


def denied(operation: str) -> Begin:
    """IAM rights that the daemon lacks."""
    return lambda site: site.fault(operation=operation, **DENIED)


TROUBLES: Mapping[str, Trouble] = {
    "the lease cannot be renewed": Trouble("AddonsAlbingressNoLeader", lambda site: site.forbid("leases")),
    "load balancers may not be read": Trouble("AddonsAlbingressPassesFail", denied("DescribeLoadBalancers")),
    "services may not be read": Trouble(
        "AddonsAlbingressSourceStale",
        lambda site: site.forbid("services"),
        frozenset({"AddonsAlbingressTargetsWait"}),
    ),
    "targets may not be registered": Trouble(
        "AddonsAlbingressTargetsWait",
        denied("RegisterTargets"),
        frozenset({"AddonsAlbingressPassesFail"}),
    ),
    "an Ingress is wrong": Trouble("AddonsAlbingressBrokenRules", Site.break_an_ingress),
    "a class is given to others": Trouble("AddonsAlbingressDeletesHeld", Site.stop_asking),
}

Story = Callable[[Site], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Story], Evaluations]:
    """Play a story to a daemon; the alerts meanwhile."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    async def main(aws: AwsEndpoint, prometheus: Prometheus, story: Story) -> None:
        async with KubeApi() as api:
            site = Site(api, aws, tmp_path)
            site.serve("web", *MANY)
            site.ingresses(ingress("web"), *(ingress(name, group="large") for name in MANY))
            async with site.running(*FLAGS, replica="one") as controller:
                ready = controller.not_ready
                async with (
                    status("albingress", site.parts, controller, not_ready=ready) as server,
                    prometheus.watching(server),
                ):
                    await site.is_served("web", *MANY)
                    await story(site)

    def run(story: Story) -> Evaluations:
        forget_metrics()
        prometheus = Prometheus("albingress")
        with aws_in_thread() as aws:
            run_virtual(main(aws, prometheus, story))
        return prometheus.evaluate()

    return run


def test_every_alert_has_a_trouble_that_it_is_about() -> None:
    assert {trouble.alert for trouble in TROUBLES.values()} == set(alerts_of("albingress"))


def test_without_trouble_none_fires(play: Callable[..., Evaluations]) -> None:
    async def story(site: Site) -> None:
        await site.live(BEFORE + DURING)

    assert firing(play(story), 0, BEFORE + DURING) == set()


@pytest.mark.parametrize("what", TROUBLES)
def test_its_alert_fires_and_no_unrelated_one(what: str, play: Callable[..., Evaluations]) -> None:
    async def story(site: Site) -> None:
        await site.live(BEFORE)
        TROUBLES[what].begin(site)
        await site.live(DURING)

    found = play(story)
    assert firing(found, 0, BEFORE) == set()
    assert found[-1].firing == {TROUBLES[what].alert} | TROUBLES[what].more


def test_every_panel_of_the_dashboard_has_an_answer(play: Callable[..., Evaluations]) -> None:
    async def story(site: Site) -> None:
        await site.live(BEFORE)
        for what in ("an Ingress is wrong", "targets may not be registered", "a class is given to others"):
            TROUBLES[what].begin(site)
            await site.live(5)

    assert play(story).unanswered == set()
