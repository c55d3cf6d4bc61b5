"""What every tier may ask for."""

import asyncio
import os
import random
import signal
from asyncio import AbstractEventLoop
from collections import Counter
from collections.abc import Callable, Generator, Mapping

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer

from tests.support.drawn import Draw
from tests.support.prometheus import COMMAND
from tests.support.second_try import LAST_RUN
from tests.support.spread import Spread
from tests.support.virtual import ThreadedVirtualLoop, VirtualLoop

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
"""No property fails because the machine is busy."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("drawn cases", "tests with very many cases take some of them, drawn at random")
    group.addoption("--seed", type=int, help="draw the same cases as the run that has printed this number")
    group.addoption("--all-cases", action="store_true", help="draw nothing: take all of them")
    help_text = "try iamproxy with the SDKs of Java and JavaScript as well"
    parser.addoption("--all-clients", action="store_true", help=help_text)


def pytest_configure(config: pytest.Config) -> None:
    """Let SIGTERM end the tests as Ctrl-C does, so that what fixtures have started outside ends as well.

    The seed is chosen before the workers of xdist start, which are given it with the other options.
    """
    signal.signal(signal.SIGTERM, _end_tests)
    if config.option.seed is None:
        config.option.seed = random.SystemRandom().randrange(10**6)
    _keep(config, None)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keep how the run ended, for a second try."""
    _keep(session.config, int(exitstatus))


def _keep(config: pytest.Config, code: int | None) -> None:
    cache = getattr(config, "cache", None)  # there is none with `-p no:cacheprovider`
    if cache is not None and not hasattr(config, "workerinput"):
        cache.set(LAST_RUN, {"seed": config.option.seed, "code": code})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the seed, and how each tier went, the longest first."""
    for tier, (seconds, counts) in sorted(_tiers(terminalreporter).items(), key=lambda each: -each[1][0]):
        counted = ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
        terminalreporter.write_line(f"{tier:<10} {seconds:5.0f} s of tests: {counted}")
    drawn = "all cases" if config.option.all_cases else "cases drawn"
    terminalreporter.write_line(f"{drawn} with --seed={config.option.seed}")


def _tiers(terminalreporter: pytest.TerminalReporter) -> dict[str, tuple[float, Counter[str]]]:
    """Sum up seconds and outcomes for every folder of tests."""
    tiers: dict[str, tuple[float, Counter[str]]] = {}
    for outcome, reports in terminalreporter.stats.items():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                tier = report.nodeid.split("/")[1]
                seconds, counts = tiers.setdefault(tier, (0.0, Counter()))
                counts.update([outcome] if outcome else [])
                tiers[tier] = seconds + report.duration, counts
    return tiers


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Spread:
    """Spread the tests over workers as tests/support/spread.py says."""
    return Spread(config, log)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """Give tests with the mark `virtual_time` a loop whose time jumps, if wanted one with threads."""
    mark = item.get_closest_marker("virtual_time")
    if mark is None:
        return {"real": asyncio.new_event_loop}
    return {"virtual": ThreadedVirtualLoop if mark.kwargs.get("threads") else VirtualLoop}


@pytest.fixture
def draw(request: pytest.FixtureRequest) -> Draw:
    """Draw the cases of a test that has very many."""
    option = request.config.option
    return Draw(option.seed, f"{request.path.name} {request.node.name}", option.all_cases)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say beside the failure of a test that draws how the same cases are drawn again."""
    report = yield
    if report.failed and "draw" in getattr(item, "fixturenames", ()):
        option = item.config.option
        again = f"--all-cases --seed={option.seed}" if option.all_cases else f"--seed={option.seed}"
        report.sections.append(("drawn cases", f"the same again: pytest '{item.nodeid}' {again}"))
    return report


def _end_tests(number: int, frame: object) -> None:
    """End them once: a second SIGTERM, as `timeout` sends it, must not end the tidying up."""
    signal.signal(signal.SIGTERM, lambda *_: None)
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def prometheus() -> None:
    """Need Prometheus's rule engine; without it: skip, or fail where CI=true."""
    if not COMMAND.exists():
        leave_out = pytest.fail if os.environ.get("CI") else pytest.skip
        leave_out("no rule engine of Prometheus; `make prometheus` builds it")
