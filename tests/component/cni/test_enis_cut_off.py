"""An interface is made, or deleted, wholly or not at all: whatever fails, and whenever the daemon is killed.

Every point between two calls is tried. The next life of the daemon then does what each does at its start.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from addons.cni.model.actions import RepairEni
from addons.runtime.errors import Withheld
from addons.runtime.permit import Permit
from tests.support.cni_aws import CLUSTER, Daemon, Killed, Node, deletion, ec2_node

pytestmark = pytest.mark.virtual_time

CREATING = ("CreateNetworkInterface", "AttachNetworkInterface", "ModifyNetworkInterfaceAttribute")
DELETING = ("DetachNetworkInterface", "DeleteNetworkInterface")
TRANSIENT = ("", "InternalError", "Unavailable", "RequestLimitExceeded")
LASTING = ("UnauthorizedOperation", "InternalError", "RequestLimitExceeded", "InvalidParameterValue")
CALLS_OF_CREATION = 4
CALLS_OF_DELETION = 3


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    async with ec2_node(instance_type="m5.xlarge") as running:
        yield running


def is_whole(node: Node) -> bool:
    """Whether each interface is attached, goes with the instance, and says whose it is."""
    first, *made = node.interfaces()
    return first.attachment is not None and all(
        eni.attachment
        and eni.attachment.delete_on_termination
        and eni.tags["node.k8s.amazonaws.com/instance_id"] == node.instance.id
        and eni.tags["cluster.k8s.amazonaws.com/name"] == CLUSTER
        for eni in made
    )


async def recovered(node: Node) -> bool:
    """Begin another life of the daemon: whether all is whole, seen as it is, and growth works again."""
    async with node.daemon() as daemon:
        seen = await daemon.recover()
        is_seen = {eni.eni_id for eni in seen} == {eni.id for eni in node.interfaces()}
        return is_seen and is_whole(node) and (await daemon.create()).ok and is_whole(node)


class TestKilled:
    @pytest.mark.parametrize("is_sent", [False, True], ids=["before-sending", "after-the-answer"])
    @pytest.mark.parametrize("at", range(1, CALLS_OF_CREATION + 1))
    async def test_while_it_made_an_interface(self, node: Node, at: int, is_sent: bool) -> None:
        async with node.daemon(dies_at=at, is_sent=is_sent) as daemon:
            with pytest.raises(Killed):
                await daemon.create()
        assert await recovered(node)

    @pytest.mark.parametrize("is_sent", [False, True], ids=["before-sending", "after-the-answer"])
    @pytest.mark.parametrize("at", range(1, CALLS_OF_DELETION + 1))
    async def test_while_it_deleted_an_interface(self, node: Node, at: int, is_sent: bool) -> None:
        async with node.daemon() as daemon:
            made = await daemon.made()
        async with node.daemon(dies_at=at, is_sent=is_sent) as daemon:
            with pytest.raises(Killed):
                await daemon.apply(deletion(made))
        assert await recovered(node)

    async def test_again_while_it_recovered(self, node: Node) -> None:
        async with node.daemon(dies_at=2, is_sent=False) as daemon:
            with pytest.raises(Killed):
                await daemon.create()
        for at in (1, 2, 3):
            async with node.daemon(dies_at=at, is_sent=True) as daemon:
                with pytest.raises(Killed):
                    await daemon.recover()
        assert await recovered(node)

    async def test_the_points_are_all_that_there_are(self, node: Node) -> None:
        async with node.daemon() as daemon:
            await daemon.enis.observe()
            daemon.session.operations.clear()
            made = await daemon.made()
            assert len(daemon.session.operations) == CALLS_OF_CREATION
            daemon.session.operations.clear()
            assert (await daemon.apply(deletion(made))).ok
            assert len(daemon.session.operations) == CALLS_OF_DELETION


class TestDisturbed:
    @pytest.mark.parametrize("before", [True, False], ids=["not-done", "done"])
    @pytest.mark.parametrize("code", TRANSIENT)
    @pytest.mark.parametrize("operation", [*CREATING, "DescribeNetworkInterfaces"])
    async def test_making_survives_a_moment(
        self, node: Node, operation: str, code: str, before: bool
    ) -> None:
        """A refusal, or an answer that was lost after the deed was done."""
        async with node.daemon() as daemon:
            await daemon.enis.observe()
            fail(node, operation, code, before=before)
            assert (await daemon.create()).ok
        assert len(node.interfaces()) == 2
        assert is_whole(node)

    @pytest.mark.parametrize("before", [True, False], ids=["not-done", "done"])
    @pytest.mark.parametrize("code", TRANSIENT)
    @pytest.mark.parametrize("operation", [*DELETING, "DescribeNetworkInterfaces"])
    async def test_deleting_survives_a_moment(
        self, node: Node, operation: str, code: str, before: bool
    ) -> None:
        async with node.daemon() as daemon:
            made = await daemon.made()
            fail(node, operation, code, before=before)
            assert (await daemon.apply(deletion(made))).ok
        assert len(node.interfaces()) == 1

    @pytest.mark.parametrize("code", LASTING)
    @pytest.mark.parametrize("operation", CREATING)
    async def test_making_that_fails_for_good_is_told_and_leaves_nothing_half_done(
        self, node: Node, operation: str, code: str
    ) -> None:
        async with node.daemon() as daemon:
            await daemon.enis.observe()
            fail(node, operation, code, times=None)
            assert not (await daemon.create()).ok
            node.endpoint.faults.clear()
            await daemon.recover()
        assert is_whole(node)

    async def test_what_cannot_be_attached_is_deleted_again_at_once(self, node: Node) -> None:
        async with node.daemon() as daemon:
            fail(node, "AttachNetworkInterface", "UnauthorizedOperation")
            assert not (await daemon.create()).ok
        assert len(node.interfaces()) == 1

    async def test_what_can_be_neither_attached_nor_deleted_is_found_later(self, node: Node) -> None:
        async with node.daemon() as daemon:
            fail(node, "AttachNetworkInterface", "UnauthorizedOperation")
            fail(node, "DeleteNetworkInterface", "UnauthorizedOperation")
            assert not (await daemon.create()).ok
            assert len(node.interfaces()) == 2
            (rolled_back,) = await daemon.enis.roll_back(daemon.permit)
            assert rolled_back.ok
        assert len(node.interfaces()) == 1

    @pytest.mark.parametrize("stops_after", range(4))
    async def test_a_stop_at_any_point_leaves_what_the_next_life_finds(
        self, node: Node, stops_after: int
    ) -> None:
        stopping = asyncio.Event()
        async with node.daemon(permit=Permit(stopping)) as daemon:
            stop_after(daemon, stops_after, stopping)
            applied = await daemon.create()
            assert isinstance(applied.error, Withheld) == (stops_after < 3)
        assert await recovered(node)


class TestRollingBack:
    async def test_what_is_being_made_is_left_alone(self, node: Node) -> None:
        node.ec2.knobs.attach_seconds = 5
        async with node.daemon() as daemon:
            making = asyncio.create_task(daemon.create())
            while len(node.interfaces()) < 2:
                await asyncio.sleep(0.01)
                assert await daemon.enis.roll_back(daemon.permit) == ()
            assert (await making).ok

    @pytest.mark.parametrize(
        ("description", "tags"),
        [
            ("somebody's", {"node.k8s.amazonaws.com/instance_id": "{own}"}),
            ("aws-K8S-{own}", {"node.k8s.amazonaws.com/instance_id": "i-0123456789abcdef0"}),
            ("aws-K8S-{own}", {}),
            (
                "aws-K8S-{own}",
                {
                    "node.k8s.amazonaws.com/instance_id": "{own}",
                    "node.k8s.amazonaws.com/no_manage": "true",
                },
            ),
        ],
    )
    async def test_what_is_others_is_left_alone(
        self, node: Node, description: str, tags: dict[str, str]
    ) -> None:
        own = node.instance.id
        filled = {key: value.format(own=own) for key, value in tags.items()}
        node.ec2.interfaces.create(node.subnet, description=description.format(own=own), tags=filled)
        async with node.daemon() as daemon:
            assert await daemon.enis.roll_back(daemon.permit) == ()


class TestRepair:
    async def test_one_that_was_attached_by_hand_is_tagged_and_outlives_the_instance(
        self, node: Node
    ) -> None:
        eni = node.ec2.interfaces.create(node.subnet)
        node.ec2.attachments.attach(eni.id, node.instance.id, 1)
        async with node.daemon() as daemon:
            assert (await daemon.apply(RepairEni(eni_id=eni.id, because="not tagged"))).ok
            _, theirs = await daemon.enis.observe()
        assert theirs.tags["node.k8s.amazonaws.com/instance_id"] == node.instance.id
        assert theirs.created_at is None
        assert not theirs.deletes_on_termination

    async def test_missing_tags_are_added(self, node: Node) -> None:
        made = "2026-01-02T03:00:00Z"
        eni = node.ec2.interfaces.create(
            node.subnet, tags={"node.k8s.amazonaws.com/createdAt": made, "team": "old"}
        )
        node.ec2.attachments.attach(eni.id, node.instance.id, 1)
        async with node.daemon() as daemon:
            assert (await daemon.apply(RepairEni(eni_id=eni.id, because="cut off"))).ok
            _, repaired = await daemon.enis.observe()
        assert repaired.deletes_on_termination
        assert repaired.tags["cluster.k8s.amazonaws.com/name"] == CLUSTER
        assert repaired.tags["team"] == "old"

    async def test_one_that_is_gone_needs_none_any_more(self, node: Node) -> None:
        async with node.daemon() as daemon:
            assert (await daemon.apply(RepairEni(eni_id="eni-0123456789abcdef0", because="cut off"))).ok


def fail(node: Node, operation: str, code: str, *, times: int | None = 1, before: bool = True) -> None:
    """Have calls of an operation fail; without a code the connection breaks."""
    status = 400 if code in ("UnauthorizedOperation", "InvalidParameterValue") else 503
    node.endpoint.faults.add(operation=operation, code=code, status=status, times=times, before=before)


def stop_after(daemon: Daemon, changes: int, stopping: asyncio.Event) -> None:
    """Have the daemon be told to stop after so many changes."""
    call = daemon.session.call
    made: list[str] = []

    async def counted(service: str, operation: str, **arguments: object) -> object:
        if not operation.startswith("describe"):
            if len(made) == changes:
                stopping.set()
            made.append(operation)
        return await call(service, operation, **arguments)

    daemon.session.call = counted  # type: ignore[method-assign,assignment]
