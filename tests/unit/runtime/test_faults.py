"""What keeps a daemon from its work is told once when it begins, and shown as long as it lasts."""

import asyncio
from collections.abc import Awaitable, Callable

from prometheus_client import REGISTRY

from addons.runtime.decisions import Decisions
from addons.runtime.faults import Faults
from addons.runtime.outcomes import Fault, ObjectRef
from addons.runtime.reporter import Reporter
from tests.support.virtual import run_virtual
from tests.unit.runtime.test_reporter import Events

POD = ObjectRef("Pod", "kube-system", "aws-dns-0", "uid")
ZONE = Fault("aws", "example.com (Z1)", "AccessDenied", "not authorized to list")


class Told:
    """The faults of a daemon, which tests set, and what is told of them."""

    def __init__(self) -> None:
        self.there: set[Fault] = set()
        self.events = Events()
        self.decisions = Decisions()
        reporter = Reporter(decisions=self.decisions, events=self.events)  # type: ignore[arg-type]
        self.faults = Faults([lambda: self.there], reporter=reporter, pod=POD)

    def play(self, story: Callable[[], Awaitable[None]]) -> None:
        """Let the daemon look at its faults while something happens."""

        async def main() -> None:
            stopping = asyncio.Event()
            task = asyncio.create_task(self.faults.run(stopping))
            await story()
            stopping.set()
            await task

        run_virtual(main())


def gauge(fault: Fault) -> float | None:
    labels = {"side": fault.side, "about": fault.about, "reason": fault.reason}
    return REGISTRY.get_sample_value("addons_degraded", labels)


def test_it_is_an_event_on_our_own_pod_once_and_again_when_it_comes_back() -> None:
    told = Told()
    event = ("pod/kube-system/aws-dns-0", "Warning", "Degraded", "Skip", f"{ZONE.about}: {ZONE.message}")

    async def story() -> None:
        for _ in range(2):
            told.there.add(ZONE)
            await asyncio.sleep(60)
            told.there.clear()
            await asyncio.sleep(60)

    told.play(story)
    assert told.events.made == [event, event]


def test_the_gauge_has_what_it_is_about_and_the_reason_as_long_as_it_lasts() -> None:
    told = Told()

    async def story() -> None:
        told.there.add(ZONE)
        await asyncio.sleep(5)
        assert gauge(ZONE) == 1
        told.there.clear()
        await asyncio.sleep(5)
        assert gauge(ZONE) is None

    told.play(story)


def test_another_reason_is_news_and_other_words_are_not() -> None:
    told = Told()

    async def story() -> None:
        for reason, message in (
            ("Timeout", "after 3.1 s"),
            ("Timeout", "after 3.2 s"),
            ("Throttled", "slow"),
        ):
            told.there = {Fault("aws", "STS", reason, message)}
            await asyncio.sleep(5)

    told.play(story)
    assert [message for *_, message in told.events.made] == ["STS: after 3.1 s", "STS: slow"]
