"""When a pass is made: soon after what happened, once for a swarm, and never put off for ever."""

import asyncio

import pytest

from addons.autoscaler.controller.wake_ups import WakeUps

pytestmark = pytest.mark.virtual_time


async def rung(*pauses: float) -> list[float]:
    """When passes are due if something happens after each of these pauses."""
    loop = asyncio.get_running_loop()
    woken: list[float] = []
    wake_ups = WakeUps(lambda: woken.append(round(loop.time(), 3)))
    for pause in pauses:
        await asyncio.sleep(pause)
        wake_ups.ring()
    await asyncio.sleep(10.0)
    return woken


async def test_a_pod_alone_waits_for_others_for_a_moment() -> None:
    assert await rung(1.0) == [1.3]


async def test_a_swarm_makes_one_pass() -> None:
    assert await rung(0.0, 0.1, 0.1, 0.1) == [0.6]


async def test_a_swarm_without_end_makes_a_pass_every_second() -> None:
    assert await rung(*[0.15] * 16) == [1.15, 2.2, 2.7]
