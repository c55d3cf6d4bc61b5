"""Every alert of the iamproxy chart fires on the metrics of a daemon with the trouble it names, and no other.

The daemon, its world and its scrapes are on virtual time; Prometheus's own engine evaluates the rules. The
alerts about the redirect need a kernel: tests/netns/test_iamproxy_alerts.py.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from tests.support.aws_thread import aws_in_thread
from tests.support.iamproxy_world import World as IamproxyWorld
from tests.support.iamproxy_world import pod
from tests.support.metadata import ROLES, Client
from tests.support.prometheus import Evaluations, Prometheus, alerts_of, firing, forget_metrics
from tests.support.status import status
from tests.support.virtual import START, run_virtual, virtual_now

pytestmark = pytest.mark.usefixtures("prometheus")

PODS = 4
BEFORE, DURING, LONG = 6, 20, 65
"""Minutes of work without trouble, with it, and with it until all credentials have expired."""

OF_THE_REDIRECT = {"AddonsIamproxyRedirectMissing", "AddonsIamproxyRedirectChanged"}


class World(IamproxyWorld):
    """A node whose pods ask for their credentials every minute."""

    port = 0
    prometheus: Prometheus

    def furnish(self) -> None:
        """Create the pods, each with a role of its own, and a policy that permits all of them."""
        self.policy.write_text('rules: [{name: all, roles: ["*"]}]')
        for number in range(PODS):
            self.start(number)

    def start(self, number: int) -> None:
        """A pod with a role of its own comes."""
        self.aws.sts.create_role(f"web-{number}")
        self.create(pod(f"a-{number}", f"127.0.2.{number + 1}", role=f"web-{number}"))

    @property
    def policy(self) -> Path:
        """The policy file."""
        return self.folder / "policy.yaml"

    async def live(self, minutes: int) -> None:
        """Let time pass, in which pods ask."""
        for _ in range(minutes):
            await asyncio.gather(*(self.ask(number) for number in range(PODS)))
            await asyncio.sleep(60)

    async def ask(self, number: int) -> None:
        """Ask as a pod for its credentials."""
        async with Client(self.port, source=f"127.0.2.{number + 1}") as web:
            await web.get(f"{ROLES}web-{number}")

    def fault(self, **what: Any) -> None:
        """Let calls to STS fail from now on."""
        self.aws.faults.add(operation="AssumeRole", times=None, **what)


Story = Callable[[World], Awaitable[None]]


async def sts_is_cut_off(world: World) -> None:
    """No call to STS is answered, until all credentials have expired."""
    world.fault()
    await world.live(LONG)


async def sts_denies(world: World) -> None:
    """A pod comes whose role STS denies."""
    world.fault(code="AccessDenied", message="not authorized", status=403)
    world.start(PODS)
    await world.live(DURING)


async def own_credentials_have_expired(world: World) -> None:
    """STS takes the daemon's own credentials no more, when pods come."""
    world.fault(code="ExpiredToken", message="expired", status=403)
    world.start(PODS)
    await world.live(DURING)


async def namespaces_may_not_be_read(world: World) -> None:
    """The API server refuses namespaces; a watch goes on until it ends by itself."""
    world.api.faults.add(Fault(resource="namespaces", status=403))
    await world.live(DURING)


async def the_policy_is_mistyped(world: World) -> None:
    """Somebody makes the policy file unreadable."""
    world.policy.write_text("rules: [{name: all")
    await world.live(DURING)


async def a_pod_in_the_network_of_the_node_comes(world: World) -> None:
    """The kernel cannot tell such a pod from the node."""
    hosted = pod("hosted", "10.0.0.1")
    hosted["spec"]["hostNetwork"] = True
    world.create(hosted)
    await world.live(DURING)


async def nobody_answers(world: World) -> None:
    """Prometheus does not reach the daemon."""
    await world.prometheus.outage(DURING * 60)


@dataclass(frozen=True)
class Trouble:
    """What goes wrong, and the alerts that say so."""

    story: Story
    alerts: set[str]


TROUBLES: Mapping[str, Trouble] = {
    "STS is cut off": Trouble(
        sts_is_cut_off,
        {
            "AddonsIamproxyStsUnavailable",
            "AddonsIamproxyCredentialsExpiring",
            "AddonsIamproxyCredentialsLate",
        },
    ),
    "STS denies a role": Trouble(sts_denies, {"AddonsIamproxyRolesDenied"}),
    "own credentials have expired": Trouble(own_credentials_have_expired, {"AddonsIamproxyStsUnavailable"}),
    "namespaces may not be read": Trouble(namespaces_may_not_be_read, {"AddonsIamproxyNotReady"}),
    "the policy is mistyped": Trouble(the_policy_is_mistyped, {"AddonsIamproxyPolicyUnreadable"}),
    "a pod is uncovered": Trouble(a_pod_in_the_network_of_the_node_comes, {"AddonsIamproxyPodsUncovered"}),
    "nobody answers": Trouble(nobody_answers, {"AddonsIamproxyDown"}),
}

Play = Callable[[Story], Evaluations]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    """Play a story to a daemon that has just started; the alerts meanwhile."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return play_to_daemon


def play_to_daemon(story: Story) -> Evaluations:
    """Play a story to a daemon with the credentials of the environment."""
    forget_metrics()
    prometheus = Prometheus("iamproxy")

    async def main(aws: AwsEndpoint, folder: Path) -> None:
        loop = asyncio.get_running_loop()
        aws.sts.now = lambda: START + timedelta(seconds=loop.time())
        async with KubeApi() as api:
            world = World(api, aws, folder, now=virtual_now)
            world.furnish()
            world.prometheus = prometheus
            flags = (f"--policy-file={world.policy}",)
            async with (
                world.running(*flags, uncovered=lambda: "no cgroup v2") as controller,
                world.serving(controller) as world.port,
            ):
                ready = controller.not_ready
                async with (
                    status("iamproxy", world.parts, controller, not_ready=ready) as server,
                    prometheus.watching(server),
                ):
                    await story(world)

    with aws_in_thread() as aws, tempfile.TemporaryDirectory(prefix="iam") as folder:
        run_virtual(main(aws, Path(folder)))
    return prometheus.evaluate()


def test_every_alert_has_a_trouble_that_it_is_about() -> None:
    told = {alert for trouble in TROUBLES.values() for alert in trouble.alerts}
    assert told | OF_THE_REDIRECT == set(alerts_of("iamproxy"))


def test_without_trouble_none_fires(play: Play) -> None:
    async def story(world: World) -> None:
        await world.live(BEFORE + LONG)

    assert firing(play(story)) - OF_THE_REDIRECT == set()


@pytest.mark.parametrize("what", TROUBLES)
def test_its_alert_fires_and_no_other(what: str, play: Play) -> None:
    async def story(world: World) -> None:
        await world.live(BEFORE)
        await TROUBLES[what].story(world)

    found = play(story)
    assert firing(found, 0, BEFORE) - OF_THE_REDIRECT == set()
    assert found[-1].firing - OF_THE_REDIRECT == TROUBLES[what].alerts


def test_every_panel_of_the_dashboard_has_an_answer(play: Play) -> None:
    async def story(world: World) -> None:
        await world.live(BEFORE)
        world.fault(code="ExpiredToken", message="expired", status=403)
        world.start(PODS)
        for _ in range(5):
            await world.ask(PODS)
            await world.live(1)

    assert play(story).unanswered == set()


def test_a_daemon_without_credentials_of_its_own_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")

    async def story(world: World) -> None:
        await world.live(DURING)

    assert play_to_daemon(story)[-1].firing - OF_THE_REDIRECT == {
        "AddonsIamproxyNotReady",
        "AddonsIamproxyStsUnavailable",
        "AddonsIamproxyCredentialsLate",
    }
