"""autoscaler as a process: settings, one pass, dry run, check, explain, health, metrics, signals."""

import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from addons.sim.ports import free_port
from tests.support.as_daemons import DISCOVERY, QUICK
from tests.support.as_objects import pod, replica_set
from tests.support.as_world import CLUSTER, REGION, AutoscalerWorld, autoscaler_world
from tests.support.processes import Ended, ended, run, running
from tests.support.until import until

FACTOR = 0.02


class Site:
    """The world around the process, in which time goes fifty times as fast."""

    def __init__(self, world: AutoscalerWorld) -> None:
        self.world = world

    @asynccontextmanager
    async def process(self, *flags: str, discovers: bool = True) -> AsyncIterator[Process]:
        environment = {
            **os.environ,
            "AWS_REGION": REGION,
            "ADDONS_AUTOSCALER_AWS_ENDPOINT_URL": self.world.aws.url,
            "ADDONS_AUTOSCALER_CLUSTER_NAME": CLUSTER,
            "ADDONS_AUTOSCALER_NAMESPACE": "kube-system",
            "KUBECONFIG": str(self.world.kubeconfig),
        }
        found = (DISCOVERY,) if discovers else ()
        command = (sys.executable, "-m", "addons.autoscaler", *flags, *found)
        async with running(*command, env=environment, stdout=PIPE, stderr=PIPE) as started:
            yield started

    async def run(self, *flags: str, **more: Any) -> Ended:
        """How a process ends by itself."""
        async with self.process(*flags, **more) as started:
            return await ended(started)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with autoscaler_world(tmp_path, factor=FACTOR) as world:
        yield Site(world)


async def page(port: int, path: str) -> tuple[int, str]:
    """What a path says; 0 before somebody listens."""
    with suppress(aiohttp.ClientConnectionError):
        async with aiohttp.request("GET", f"http://127.0.0.1:{port}{path}") as reply:
            return reply.status, await reply.text()
    return 0, ""


async def state(port: int) -> dict[str, Any]:
    """What the daemon says of itself; nothing before it has made a pass."""
    status, text = await page(port, "/api/state")
    found: dict[str, Any] = json.loads(text) if status == 200 else {}
    return found if found.get("lastPass") else {}


class TestOnce:
    async def test_a_single_pass_orders_what_is_needed_and_exits(self, site: Site) -> None:
        site.world.add_group("a")
        site.world.create(pod("web"))
        await until(lambda: site.world.waiting("web"))
        await until(lambda: "conditions" in site.world.pods("web")[0]["status"])
        code, out, err = await site.run("--once")
        assert (code, out) == (0, ""), err
        assert site.world.desired("a") == 1
        assert site.world.events("TriggeredScaleUp", "web")

    async def test_a_single_pass_with_a_failure_exits_with_3_and_names_it(self, site: Site) -> None:
        site.world.add_group("a")
        site.world.create(pod("web"))
        await until(lambda: "conditions" in site.world.pods("web")[0]["status"])
        site.world.refuse("SetDesiredCapacity", "AccessDenied", status=403, message="not you", times=None)
        code, _, err = await site.run("--once")
        assert code == 3
        assert "failed: a: " in err
        assert "not you" in err

    async def test_that_no_group_is_named_is_said(self, site: Site) -> None:
        _, _, err = await site.run("--once", discovers=False)
        assert "no groups are named: nothing grows without --nodes or" in err

    async def test_a_group_that_does_not_exist_is_named(self, site: Site) -> None:
        code, _, err = await site.run("--once", "--nodes=1:3:gone", discovers=False)
        assert code == 3
        assert "gone" in err


class TestDryRun:
    async def test_it_prints_json_lines_and_only_reads(self, site: Site) -> None:
        site.world.add_group("a")
        site.world.create_sets(replica_set("web", 3))
        await until(lambda: len(site.world.waiting("web")) == 3)
        await until(lambda: all("conditions" in each["status"] for each in site.world.pods("web")))
        asked = {request.verb for request in site.world.api.requests}
        site.world.api.requests.clear()
        code, out, err = await site.run("--once", "--dry-run")
        assert code == 0, err
        (line,) = [json.loads(each) for each in out.splitlines()]
        assert (line["action"], line["object"]) == ("grow", "group/a")
        assert line["details"] == {"from": 0, "to": 1, "pods": 3, "probe": True}
        assert site.world.asked() == []
        assert site.world.events() == []
        assert {request.verb for request in site.world.api.requests} <= {"list", "watch", "get"}, asked

    async def test_a_daemon_in_a_dry_run_changes_nothing_either(self, site: Site) -> None:
        site.world.add_group("a")
        site.world.create(pod("web"))
        async with site.process("--dry-run", "--listen=127.0.0.1:0", "--scan-interval=1s") as process:
            assert process.stdout is not None
            line = json.loads(await process.stdout.readline())
            assert line["action"] == "grow"
        assert site.world.asked() == []
        assert site.world.store.list("v1", "configmaps") == []


class TestCheck:
    async def test_it_tells_what_a_daemon_would_find_and_changes_nothing(self, site: Site) -> None:
        site.world.add_group("a", labels={"disk": "ssd"})
        code, out, err = await site.run("check")
        assert code == 0, (out, err)
        for each in (
            "AWS identity",
            "Lease",
            "cluster-autoscaler",
            "clock",
            "group a",
            "next node of a",
            "plan",
        ):
            assert f"ok    {each}" in out
        assert "cpu 1.93" in out
        assert site.world.asked() == []

    async def test_it_exits_with_3_when_the_clock_is_wrong(self, site: Site) -> None:
        site.world.add_group("a")
        site.world.api.clock_ahead = 3600
        code, out, _ = await site.run("check")
        assert code == 3
        assert "FAIL  clock: the clock here is more than " in out

    async def test_it_exits_with_3_when_there_is_no_group(self, site: Site) -> None:
        code, out, _ = await site.run("check")
        assert code == 3
        assert "FAIL  groups: there is none" in out


class TestKills:
    """Killed at any moment, the next process goes on from what AWS, nodes and its notes say."""

    async def test_between_an_order_and_its_node_nothing_is_ordered_twice(self, site: Site) -> None:
        world = site.world
        world.add_group("a")
        world.create(pod("web"))
        flags = ("--no-leader-elect", "--listen=127.0.0.1:0")
        async with site.process(*flags):
            await until(lambda: world.asked())
        for _ in range(2):
            async with site.process(*flags, "--scan-interval=1s") as process:
                await until(lambda: world.is_settled("web"), unless=lambda: str(process.returncode or ""))
        assert (world.desired("a"), world.started("a")) == (1, 1)

    async def test_in_the_middle_of_a_drain_the_next_goes_on(self, site: Site) -> None:
        world = site.world
        world.add_group("a", desired=2)
        world.create_sets(replica_set("web", 4, cpu="200m"))
        await until(lambda: world.is_settled("web") and len(world.node_names("a")) == 2)
        flags = (*QUICK, "--no-leader-elect", "--listen=127.0.0.1:0")

        def going() -> list[str]:
            mark = "ToBeDeletedByClusterAutoscaler"
            return [name for name in world.node_names() if mark in world.taints(name)]

        async with site.process(*flags):
            (victim,) = await until(going)
        assert victim in world.node_names()
        async with site.process(*flags):
            await until(lambda: victim not in world.node_names() and world.is_settled("web"))
        assert world.desired("a") == 1
        assert world.events("DrainResumed", victim)


class TestDaemon:
    async def test_it_grows_tells_and_stops_in_order(self, site: Site) -> None:
        port = free_port()
        site.world.add_group("a")
        async with site.process(f"--listen=127.0.0.1:{port}") as process:
            site.world.create(pod("web"))
            await until(lambda: site.world.is_settled("web"), seconds=60)

            async def is_told() -> object:
                found = await state(port)
                return found.get("leads") and found["groups"][0]["ready"] == 1 and found

            found = await until(is_told)
            assert found["groups"][0]["group"] == "a"
            assert (await page(port, "/readyz"))[0] == 200
            metrics = (await page(port, "/metrics"))[1]
            assert 'cluster_autoscaler_nodes_count{state="ready"} 1.0' in metrics
            assert "cluster_autoscaler_scaled_up_nodes_total 1.0" in metrics
            assert "a" in (await page(port, "/"))[1]
            url = f"--url=http://127.0.0.1:{port}"
            name = site.world.node_names("a")[0]
            told = await run(sys.executable, "-m", "addons.explain", f"node/{name}", url)
            assert "it is of the group a" in told.out
            process.send_signal(signal.SIGTERM)
            code, _, err = await ended(process)
        assert code == 0, err
        lease = site.world.store.list("coordination.k8s.io/v1", "leases")[0]
        assert lease["spec"]["holderIdentity"] == ""
        assert site.world.store.get("v1", "configmaps", "kube-system", "cluster-autoscaler-status")

    @pytest.mark.parametrize(
        ("flag", "said"),
        [
            ("--nodes=3:1:web", "the minimum 3 is above the maximum 1"),
            ("--scan-interval=0s", "--scan-interval: 0s is not allowed: a duration above 0"),
            ("--max-node-provision-time=0s", "--max-node-provision-time: 0s is not allowed"),
            ("--cores-total=9:1", "--cores-total=9:1: the minimum 9 is above the maximum 1"),
            ("--kube-reserved=cpu=much", "--kube-reserved"),
            ("--node-group-auto-discovery=label:x", "not asg:tag=KEY"),
            ("--expander=cheapest", "--expander"),
        ],
    )
    async def test_a_setting_that_cannot_be_read_is_named_at_once(
        self, site: Site, flag: str, said: str
    ) -> None:
        code, _, err = await site.run(flag, "--listen=127.0.0.1:0", discovers=False)
        assert code == 2
        assert said in err
        assert "Traceback" not in err
