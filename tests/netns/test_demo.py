"""Stories with network namespaces: whatever happens, no process, no file and no namespace stays behind."""

import os
import re
import signal

import pytest

from tests.support.demo import demo, summary


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("story", "step"),
    [("iamproxy", 2), ("iamproxy", 6), ("cni", 3), ("suite", 2), ("suite", 8)],
)
async def test_an_interrupt_leaves_nothing_behind(story: str, step: int) -> None:
    """Twice, as by somebody who is impatient."""
    async with demo(story) as run:
        await run.read_until(rf"^\[{story} {step}/")
        assert run.namespaces()
        for _ in range(2):
            run.interrupt()
        text = await run.end()
        assert run.process.returncode == 130, text
        assert run.remains() == []


@pytest.mark.parametrize("story", ["cni", "iamproxy"])
async def test_an_interrupt_while_the_network_is_made_leaves_nothing_behind(story: str) -> None:
    async with demo(story) as run:
        await run.read_until(f"^{story}: ")
        run.interrupt()
        text = await run.end()
        assert run.process.returncode == 130, text
        assert "LEFT OUT" not in text
        assert run.remains() == []


async def test_a_failure_shows_the_log_and_leaves_nothing_behind() -> None:
    async with demo("iamproxy") as run:
        await run.read_until(r"^\[iamproxy 3/")
        (daemon,) = (pid for pid, command in run.processes().items() if "addons.iamproxy --node" in command)
        os.kill(daemon, signal.SIGKILL)
        text = await run.end()
        assert run.process.returncode == 1
        assert re.fullmatch(r"\d+ passed, 1 failed, \d+ not reached", summary(text))
        assert "the end of iamproxy's log:" in text
        assert run.remains() == []
