"""The life of a daemon: services, signals, and the end."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Coroutine
from typing import Any

import pytest

from addons.runtime.app import end_within, run_to_exit_code, run_until_stopped
from addons.runtime.settings import SettingError
from tests.support.virtual import run_virtual


def interrupt_soon(number: signal.Signals = signal.SIGTERM) -> None:
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)


async def obedient(stopping: asyncio.Event) -> None:
    await stopping.wait()


async def stubborn(stopping: asyncio.Event) -> None:
    await asyncio.Event().wait()


class TestStopping:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_a_signal_lets_every_service_finish(self, number: signal.Signals) -> None:
        finished = []

        async def careful(stopping: asyncio.Event) -> None:
            await stopping.wait()
            await asyncio.sleep(0)
            finished.append("careful")

        interrupt_soon(number)
        await run_until_stopped(careful, obedient)
        assert finished == ["careful"]

    async def test_who_does_not_stop_in_time_is_cancelled_and_named(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        interrupt_soon()
        await run_until_stopped(stubborn, obedient, grace=0.01)
        assert "cancelled: stubborn did not stop within 0 s" in caplog.messages

    async def test_all_go_on_until_what_comes_before_is_done(self) -> None:
        happened = []

        async def watched(stopping: asyncio.Event) -> None:
            await stopping.wait()
            happened.append("stopped")

        async def before() -> None:
            await asyncio.sleep(0)
            happened.append("before")

        interrupt_soon()
        await run_until_stopped(watched, before_stopping=before)
        assert happened == ["before", "stopped"]

    async def test_who_fails_before_that_ends_the_daemon(self) -> None:
        signalled = asyncio.Event()

        async def failing(stopping: asyncio.Event) -> None:
            await signalled.wait()
            raise ZeroDivisionError

        async def before() -> None:
            signalled.set()
            await asyncio.Event().wait()

        interrupt_soon()
        with pytest.raises(ExceptionGroup):
            await run_until_stopped(failing, before_stopping=before)

    async def test_the_signal_handlers_are_put_back(self) -> None:
        interrupt_soon()
        await run_until_stopped(obedient)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    def test_a_second_signal_ends_the_process_at_once(self) -> None:
        program = """
            import asyncio
            from addons.runtime.app import run_until_stopped

            async def deaf(stopping):
                print("started", flush=True)
                await stopping.wait()
                print("stopping", flush=True)
                await asyncio.sleep(60)

            asyncio.run(run_until_stopped(deaf))
        """
        command = [sys.executable, "-c", textwrap.dedent(program)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "started\n"
            process.terminate()
            assert process.stdout.readline() == "stopping\n"
            process.terminate()
            assert process.wait(10) == -signal.SIGTERM


class TestFailing:
    async def test_a_service_that_fails_takes_the_others_down(self, caplog: pytest.LogCaptureFixture) -> None:
        async def failing(stopping: asyncio.Event) -> None:
            raise OSError("no disk")

        with pytest.raises(ExceptionGroup) as caught:
            await run_until_stopped(stubborn, failing)
        assert caught.value.subgroup(OSError) is not None
        assert any(message.endswith("failing: no disk") for message in caplog.messages)

    async def test_a_service_that_returns_unasked_takes_the_others_down(self) -> None:
        async def lazy(stopping: asyncio.Event) -> None:
            return

        with pytest.raises(ExceptionGroup) as caught:
            await run_until_stopped(stubborn, lazy)
        assert "lazy returned although nobody asked it to stop" in str(caught.value.exceptions[0])


class TestExitCode:
    @pytest.mark.parametrize(("result", "code"), [(None, 0), (0, 0), (3, 3)])
    def test_what_main_returns_is_the_code(self, result: int | None, code: int) -> None:
        async def main() -> int | None:
            return result

        assert run_to_exit_code(main()) == code

    def failing(self, error: Exception) -> Coroutine[Any, Any, None]:
        async def main() -> None:
            raise error

        return main()

    def test_a_crash_is_1_and_logged_with_its_traceback(self, caplog: pytest.LogCaptureFixture) -> None:
        assert run_to_exit_code(self.failing(OSError("no disk"))) == 1
        (record,) = caplog.records
        assert (record.getMessage(), record.levelno) == ("crashed: no disk", logging.CRITICAL)
        assert record.exc_info is not None

    def test_a_setting_error_is_the_users_and_passes_through(self) -> None:
        with pytest.raises(SettingError):
            run_to_exit_code(self.failing(SettingError("--listen: no")))


class TestEndWithin:
    """Work that may take its time, but not for ever once a stop was asked for."""

    def end(self, seconds: float, stop_at: float) -> tuple[str | None, float]:
        async def work() -> str:
            await asyncio.sleep(seconds)
            return "done"

        async def story() -> tuple[str | None, float]:
            stopping = asyncio.Event()
            asyncio.get_running_loop().call_later(stop_at, stopping.set)
            result = await end_within(20, work(), stopping)
            return result, asyncio.get_running_loop().time()

        return run_virtual(story())

    def test_without_a_stop_it_may_take_as_long_as_it_takes(self) -> None:
        assert self.end(100, stop_at=1000) == ("done", 100)

    def test_after_a_stop_it_may_end(self) -> None:
        assert self.end(100, stop_at=90) == ("done", 100)

    def test_but_not_much_later(self) -> None:
        assert self.end(100, stop_at=50) == (None, 70)

    def test_what_it_raises_comes_out(self) -> None:
        async def fail() -> None:
            raise ValueError("broken")

        with pytest.raises(ValueError, match="broken"):
            run_virtual(end_within(20, fail(), asyncio.Event()))
