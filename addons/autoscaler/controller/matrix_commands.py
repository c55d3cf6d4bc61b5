"""The commands of the matrix: what they print, and how they end. Only roll and prune need a
cluster."""

import argparse
import asyncio
import os
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Final, NoReturn

from addons.autoscaler.aws.matrix_groups import groups_of
from addons.autoscaler.aws.stack_calls import OPERATIONS, RATES
from addons.autoscaler.config import ENV_PREFIXES, RETIRED, Config
from addons.autoscaler.controller.matrix_apply import Applied, Apply
from addons.autoscaler.controller.matrix_draining import pruning
from addons.autoscaler.controller.matrix_plan import Unusable, chosen, planned, read_matrix, region_for
from addons.autoscaler.controller.matrix_prune import Prune, Pruned
from addons.autoscaler.controller.matrix_rolling import roll
from addons.autoscaler.matrix.expansion import Matrix
from addons.autoscaler.matrix.plan import CHANGED, FAILED, exit_code
from addons.autoscaler.matrix.prune import MOST_PERCENT, prune_of
from addons.autoscaler.matrix.telling import plan_lines, prune_lines, summary
from addons.autoscaler.model.matrix import StackPlan
from addons.runtime import cli
from addons.runtime.app import stopped_by_signals, version
from addons.runtime.aws import AwsSession
from addons.runtime.errors import OutsideError
from addons.runtime.permit import Permit
from addons.runtime.plan_output import as_json_lines, as_table

UNUSABLE = 1
"""Exit code: the file or the arguments cannot be used."""

UNREACHABLE = 4
"""Exit code: AWS or Kubernetes cannot be reached, or refuse."""

_IDLE_SECONDS = 0.5
"""A thread that has nothing to do ends within so long."""

_PARALLEL = 8
_MOST_PARALLEL = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """What a command line asks for; `cells` are patterns of names, all cells where there are none."""

    command: str
    file: str
    cells: tuple[str, ...] = ()
    parallel: int = _PARALLEL
    is_said: bool = False
    most: float = MOST_PERCENT
    batch: int = 1
    shows_plan: bool = False
    exits_zero: bool = False


def run(argv: Sequence[str], name: str) -> int:
    """Run the command that stands before the settings; the exit code: 2 for a plan with changes alone."""
    ended: list[int] = []
    try:
        asked, settings = parse(argv)
    except Unusable as error:
        return _unusable(str(error))

    async def main(config: Config) -> int:
        ended.append(await execute(asked, config))
        return ended[0]

    code = cli.run(name, Config, main, settings, env_prefixes=ENV_PREFIXES, retired=RETIRED)
    code = code if ended or not code else UNUSABLE
    _wait_for_no_answers(code)
    return code


def _wait_for_no_answers(code: int) -> None:
    """End the process where calls hang that nobody waits for any more. They only read, as a change is waited
    for; but the interpreter would wait for their threads, until AWS answers or 30 seconds have passed.
    """
    end = monotonic() + _IDLE_SECONDS
    threads = [each for each in threading.enumerate() if each.name.startswith("aws-")]
    for each in threads:
        each.join(max(0.0, end - monotonic()))
    if any(each.is_alive() for each in threads):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


async def execute(asked: Asked, config: Config) -> int:
    """Carry a command out; the exit code."""
    code = await _carried_out(asked, config)
    return 0 if asked.exits_zero and code == CHANGED else code


async def _carried_out(asked: Asked, config: Config) -> int:
    carry_out = _COMMANDS[asked.command]
    if config.dry_run and asked.command == "apply":
        carry_out = _plan
    stopping = asyncio.Event()
    try:
        matrix = read_matrix(asked.file)
        async with _session(config, region_for(matrix, config.aws_region)) as aws:
            with stopped_by_signals(stopping):
                return await _until_stopped(carry_out, aws, stopping, matrix, asked, config)
    except Unusable as error:
        return _unusable(str(error))
    except OutsideError as error:
        return _unusable(error.message, UNREACHABLE)


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
    _show(plans, config)
    return exit_code(plans)


def _show(plans: Sequence[StackPlan], config: Config) -> None:
    is_table = (config.output or ("table" if sys.stdout.isatty() else "json")) == "table"
    if is_table:
        cli.say(as_table(plan_lines(plans)))
        cli.say(f"{summary(plans)}\n")
    else:
        cli.say(as_json_lines(plan_lines(plans, all_of_them=True)))


async def _apply(
    aws: AwsSession, stopping: asyncio.Event, matrix: Matrix, asked: Asked, config: Config
) -> int:
    """Carry out what stacks of cells need, a line for each that is done."""
    matrix, plans = await planned(aws, matrix, version())
    apply = Apply(
        aws, matrix, Permit(stopping), version=version(), parallel=asked.parallel, tell=_say_on_stderr
    )
    to_do = await apply.to_do(chosen(plans, asked.cells))
    if asked.shows_plan:
        _show(chosen(plans, asked.cells), config)
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


async def _prune(
    aws: AwsSession, stopping: asyncio.Event, matrix: Matrix, asked: Asked, config: Config
) -> int:
    """Empty and delete the stacks that no cell asks for, if they may go."""
    matrix, plans = await planned(aws, matrix, version())
    of_stacks = [each.name for each in plans if not (each.stack and each.stack.has_nothing)]
    groups = await groups_of(aws, of_stacks)
    sizes = {each.name: each.desired for each in groups.values()}
    found = prune_of(plans, sizes, is_said=asked.is_said or config.dry_run, most=asked.most)
    for name, why in found.waits.items():
        sys.stderr.write(f"waits: {name}: {why}\n")
    if found.refused:
        return _unusable(found.refused, FAILED)
    if not found.going:
        cli.say("nothing to do\n")
        return FAILED if found.waits else 0
    if config.dry_run and config.output == "json":
        cli.say(as_json_lines(prune_lines(found, sizes)))
        return CHANGED
    stacks = "1 stack goes" if len(found.going) == 1 else f"{len(found.going)} stacks go"
    cli.say(f"{stacks}, with {found.instances} of {found.in_all} instances\n")
    if config.dry_run:
        cli.say("".join(f"{each.name}: {'; '.join(each.reasons)}\n" for each in found.going))
        return CHANGED
    bad = len(found.waits)
    async with pruning(config, aws, Permit(stopping)) as prune:
        prune.assure_cluster([each.name for each in found.going], groups)
        for plan in found.going:
            bad += not await _gone(prune, plan)
    return FAILED if bad else 0


async def _gone(prune: Prune, plan: StackPlan) -> bool:
    """Have a stack go, and tell how far it is."""
    result = "deleted"
    if plan.stack:
        async for each in prune.prune(plan.stack):
            result = each.result
            out = sys.stderr.write if result in ("failed", "left") else cli.say
            out(f"{each.name}: {each.why or result}\n" if result == "going" else _ended(each))
    return result == "deleted"


def _ended(pruned: Pruned) -> str:
    return f"{pruned.result}: {pruned.name}" + (f": {pruned.why}" if pruned.why else "") + "\n"


async def _roll(
    aws: AwsSession, stopping: asyncio.Event, matrix: Matrix, asked: Asked, config: Config
) -> int:
    """Replace the instances that differ from what their groups launch now."""
    matrix, plans = await planned(aws, matrix, version())
    groups = await groups_of(aws, [each.name for each in plans])
    members = frozenset(each for group in groups.values() for each in group.instances)
    to_roll = chosen(plans, asked.cells)
    return await roll(aws, Permit(stopping), to_roll, config, batch=asked.batch, members=members)


_COMMANDS: Final[dict[str, Command]] = {"plan": _plan, "apply": _apply, "roll": _roll, "prune": _prune}


def _say_on_stderr(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


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


def parse(argv: Sequence[str]) -> tuple[Asked, list[str]]:
    """What is asked, and the arguments that are settings. Raises Unusable."""
    if {"--help", "-h", "--version"} & set(argv):
        return Asked("", ""), list(argv)
    parser = _Parser("matrix", add_help=False, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", metavar="|".join(_COMMANDS), required=True)
    parsers = {each: commands.add_parser(each, add_help=False, allow_abbrev=False) for each in _COMMANDS}
    for each in parsers.values():
        each.add_argument("file", metavar="FILE")
        each.add_argument("--exit-zero", action="store_true", dest="exits_zero")
    for each in (parsers["plan"], parsers["apply"], parsers["roll"]):
        each.add_argument("--cell", action="append", default=[], dest="cells")
    parsers["apply"].add_argument("--parallel", type=int, default=_PARALLEL)
    parsers["apply"].add_argument("--show-plan", action="store_true", dest="shows_plan")
    parsers["prune"].add_argument("--yes", action="store_true", dest="is_said")
    parsers["prune"].add_argument("--most", type=float, default=MOST_PERCENT)
    parsers["roll"].add_argument("--batch", type=int, default=1)
    given, settings = parser.parse_known_args(list(argv))
    asked = Asked(**(vars(given) | {"cells": tuple(getattr(given, "cells", ()))}))
    if not 1 <= asked.parallel <= _MOST_PARALLEL:
        raise Unusable(f"--parallel {asked.parallel} is not allowed: 1 to {_MOST_PARALLEL}")
    if not 0 <= asked.most <= 100:
        raise Unusable(f"--most {asked.most:g} is not allowed: 0 to 100, in percent of the instances")
    if asked.batch < 1:
        raise Unusable(f"--batch {asked.batch} is not allowed: 1 or more")
    return asked, settings


def _unusable(message: str, code: int = UNUSABLE) -> int:
    sys.stderr.write("".join(f"addons autoscaler matrix: {line}\n" for line in message.splitlines()))
    return code
