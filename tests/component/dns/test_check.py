"""`addons dns check`: what a daemon needs is looked at as it would be used, and nothing is changed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from tests.component.dns.test_daemon import World, service
from tests.support.node_credentials import credentials_of_the_node_alone, metadata_at, node_metadata
from tests.support.until import until

LEASES = ("coordination.k8s.io/v1", "leases", "default")
READS = {"ListHostedZones", "ListResourceRecordSets", "GetCallerIdentity"}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with KubeApi() as api, AwsEndpoint() as aws:
        yield World(api, aws, tmp_path)


async def check(world: World, *flags: str) -> tuple[int, list[str]]:
    """The exit code, and what is printed."""
    done = await world.run("check", *flags)
    return done.code, done.out.splitlines()


def complaint(lines: list[str], what: str) -> str:
    """The one line that finds fault."""
    (line,) = [line for line in lines if line.startswith("FAIL")]
    assert line.startswith(f"FAIL  {what}: ")
    return line


def lease(holder: str) -> dict[str, Any]:
    metadata = {"name": "aws-addons-dns", "namespace": "default"}
    return {"metadata": metadata, "spec": {"holderIdentity": holder}}


async def test_all_is_well_and_nothing_is_changed(world: World) -> None:
    world.api.store.create("v1", "services", service("web", "192.0.2.1"))
    code, lines = await check(world)
    assert (code, lines) == (
        0,
        [
            "ok    AWS identity: arn:aws:iam::123456789012:user/anybody",
            "ok    Lease default/aws-addons-dns: held by nobody yet",
            f"ok    hosted zones: example.com ({world.zone_id})",
            "ok    plan: 1 to create",
        ],
    )
    assert {call.operation for call in world.aws.calls} == READS
    assert world.api.store.list(*LEASES) == []
    assert {request.verb for request in world.api.requests} <= {"get", "list", "watch", "create"}


async def test_the_leader_is_named_and_left_alone(world: World) -> None:
    world.api.store.create(*LEASES[:2], lease("dns-1"))
    before = world.api.store.list(*LEASES)
    code, lines = await check(world)
    assert code == 0
    assert "ok    Lease default/aws-addons-dns: held by dns-1" in lines
    assert "ok    plan: nothing to change" in lines
    assert world.api.store.list(*LEASES) == before


async def test_a_dry_run_needs_no_lease(world: World) -> None:
    world.api.faults.add(Fault(resource="leases", status=403, times=9))
    code, lines = await check(world, "--dry-run")
    assert code == 0
    assert not any("Lease" in line for line in lines)


@pytest.mark.parametrize("verb", ["get", "create"])
async def test_a_right_to_the_lease_that_is_missing(verb: str, world: World) -> None:
    world.api.faults.add(Fault(verb=verb, resource="leases", status=403, times=9))
    code, lines = await check(world)
    assert code == 3
    assert f"{verb} leases" in complaint(lines, "Lease default/aws-addons-dns")


async def test_a_right_to_renew_the_lease_that_is_missing(world: World) -> None:
    world.api.store.create(*LEASES[:2], lease("dns-1"))
    world.api.faults.add(Fault(verb="patch", resource="leases", status=403, times=9))
    code, lines = await check(world)
    assert code == 3
    assert "patch leases" in complaint(lines, "Lease default/aws-addons-dns")


async def test_objects_that_may_not_be_read(world: World) -> None:
    world.api.faults.add(Fault(resource="ingresses", status=403, times=99))
    code, lines = await check(world)
    assert code == 3
    assert "cannot be read" in complaint(lines, "ingresses")


async def test_zones_that_may_not_be_listed(world: World) -> None:
    world.aws.faults.add(operation="ListHostedZones", code="AccessDenied", status=403, times=9)
    code, lines = await check(world)
    assert code == 3
    assert "AccessDenied" in complaint(lines, "hosted zones")


async def test_settings_that_leave_no_zone(world: World) -> None:
    code, lines = await check(world, "--domain-filter=other.test")
    assert code == 3
    assert "no hosted zone to work on: there are" in complaint(lines, "hosted zones")


async def test_credentials_that_aws_does_not_know(world: World) -> None:
    world.aws.faults.add(operation="GetCallerIdentity", code="InvalidClientTokenId", status=403, times=9)
    code, lines = await check(world)
    assert code == 3
    assert "InvalidClientTokenId" in complaint(lines, "AWS identity")


async def test_credentials_that_come_a_moment_later_are_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of a pod that iamproxy does not know yet in its first moments."""
    port = credentials_of_the_node_alone(monkeypatch)
    world.keys = {}
    imds = node_metadata(world.aws)
    with_role, imds.instance = imds.instance, replace(imds.instance, role="")
    async with metadata_at(port, imds):
        checking = asyncio.create_task(check(world))
        await until(lambda: [each for each in imds.requests if "security-credentials" in each.target])
        imds.instance = with_role
        code, lines = await checking
    assert (code, lines[0]) == (0, "ok    AWS identity: arn:aws:sts::123456789012:assumed-role/node/i-1")


async def test_a_role_that_cannot_be_assumed_is_named(world: World) -> None:
    role = "arn:aws:iam::123456789012:role/nobody"
    code, lines = await check(world, f"--aws-zone-role=Z1={role}")
    assert code == 3
    assert any(line.startswith(f"FAIL  AWS identity as {role}: ") for line in lines)


async def test_a_bad_setting_is_told_as_the_daemon_tells_it(world: World) -> None:
    done = await world.run("check", "--policy=all")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("addons dns: --policy: 'all' is not allowed: one of sync")
