"""dns as a process: settings, one pass, dry run, health, signals."""

import asyncio
import json
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from addons.runtime.app import version
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support.processes import Ended, ended, running
from tests.support.until import until

CHANGE = "ChangeResourceRecordSets"
PREFIX = "external-dns.alpha.kubernetes.io/"


def service(name: str, address: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "annotations": {PREFIX + "hostname": f"{name}.example.com"}},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
        "status": {"loadBalancer": {"ingress": [{"ip": address}]}},
    }


class World:
    """The world around the process."""

    def __init__(self, api: KubeApi, aws: AwsEndpoint, folder: Path) -> None:
        self.api = api
        self.aws = aws
        self.zone_id = aws.route53.create_zone("example.com")
        self.keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
        self._kubeconfig = folder / "kubeconfig"
        self._kubeconfig.write_text(api.kubeconfig())

    def addresses(self) -> dict[str, tuple[str, ...]]:
        found = self.aws.route53.record_sets(self.zone_id)
        return {item.name.removesuffix(".example.com."): item.values for item in found if item.type == "A"}

    @property
    def changes(self) -> int:
        """Calls that have changed something."""
        return sum(call.operation == CHANGE and not call.error for call in self.aws.calls)

    def has_made(self, changes: int) -> bool:
        """Whether so many calls have changed something."""
        return self.changes >= changes

    @asynccontextmanager
    async def process(self, *flags: str, stdout: int = PIPE) -> AsyncIterator[asyncio.subprocess.Process]:
        keys = {**self.keys, "AWS_REGION": "eu-central-1"}
        where = {"ADDONS_DNS_AWS_ENDPOINT_URL": self.aws.url, "KUBECONFIG": str(self._kubeconfig)}
        environment = {**os.environ, **keys, **where, "ADDONS_DNS_TXT_OWNER_ID": "me"}
        command = (sys.executable, "-m", "addons.dns", *flags)
        async with running(*command, env=environment, stdout=stdout, stderr=PIPE) as started:
            yield started

    async def run(self, *flags: str) -> Ended:
        """How a process ends by itself."""
        async with self.process(*flags) as started:
            return await ended(started)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with KubeApi() as api, AwsEndpoint() as aws:
        yield World(api, aws, tmp_path)


async def test_a_single_pass_makes_the_records_and_exits(world: World) -> None:
    world.api.store.create("v1", "services", service("www", "192.0.2.1"))
    code, out, err = await world.run("--once")
    assert (code, out) == (0, ""), err
    assert world.addresses() == {"www": ("192.0.2.1",)}


async def test_a_single_pass_with_a_failure_exits_with_3_and_names_it(world: World) -> None:
    world.api.store.create("v1", "services", service("www", "192.0.2.1"))
    world.aws.faults.add(operation="ChangeResourceRecordSets", code="AccessDenied", message="no", status=403)
    code, _, err = await world.run("--once")
    assert code == 3
    assert f"failed: {world.zone_id}: route53 ChangeResourceRecordSets: no (AccessDenied)" in err


async def test_every_change_of_a_record_is_a_line_in_the_log(world: World) -> None:
    names = [f"w{number}" for number in range(50)]
    for name in names:
        world.api.store.create("v1", "services", service(name, "192.0.2.1"))
    await world.run("--once")
    for name in names:
        world.api.store.update("v1", "services", service(name, "192.0.2.2"))
    _, _, updated = await world.run("--once")
    for name in names:
        world.api.store.delete("v1", "services", "default", name)
    _, _, deleted = await world.run("--once", "--policy=sync", "--delete-budget=100")
    assert len(re.findall(r"updated A w\d+.example.com -> 192.0.2.2, was 192.0.2.1: service", updated)) == 50
    assert len(re.findall(r"deleted A w\d+.example.com -> 192.0.2.2: service/default/w\d+ no", deleted)) == 50


async def test_a_single_pass_without_a_zone_exits_with_3_and_says_which_there_are(world: World) -> None:
    code, _, err = await world.run("--once", "--domain-filter=www.example.com")
    assert code == 3
    zone = f"public zone example.com ({world.zone_id})"
    setting = "the domain filter, without --aws-zone-match-parent"
    told = f"no hosted zone to work on: there are {zone} left out by {setting}"
    assert f"failed: hosted zones: {told}\n" in err
    assert err.count(told) == 2


async def test_a_single_pass_beside_a_leader_says_so_and_needs_force(world: World) -> None:
    world.api.store.create("v1", "services", service("www", "192.0.2.1"))
    async with world.process("--listen=127.0.0.1:0", "--policy=upsert-only"):
        await until(lambda: world.has_made(changes=1))
        world.api.store.create("v1", "services", service("mail", "192.0.2.2"))
        code, _, err = await world.run("--once")
        assert code == 2
        (line,) = [line for line in err.splitlines() if line.startswith("addons dns:")]
        who = f"{socket.gethostname()} leads by the lease default/aws-addons-dns"
        assert line.startswith(f"addons dns: --once: {who} and changes the same things; ")
        assert (await world.run("--once", "--dry-run")).code == 0
        assert (await world.run("--once", "--force")).code == 0
    assert (await world.run("--once", "--no-leader-elect")).code == 0


async def test_a_lease_that_is_over_or_given_back_is_nobody_s(world: World) -> None:
    async with world.process("--listen=127.0.0.1:0") as started:
        await until(lambda: world.api.store.list("coordination.k8s.io/v1", "leases"))
        started.terminate()
        assert (await ended(started)).code == 0
    assert (await world.run("--once")).code == 0


async def test_a_dry_run_for_people_is_a_table_and_a_sum(world: World) -> None:
    world.api.store.create("v1", "services", service("www", "192.0.2.1"))
    code, out, _ = await world.run("--once", "--dry-run", "--output=table")
    key = f"{world.zone_id}/www.example.com"
    assert code == 0
    assert out.splitlines() == [
        f"ACTION  OBJECT               {'NAME'.ljust(len(key))}  BECAUSE",
        f"create  service/default/www  {key}  service/default/www asks for it",
        "in all: 1 create",
    ]


async def test_on_a_terminal_the_table_is_what_comes_by_itself(world: World) -> None:
    read, terminal = os.openpty()
    try:
        async with world.process("--once", "--dry-run", stdout=terminal) as started:
            assert (await ended(started)).code == 0
        assert os.read(read, 4096).startswith(b"nothing to do")
        async with world.process("--once", "--dry-run", "--output=json", stdout=terminal) as started:
            assert (await ended(started)).code == 0
        os.set_blocking(read, False)
        with pytest.raises(BlockingIOError):
            os.read(read, 4096)
    finally:
        os.close(read)
        os.close(terminal)


class TestReaders:
    """What reads the plans of a dry run may go away, or take its time."""

    MANY = 400

    def fill(self, world: World) -> None:
        """More than a pipe holds."""
        for number in range(self.MANY):
            world.api.store.create("v1", "services", service(f"w{number}", "192.0.2.1"))

    async def test_one_that_goes_away_ends_a_single_pass_in_silence(self, world: World) -> None:
        self.fill(world)
        read, write = os.pipe()
        async with world.process("--once", "--dry-run", stdout=write) as started:
            os.close(write)
            assert await asyncio.to_thread(os.read, read, 10)
            os.close(read)
            code, _, err = await ended(started)
        assert code == 0
        assert not re.search("Traceback|stopp|plan", err), err

    @pytest.mark.parametrize("command", ["--help", "--print-config", "check"])
    async def test_one_that_is_gone_is_nothing_to_talk_about(self, world: World, command: str) -> None:
        read, write = os.pipe()
        os.close(read)
        async with world.process(command, stdout=write) as started:
            os.close(write)
            code, _, err = await ended(started)
        assert (code, "BrokenPipe" in err) == (0, False)

    async def test_one_that_goes_away_ends_the_daemon(self, world: World) -> None:
        self.fill(world)
        read, write = os.pipe()
        async with world.process("--dry-run", "--listen=127.0.0.1:0", stdout=write) as started:
            os.close(write)
            assert await asyncio.to_thread(os.read, read, 10)
            os.close(read)
            code, _, err = await ended(started)
        assert code == 0
        assert "Traceback" not in err

    async def test_one_that_stalls_keeps_the_daemon_from_nothing(self, world: World) -> None:
        self.fill(world)
        port = free_port()
        async with world.process("--dry-run", f"--listen=127.0.0.1:{port}") as started:
            async with aiohttp.ClientSession() as client:

                async def has_passed() -> bool:
                    with suppress(aiohttp.ClientError):
                        async with client.get(f"http://127.0.0.1:{port}/api/state") as answer:
                            return bool((await answer.json())["lastPass"])
                    return False

                await until(has_passed)
                async with client.get(f"http://127.0.0.1:{port}/healthz") as answer:
                    assert answer.status == 200
            started.terminate()
            assert await asyncio.wait_for(started.wait(), 60) == 0

    async def test_one_that_takes_its_time_gets_all_of_a_single_pass(self, world: World) -> None:
        self.fill(world)
        read, write = os.pipe()
        async with world.process("--once", "--dry-run", stdout=write) as started:
            os.close(write)
            await until(lambda: any(call.operation == "ListResourceRecordSets" for call in world.aws.calls))
            with os.fdopen(read) as plans:
                lines = await asyncio.to_thread(plans.readlines)
            assert (await ended(started)).code == 0
        assert len(lines) == self.MANY


async def test_a_dry_run_prints_json_lines_and_only_reads(world: World) -> None:
    world.api.store.create("v1", "services", service("www", "192.0.2.1"))
    code, out, err = await world.run("--once", "--dry-run")
    assert code == 0, err
    assert [json.loads(line) for line in out.splitlines()] == [
        {
            "key": f"{world.zone_id}/www.example.com",
            "action": "create",
            "object": "service/default/www",
            "because": "service/default/www asks for it",
            "details": {
                "changes": [
                    {
                        "action": "CREATE",
                        "name": "www.example.com",
                        "type": "A",
                        "ttl": 300,
                        "values": ["192.0.2.1"],
                    },
                    {
                        "action": "CREATE",
                        "name": "a-www.example.com",
                        "type": "TXT",
                        "ttl": 300,
                        "values": [
                            '"heritage=external-dns,external-dns/owner=me,'
                            'external-dns/resource=service/default/www"'
                        ],
                    },
                ]
            },
        }
    ]
    assert {call.operation for call in world.aws.calls} == {"ListHostedZones", "ListResourceRecordSets"}
    assert {request.verb for request in world.api.requests} <= {"list", "watch", "get"}


@pytest.mark.parametrize(
    ("flag", "complaint"),
    [
        ("--domain-filter=a b", "addons dns: --domain-filter: 'a b' is not a host name"),
        ("--polizy=sync", "addons dns: --polizy"),
        ("--listen=nowhere", "addons dns: --listen: 'nowhere' is not allowed"),
    ],
)
async def test_bad_settings_are_one_line_and_exit_code_2(world: World, flag: str, complaint: str) -> None:
    code, _, err = await world.run(flag)
    assert code == 2
    lines = [line for line in err.splitlines() if line.startswith("addons dns:")]
    assert len(lines) == 1
    assert lines[0].startswith(complaint)


@pytest.mark.parametrize(
    ("listen", "why"),
    [
        ("127.0.0.1:{taken}", "the port is in use"),
        (":{taken}", "the port is in use"),
        ("203.0.113.9:7979", "the address is none of this machine"),
        ("nowhere.invalid:7979", ""),
    ],
)
async def test_a_place_where_it_cannot_listen_is_one_line_and_exit_code_2(
    world: World, listen: str, why: str
) -> None:
    with socket.create_server(("", 0)) as taken:
        place = listen.format(taken=taken.getsockname()[1])
        code, _, err = await world.run(f"--listen={place}")
    assert code == 2
    assert "Traceback" not in err
    (line,) = [line for line in err.splitlines() if not line.startswith("{")]
    assert line.startswith(f"addons dns: --listen: cannot listen on {place}: {why}")


async def test_its_state_says_what_it_is_and_how_it_is_set(world: World) -> None:
    async with world.process(f"--listen=127.0.0.1:{(port := free_port())}", "--no-leader-elect"):
        state: dict[str, Any] = {}

        async def has_passed() -> bool:
            with suppress(aiohttp.ClientConnectionError):
                async with aiohttp.request("GET", f"http://127.0.0.1:{port}/api/state") as reply:
                    state.update(await reply.json())
            return bool(state.get("lastPass"))

        await until(has_passed)
    assert (state["daemon"], state["version"], state["dryRun"]) == ("dns", version(), False)
    assert (state["settings"]["policy"], state["settings"]["owner"]) == ("upsert-only", "me")
    assert state["settings"]["source"] == ["service", "ingress"]


async def test_it_leads_serves_and_stops_on_a_signal(world: World) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    world.api.store.create("v1", "services", service("www", "192.0.2.1"))
    elsewhere = service("www", "192.0.2.1")
    elsewhere["metadata"] |= {"name": "other", "annotations": {PREFIX + "hostname": "www.example.org"}}
    world.api.store.create("v1", "services", elsewhere)
    serving = (f"--listen=127.0.0.1:{port}", "--min-event-sync-interval=50ms")
    flags = (*serving, "--policy=sync", "--domain-filter=example.com")
    async with world.process(*flags) as started, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        await until(lambda: world.addresses() == {"www": ("192.0.2.1",)})
        async with http.get("/readyz") as reply:
            assert reply.status == 200
        async with http.get("/api/state") as reply:
            assert [zone["name"] for zone in (await reply.json())["zones"]] == ["example.com"]
        async with http.get("/api/decisions?object=service/default/www") as reply:
            found = [(item["reason"], item["action"]) for item in await reply.json()]
            assert found == [("RecordReady", "keep"), ("RecordReady", "create")]
        async with http.get("/api/decisions?object=service/default/other") as reply:
            assert [item["reason"] for item in await reply.json()] == ["OutsideDomainFilter"]
        started.send_signal(signal.SIGTERM)
        await started.communicate()
        assert started.returncode == 0
    lease = world.api.store.get("coordination.k8s.io/v1", "leases", "default", "aws-addons-dns")
    assert lease["spec"].get("holderIdentity", "") == ""


async def test_a_stop_ends_after_the_call_in_flight_and_says_what_it_left(world: World) -> None:
    for number in range(100):
        world.api.store.create("v1", "services", service(f"s{number}", "192.0.2.1"))
    world.aws.faults.slow(CHANGE, 0.3)
    flags = ("--listen=127.0.0.1:0", "--aws-batch-change-size=2", "--aws-batch-change-interval=0s")
    async with world.process(*flags, "--aws-rate=1000", "--log-format=text") as started:
        await until(lambda: world.has_made(7), pause=0.001)
        started.send_signal(signal.SIGTERM)
        sent = world.changes
        _, err = await started.communicate()
        assert started.returncode == 0
    assert world.changes <= sent + 1
    assert len(world.addresses()) == world.changes
    left = 100 - world.changes
    assert f"{left} changes left: not begun: told to stop" in err.decode()


async def test_a_single_pass_that_is_told_to_stop_says_so(world: World) -> None:
    for number in range(100):
        world.api.store.create("v1", "services", service(f"s{number}", "192.0.2.1"))
    world.aws.faults.slow(CHANGE, 0.3)
    async with world.process(
        "--once", "--aws-batch-change-size=2", "--aws-batch-change-interval=0s"
    ) as started:
        await until(lambda: world.has_made(2), pause=0.001)
        started.send_signal(signal.SIGTERM)
        _, err = await started.communicate()
        assert started.returncode == 3
    assert err.decode().splitlines()[-1] == "stopped before the pass was complete"
    assert 2 <= world.changes <= 4


async def test_killed_in_the_middle_it_converges_when_started_again(world: World) -> None:
    names = [f"s{number}" for number in range(12)]
    for name in names:
        world.api.store.create("v1", "services", service(name, "192.0.2.1"))
    for calls in (1, 2, 4):
        async with world.process(
            "--listen=127.0.0.1:0", "--no-leader-elect", "--aws-batch-change-size=4"
        ) as started:
            await until(partial(world.has_made, calls), pause=0.001)
            started.kill()
            await started.communicate()
    code, _, err = await world.run("--once")
    assert code == 0, err
    assert world.addresses() == dict.fromkeys(names, ("192.0.2.1",))


async def test_encryption_without_a_key_is_refused(world: World) -> None:
    code, _, err = await world.run("--txt-encrypt-enabled")
    assert code == 2
    assert "addons dns: --txt-encrypt-aes-key: 32 bytes are needed" in err
