"""STS is away for forty minutes, on virtual time: real server, real controller, and STS over HTTP."""

import asyncio
import json
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from tests.support.aws_thread import aws_in_thread
from tests.support.iamproxy_world import World, pod
from tests.support.metadata import ROLES, Client
from tests.support.virtual import START, run_virtual, virtual_now

PODS = 30
ROLE_COUNT = 10
OUTAGE_MINUTES = 40
FLOOR, COMFORT = timedelta(minutes=10), timedelta(minutes=25)

CUT: dict[str, Any] = {}
UNAVAILABLE: dict[str, Any] = {"code": "ServiceUnavailable", "status": 503}
THROTTLED: dict[str, Any] = {"code": "Throttling", "message": "Rate exceeded"}

Fault = dict[str, Any]

pytestmark = pytest.mark.timeout(180)


class Answer(Struct, frozen=True):
    """What a pod got: credentials with an end, or None; `last` is when those end that STS gave last."""

    at: datetime
    expires: datetime | None
    last: datetime

    @property
    def remaining(self) -> timedelta:
        return (self.expires or self.at) - self.at


class Pods:
    """Thirty of ten roles, in each of which a program starts every minute and asks for credentials."""

    def __init__(self, world: World) -> None:
        self.world = world
        for number in range(ROLE_COUNT):
            world.aws.sts.create_role(f"web-{number}")
        for number in range(PODS):
            world.create(pod(f"a-{number}", f"127.0.2.{number + 1}", role=f"web-{number % ROLE_COUNT}"))

    async def live(self, minutes: int, port: int) -> list[Answer]:
        """Let time pass; the answers meanwhile."""
        answers = []
        for _ in range(minutes):
            answers += await asyncio.gather(*(self.ask(number, port) for number in range(PODS)))
            await asyncio.sleep(60)
        return answers

    async def ask(self, number: int, port: int) -> Answer:
        role = f"web-{number % ROLE_COUNT}"
        async with Client(port, source=f"127.0.2.{number + 1}") as web:
            reply = await web.get(ROLES + role)
        assert reply.status in (200, 503), reply
        found = datetime.fromisoformat(json.loads(reply.body)["Expiration"]) if reply.status == 200 else None
        sessions = self.world.aws.sts.sessions.values()
        last = max(session.expiration for session in sessions if session.role.arn.endswith(f"/{role}"))
        return Answer(virtual_now(), found, last)


class Outage(Struct, frozen=True):
    """What came of it: the answers during it and after it, and how often STS was called during it."""

    during: list[Answer]
    after: list[Answer]
    calls: int


def play(before_minutes: int, fault: Fault) -> Outage:
    """So many minutes of peace, then the outage; after it, a minute in which nobody asks, and ten more."""

    async def story(aws: AwsEndpoint, folder: Path) -> Outage:
        loop = asyncio.get_running_loop()
        aws.sts.now = lambda: START + timedelta(seconds=loop.time())
        async with KubeApi() as api:
            world = World(api, aws, folder, now=virtual_now)
            pods = Pods(world)
            async with world.running() as controller, world.serving(controller) as port:
                await pods.live(before_minutes, port)
                aws.faults.add(operation="AssumeRole", times=None, **fault)
                calls = len(aws.calls)
                during = await pods.live(OUTAGE_MINUTES, port)
                calls = len(aws.calls) - calls
                aws.faults.clear()
                await asyncio.sleep(60)
                return Outage(during, await pods.live(10, port), calls)

    with aws_in_thread() as aws, tempfile.TemporaryDirectory(prefix="iam") as folder:
        return run_virtual(story(aws, Path(folder)))


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


class TestFortyMinutes:
    @pytest.mark.parametrize("fault", [CUT, THROTTLED], ids=["cut", "throttled"])
    def test_at_the_worst_time_everybody_is_served_down_to_the_floor(self, fault: Fault) -> None:
        """It begins just before all renewals are due: more than half of the hour is gone."""
        outage = play(26, fault)
        self.check(outage, tries=5 if fault is THROTTLED else 1)
        assert {answer.expires is None for answer in outage.during} == {True, False}

    def test_at_a_good_time_nobody_notices(self) -> None:
        """It begins just after all renewals: what they brought outlives it by more than ten minutes."""
        outage = play(35, UNAVAILABLE)
        self.check(outage, tries=1)
        assert all(answer.expires for answer in outage.during)

    def check(self, outage: Outage, *, tries: int) -> None:
        """Pods have what STS gave last for as long as that is good, and soon after the outage what is new.

        While STS is away it is called once in 22.5 to 30 seconds, after five failures and some shorter
        pauses; `tries` is how often a call is made that is throttled.
        """
        for answer in outage.during:
            assert answer.expires in (None, answer.last)
            if answer.last - answer.at > FLOOR + timedelta(seconds=1):
                assert answer.expires
            if answer.last - answer.at < FLOOR:
                assert not answer.expires
        assert all(answer.remaining > COMFORT for answer in outage.after)
        assert outage.calls <= tries * (10 + OUTAGE_MINUTES * 60 / 22.5)
