"""Interfaces are made and deleted side by side while EC2 lags, and the daemon is killed at any call."""

import asyncio
from contextlib import suppress

import pytest

from addons.cni.model.enis import Eni
from tests.support.cni_aws import Daemon, Killed, Node, deletion, ec2_node
from tests.support.drawn import Draw

pytestmark = pytest.mark.virtual_time

LAST_CALL = 30
CASES = [
    (at, is_sent, seconds) for at in range(1, LAST_CALL) for is_sent in (False, True) for seconds in (0, 3)
]


async def busy_life(daemon: Daemon, there: tuple[Eni, ...]) -> None:
    """Delete what there is, and make three others meanwhile, until it is done or the daemon dies."""
    with suppress(Killed):
        await daemon.enis.observe()
    work = [daemon.apply(deletion(eni)) for eni in there] + [daemon.create() for _ in range(3)]
    tasks = [asyncio.create_task(each) for each in work]
    with suppress(Killed):
        await asyncio.gather(*tasks)
    await asyncio.gather(*tasks, return_exceptions=True)


def is_whole(node: Node, seen: tuple[Eni, ...]) -> bool:
    """Whether what the daemon sees is all that there is, and each goes with the instance."""
    there = node.interfaces()
    flagged = [eni.attachment is not None and eni.attachment.delete_on_termination for eni in there]
    indexes = [eni.device_index for eni in seen]
    return (
        {eni.eni_id for eni in seen} == {eni.id for eni in there}
        and all(flagged)
        and len(set(indexes)) == len(indexes)
    )


async def test_whenever_it_is_killed_the_next_life_leaves_nothing_half_done(draw: Draw) -> None:
    for at, is_sent, seconds in draw.some(CASES, 12):
        async with ec2_node(instance_type="m5.4xlarge") as node:
            async with node.daemon() as daemon:
                await daemon.enis.observe()
                there = (await daemon.made(), await daemon.made())
            node.ec2.knobs.attach_seconds = node.ec2.knobs.detach_seconds = seconds
            node.ec2.knobs.describe_lag_seconds = seconds / 2
            async with node.daemon(dies_at=at, is_sent=is_sent) as daemon:
                await busy_life(daemon, there)
            await asyncio.sleep(10)
            async with node.daemon() as daemon:
                await daemon.recover()
                await asyncio.sleep(10)
                seen = await daemon.recover()
            assert is_whole(node, seen), (at, is_sent, seconds)
