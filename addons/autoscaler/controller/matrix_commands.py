"""The commands of the matrix: what they print, and how they end. They need AWS, and no cluster."""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NoReturn

from addons.autoscaler.aws.stack_calls import OPERATIONS, RATES
from addons.autoscaler.config import ENV_PREFIXES, RETIRED, Config
from addons.autoscaler.controller.matrix_apply import Applied, Apply
from addons.autoscaler.controller.matrix_plan import Unusable, chosen, planned, read_matrix, region_for
from addons.autoscaler.matrix.expansion import Matrix
from addons.autoscaler.matrix.plan import FAILED, exit_code
from addons.autoscaler.matrix.telling import plan_lines, summary
from addons.autoscaler.model.matrix import StackPlan
from addons.runtime import cli
from addons.runtime.app import stopped_by_signals, version
from addons.runtime.aws import AwsSession
from addons.runtime.errors import OutsideError
from addons.runtime.permit import Permit
from addons.runtime.plan_output import as_json_lines, as_table

UNUSABLE = 1
"""Exit code: the file or the arguments cannot be used, or AWS cannot be reached."""

_PARALLEL = 8
_MOST_PARALLEL = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command line asks for; `cells` are patterns of names, all cells where there are none."""

    command: str
    file: str
    cells: tuple[str, ...] = ()
    parallel: int = _PARALLEL


def run(argv: Sequence[str], name: str) -> int:
    """Run the command that stands before the settings; the exit code: 2 for a plan with changes alone."""
    ended: list[int] = []
    try:
        asked, settings = _parse(argv)
    except Unusable as error:
        return _unusable(str(error))

    async def main(config: Config) -> int:
        ended.append(await execute(asked, config))
        return ended[0]

    code = cli.run(name, Config, main, settings, env_prefixes=ENV_PREFIXES, retired=RETIRED)
    return code if ended or not code else UNUSABLE


async def execute(asked: Asked, config: Config) -> int:
    """Carry a command out; the exit code."""
    carry_out = _apply if asked.command == "apply" and not config.dry_run else _plan
    stopping = asyncio.Event()
    try:
        matrix = read_matrix(asked.file)
        async with _session(config, region_for(matrix, config.aws_region)) as aws:
            with stopped_by_signals(stopping):
                return await _until_stopped(carry_out, aws, stopping, matrix, asked, config)
    except Unusable as error:
        return _unusable(str(error))
    except OutsideError as error:
        return _unusable(error.message)


Command = Callable[[AwsSession, asyncio.Event, Matrix, Asked, Config], Awaitable[int]]


async def _until_stopped(
    carry_out: Command,
    aws: AwsSession,
    stopping: asyncio.Event,
    matrix: Matrix,
    asked: Asked,
    config: Config,
) -> int:
    """Carry a command out; after a stop nothing is read any more, and changes on the wire are waited for."""

    async def stop_calls() -> None:
        await stopping.wait()
        aws.stop()

    stopper = asyncio.create_task(stop_calls())
    try:
        return await carry_out(aws, stopping, matrix, asked, config)
    finally:
        stopper.cancel()


async def _plan(
    aws: AwsSession, stopping: asyncio.Event, matrix: Matrix, asked: Asked, config: Config
) -> int:
    """Print what each stack needs."""
    _, plans = await planned(aws, matrix, version())
    plans = chosen(plans, asked.cells)
    is_table = (config.output or ("table" if sys.stdout.isatty() else "json")) == "table"
    if is_table:
        cli.say(as_table(plan_lines(plans)))
        cli.say(f"{summary(plans)}\n")
    else:
        cli.say(as_json_lines(plan_lines(plans, all_of_them=True)))
    return exit_code(plans)


async def _apply(
    aws: AwsSession, stopping: asyncio.Event, matrix: Matrix, asked: Asked, config: Config
) -> int:
    """Carry out what stacks of cells need, a line for each that is done."""
    matrix, plans = await planned(aws, matrix, version())
    apply = Apply(aws, matrix, Permit(stopping), version=version(), parallel=asked.parallel)
    to_do = await apply.to_do(chosen(plans, asked.cells))
    results: Counter[str] = Counter()
    bad: list[Applied] = []
    async for each in apply.carry_out(to_do):
        results[each.result] += 1
        cli.say(f"[{results.total()}/{len(to_do)}] {each.name}: {_in_words(each)}\n")
        if each.result in ("failed", "left"):
            bad.append(each)
    cli.say(f"{_in_all(results)}{_leftover(plans)}\n")
    for each in sorted(bad, key=lambda one: (one.result, one.name)):
        sys.stderr.write(f"{each.result}: {each.name}: {each.why}\n")
    return FAILED if bad else 0


def _in_words(applied: Applied) -> str:
    return f"{applied.result}: {applied.why}" if applied.why else applied.result


def _in_all(results: Counter[str]) -> str:
    if not results:
        return "nothing to do"
    return "in all: " + ", ".join(f"{count} {result}" for result, count in sorted(results.items()))


def _leftover(plans: Sequence[StackPlan]) -> str:
    count = sum(each.kind == "delete" for each in plans)
    return f"; {count} without a cell, which stay" if count else ""


@asynccontextmanager
async def _session(config: Config, region: str) -> AsyncIterator[AwsSession]:
    async with AwsSession(
        region=region,
        endpoint_url=config.aws_endpoint_url,
        rates=RATES,
        operations=OPERATIONS,
        threads=_MOST_PARALLEL,
        read_seconds=30.0,
    ) as aws:
        yield aws


class _Parser(argparse.ArgumentParser):
    """Raises Unusable in place of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise Unusable(message)


def _parse(argv: Sequence[str]) -> tuple[Asked, list[str]]:
    """What is asked, and the arguments that are settings. Raises Unusable."""
    if {"--help", "-h", "--version"} & set(argv):
        return Asked("", ""), list(argv)
    parser = _Parser("matrix", add_help=False, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", metavar="plan|apply", required=True)
    for command in ("plan", "apply"):
        sub = commands.add_parser(command, add_help=False, allow_abbrev=False)
        sub.add_argument("file", metavar="FILE")
        sub.add_argument("--cell", action="append", default=[])
        if command == "apply":
            sub.add_argument("--parallel", type=int, default=_PARALLEL)
    given, settings = parser.parse_known_args(list(argv))
    asked = Asked(given.command, given.file, tuple(given.cell), getattr(given, "parallel", _PARALLEL))
    if not 1 <= asked.parallel <= _MOST_PARALLEL:
        raise Unusable(f"--parallel {asked.parallel} is not allowed: 1 to {_MOST_PARALLEL}")
    return asked, settings


def _unusable(message: str) -> int:
    sys.stderr.write("".join(f"addons autoscaler matrix: {line}\n" for line in message.splitlines()))
    return UNUSABLE
