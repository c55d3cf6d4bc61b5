"""The alerts about the redirect fire on the metrics of a daemon whose redirect is removed, or cannot be made.

Time is virtual, the kernel is real, and Prometheus's own engine evaluates the rules.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from addons.iamproxy.net.redirect import Redirect
from addons.iamproxy.net.table import RedirectSettings
from addons.runtime.decisions import Decisions
from addons.runtime.web import StatusServer
from addons.sim.net import Namespace as Inside
from tests.support.capabilities import CAP_NET_ADMIN, without
from tests.support.namespaces import Namespace
from tests.support.processes import output_of
from tests.support.prometheus import Evaluation, Prometheus, firing, forget_metrics
from tests.support.virtual import run_virtual

pytestmark = pytest.mark.usefixtures("prometheus")

BEFORE, DURING = 10, 10
"""Minutes without trouble, and with it."""

Story = Callable[[], Awaitable[None]]


def play(node: Namespace, story: Story) -> list[Evaluation]:
    """Play a story around a redirect that is kept; the alerts meanwhile."""
    forget_metrics()
    prometheus = Prometheus("iamproxy")

    async def main() -> None:
        redirect = Inside(node.name).call(lambda: Redirect(RedirectSettings()))
        await redirect.ensure()
        stopping = asyncio.Event()
        keeping = asyncio.create_task(redirect.keep(stopping))
        server = StatusServer("127.0.0.1:0", name="iamproxy", ready=str, state=dict, decisions=Decisions())
        async with prometheus.watching(server):
            await asyncio.sleep(BEFORE * 60)
            await story()
        stopping.set()
        await keeping
        redirect.close()

    run_virtual(main())
    return [about_the_redirect(evaluation) for evaluation in prometheus.evaluate()]


def about_the_redirect(evaluation: Evaluation) -> Evaluation:
    """Leave out the alerts about parts of the daemon that do not run here."""
    return Evaluation(evaluation.at, [alert for alert in evaluation.alerts if "Redirect" in alert.name])


@pytest.fixture
def node(new_namespace: Callable[[], Namespace]) -> Namespace:
    """The network of a node."""
    return new_namespace()


def test_without_trouble_none_fires(node: Namespace) -> None:
    async def story() -> None:
        await asyncio.sleep(DURING * 60)

    assert firing(play(node, story)) == set()


def test_a_redirect_that_somebody_removes_is_told_of(node: Namespace) -> None:
    async def story() -> None:
        output_of(*node.command("nft", "flush", "ruleset"))
        await asyncio.sleep(DURING * 60)

    found = play(node, story)
    assert firing(found, 0, BEFORE) == set()
    assert found[-1].firing == {"AddonsIamproxyRedirectChanged"}


def test_a_redirect_that_may_not_be_made_is_told_of(node: Namespace) -> None:
    async def story() -> None:
        output_of(*node.command("nft", "flush", "ruleset"))
        with without(CAP_NET_ADMIN):
            await asyncio.sleep(DURING * 60)

    found = play(node, story)
    assert firing(found, 0, BEFORE) == set()
    assert found[-1].firing == {"AddonsIamproxyRedirectMissing"}
