"""Changes of links and rules are heard of, and what pods left behind is found and removed."""

from collections.abc import AsyncIterator

import pytest

from addons.cni.controller.recovery import routed
from addons.cni.net.leaks import LEFT_SECONDS, left_links
from addons.cni.net.links import DOWNS_OF_NEW, LinkChanged, LinkEvent, LinkMonitor, RulesChanged
from tests.support.cni_net import Host, eni, host, pod
from tests.support.fabric import site

ENIS = (eni(1, 0, "10.0.1.4", "10.0.1.60", "10.0.1.61"),)


@pytest.fixture
async def on() -> AsyncIterator[Host]:
    with site() as made:
        async with host(made, made.one, *ENIS) as ready:
            yield ready


@pytest.fixture
async def monitor(on: Host) -> AsyncIterator[LinkMonitor]:
    async with on.inside.call(LinkMonitor) as made:
        yield made


async def heard(monitor: LinkMonitor, wanted: type[LinkEvent], **fields: object) -> LinkEvent:
    """Wait for the first change of this kind that is as wanted."""
    while True:
        for event in await monitor.changes():
            if isinstance(event, wanted) and all(getattr(event, key) == fields[key] for key in fields):
                return event


class TestChanges:
    async def test_a_pod_s_link_is_heard_of_with_whose_it_is(self, on: Host, monitor: LinkMonitor) -> None:
        async with pod(on, "10.0.1.60") as (_, wiring):
            told = await heard(monitor, LinkChanged, name=wiring.host_if, is_running=True, alias=wiring.alias)
            assert isinstance(told, LinkChanged)
            assert told.mac == "ce:00:0a:00:01:3c"

    async def test_a_pod_is_heard_of_only_when_its_link_runs(self, on: Host, monitor: LinkMonitor) -> None:
        """Else each new pod would look like one whose link was down, and has come up again."""
        async with pod(on, "10.0.1.60") as (_, wiring):
            told = await heard(monitor, LinkChanged, alias=wiring.alias)
            assert isinstance(told, LinkChanged)
            assert (told.is_running, told.downs) == (True, DOWNS_OF_NEW)

    async def test_a_pod_that_takes_its_link_down_and_up(self, on: Host, monitor: LinkMonitor) -> None:
        async with pod(on, "10.0.1.60") as (sandbox, wiring):
            await heard(monitor, LinkChanged, alias=wiring.alias, is_running=True)
            assert sandbox.inside
            sandbox.inside.ip("link set eth0 down", "link set eth0 up")
            await heard(monitor, LinkChanged, alias=wiring.alias, is_running=True, downs=DOWNS_OF_NEW + 1)

    async def test_a_link_that_goes_with_its_pod(self, on: Host, monitor: LinkMonitor) -> None:
        async with pod(on, "10.0.1.60") as (_, wiring):
            pass
        await heard(monitor, LinkChanged, alias=wiring.alias, is_there=False)

    async def test_what_happened_while_nobody_listened(self, on: Host) -> None:
        async with pod(on, "10.0.1.60") as (sandbox, wiring):
            assert sandbox.inside
            sandbox.inside.ip("link set eth0 down", "link set eth0 up")
            async with on.inside.call(LinkMonitor) as late:
                await heard(late, LinkChanged, alias=wiring.alias, downs=DOWNS_OF_NEW + 1)

    async def test_an_interface_that_is_attached(self, on: Host, monitor: LinkMonitor) -> None:
        on.inside.ip("link add eth1 address 02:00:00:00:00:03 type veth peer name other")
        await heard(monitor, LinkChanged, mac="02:00:00:00:00:03", is_there=True)

    async def test_rules_that_somebody_removes(self, on: Host, monitor: LinkMonitor) -> None:
        on.inside.ip("rule del pref 512")
        await heard(monitor, RulesChanged)
        assert (await on.ensure()).amiss == ("rule 512: from all lookup 200: is not there",)


class TestLeft:
    async def test_a_link_that_no_sandbox_holds_goes_after_a_minute(self, on: Host) -> None:
        async with pod(on, "10.0.1.60") as (_, held), pod(on, "10.0.1.61") as (_, left):
            observed = await on.network.observe()
            links, ways = observed.links, routed(observed)
            found, since = left_links(links, [held.key], {}, 100.0, routed=ways)
            assert found == []
            found, _ = left_links(links, [held.key], since, 100.0 + LEFT_SECONDS, routed=ways)
            assert [link.name for link in found] == [left.host_if]
            await on.network.remove_links(found)
            assert left.host_if not in on.ip("link")
            assert held.host_if in on.ip("link")

    async def test_links_of_others_stay(self, on: Host) -> None:
        on.inside.ip("link add eni123 type veth peer name other", "link set eni123 alias somebody")
        links = (await on.network.observe()).links
        assert left_links(links, [], {}, 0.0, routed=()) == ([], {})

    async def test_a_pair_that_a_killed_daemon_left_half_made_goes_and_one_to_which_a_route_leads_stays(
        self, on: Host
    ) -> None:
        for name, mac in (("eni123", "ce:00:0a:00:01:3c"), ("eni124", "ce:00:0a:00:01:3d")):
            on.inside.ip(
                f"link add {name} address {mac} type veth peer name of-{name}", f"link set {name} up"
            )
        on.inside.ip("route add 10.0.1.61 dev eni124 table 200")
        observed = await on.network.observe()
        _, since = left_links(observed.links, [], {}, 0.0, routed=routed(observed))
        found, _ = left_links(observed.links, [], since, LEFT_SECONDS, routed=routed(observed))
        assert [link.name for link in found] == ["eni123"]
