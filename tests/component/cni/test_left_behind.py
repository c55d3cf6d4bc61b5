"""Interfaces that instances left behind are deleted, and nobody else's."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from addons.cni.aws import interfaces
from addons.cni.aws.left_behind import LeftBehind
from tests.support.cni_aws import CLUSTER, Daemon, Node, ec2_node

pytestmark = pytest.mark.virtual_time

GONE = "i-0123456789abcdef0"
INSTANCE_TAG = "node.k8s.amazonaws.com/instance_id"
CREATED_TAG = "node.k8s.amazonaws.com/createdAt"
CLUSTER_TAG = "cluster.k8s.amazonaws.com/name"
OLD = "2026-01-02T02:00:00Z"
TAGS = {INSTANCE_TAG: GONE, CREATED_TAG: OLD, CLUSTER_TAG: CLUSTER}


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    async with ec2_node() as running:
        yield running


@pytest.fixture
async def daemon(node: Node) -> AsyncIterator[Daemon]:
    async with node.daemon() as running:
        yield running


def leave_behind(
    node: Node, tags: Mapping[str, str] = TAGS, *, description: str = f"aws-K8S-{GONE}", subnet: str = ""
) -> str:
    """Have an interface there that is attached to nothing; give its id."""
    made = node.ec2.interfaces.create(subnet or node.subnet, tags=tags, description=description)
    return made.id


async def swept(daemon: Daemon, *, cluster: str = CLUSTER) -> list[str]:
    """Sweep once; give the ids of those that were deleted."""
    sweeper = LeftBehind(daemon.session, vpc_id=daemon.node.vpc.id, cluster=cluster, now=daemon.node.moment)
    return [applied.action.key for applied in await sweeper.sweep(daemon.permit) if applied.ok]


async def test_one_that_is_old_enough_is_deleted_with_the_reason(node: Node, daemon: Daemon) -> None:
    eni_id = leave_behind(node)
    sweeper = LeftBehind(daemon.session, vpc_id=node.vpc.id, cluster=CLUSTER, now=node.moment)
    (applied,) = await sweeper.sweep(daemon.permit)
    assert applied.ok
    assert applied.action.key == eni_id
    assert applied.action.because == f"left behind by {GONE}, made {OLD}"
    assert len(node.interfaces()) == 1


@pytest.mark.parametrize(
    ("made", "is_deleted"),
    [
        ("2026-01-02T02:59:04Z", True),
        ("2026-01-02T02:59:06Z", False),
        ("2026-01-02T03:59:04+01:00", True),
        ("2027-01-01T00:00:00Z", False),
    ],
)
async def test_it_must_be_older_than_five_minutes(
    node: Node, daemon: Daemon, made: str, is_deleted: bool
) -> None:
    eni_id = leave_behind(node, {**TAGS, CREATED_TAG: made})
    assert await swept(daemon) == ([eni_id] if is_deleted else [])


@pytest.mark.parametrize("tags", [{CREATED_TAG: "yesterday"}, {CREATED_TAG: ""}, {}])
async def test_one_that_does_not_say_when_it_was_made_is_told_now_and_deleted_next_time(
    node: Node, daemon: Daemon, tags: dict[str, str]
) -> None:
    eni_id = leave_behind(node, {INSTANCE_TAG: GONE, CLUSTER_TAG: CLUSTER} | tags)
    assert await swept(daemon) == []
    assert node.interfaces()[1].tags[CREATED_TAG] == "2026-01-02T03:04:05Z"
    await asyncio.sleep(299)
    assert await swept(daemon) == []
    await asyncio.sleep(3)
    assert await swept(daemon) == [eni_id]


@pytest.mark.parametrize(
    ("tags", "description"),
    [
        ({CREATED_TAG: OLD, CLUSTER_TAG: CLUSTER}, f"aws-K8S-{GONE}"),
        ({**TAGS, CLUSTER_TAG: "staging"}, f"aws-K8S-{GONE}"),
        ({INSTANCE_TAG: GONE, CREATED_TAG: OLD}, f"aws-K8S-{GONE}"),
        (TAGS, "database"),
        (TAGS, ""),
        ({**TAGS, "node.k8s.amazonaws.com/no_manage": "true"}, f"aws-K8S-{GONE}"),
    ],
    ids=["no tag", "another cluster", "no cluster", "described otherwise", "not described", "hands off"],
)
async def test_what_is_others_stays(
    node: Node, daemon: Daemon, tags: dict[str, str], description: str
) -> None:
    leave_behind(node, tags, description=description)
    assert await swept(daemon) == []
    assert len(node.interfaces()) == 2


async def test_without_a_name_only_those_of_no_cluster_are_deleted(node: Node, daemon: Daemon) -> None:
    leave_behind(node)
    nobodys = leave_behind(node, {INSTANCE_TAG: GONE, CREATED_TAG: OLD})
    assert await swept(daemon, cluster="") == [nobodys]


async def test_one_of_another_vpc_stays(node: Node, daemon: Daemon) -> None:
    vpc = node.ec2.network.create_vpc("10.9.0.0/16")
    leave_behind(node, subnet=node.ec2.network.create_subnet(vpc.id, "10.9.0.0/24").id)
    assert await swept(daemon) == []


async def test_one_that_is_attached_stays(node: Node, daemon: Daemon) -> None:
    await daemon.made()
    await asyncio.sleep(3600)
    assert await swept(daemon) == []


async def test_one_that_cannot_be_deleted_does_not_keep_the_others(node: Node, daemon: Daemon) -> None:
    leave_behind(node)
    second = leave_behind(node)
    node.endpoint.faults.add(operation="DeleteNetworkInterface", code="UnauthorizedOperation", status=403)
    assert await swept(daemon) == [second]


async def test_many_are_listed_in_pages(node: Node, daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interfaces, "_PAGE", 5)
    left = {leave_behind(node) for _ in range(11)}
    assert set(await swept(daemon)) == left
    assert daemon.session.operations.count("describe_network_interfaces") == 3
