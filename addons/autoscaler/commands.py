"""The commands beside the daemon: look whether all is there, and have the groups of a matrix."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from msgspec.structs import replace

from addons.autoscaler.config import Config
from addons.autoscaler.controller.build import NAME, connected
from addons.autoscaler.controller.check import check
from addons.runtime.cli import say

HELP = """commands, written before all settings:
  check
        Tell as whom AWS knows the daemon, whether it could lead, whether the original does, which groups
        there are, what their next node would be like, on which node it runs and how much it would change.
        Changes nothing; exits with 3 when something is missing.
  matrix plan FILE [--cell NAME]
        Tell what each stack of the matrix in FILE needs, and why. Exits with 0 when there is nothing to do,
        2 when there is, 3 when something cannot be done, 1 when FILE or AWS cannot be read.
  matrix apply FILE [--cell NAME] [--parallel 8]
        Have the stacks of the matrix become what FILE asks for. Run it again after it was stopped. Exits with
        3 when a stack failed or was left; --dry-run makes it plan. --cell names cells or stacks, with * for
        anything, and may be given several times.
  matrix prune FILE --yes [--most 30]
        Empty the groups that no cell of FILE asks for, node by node as in scale-down, and delete their
        stacks; refused when more than --most percent of the instances would go. --dry-run tells which. It
        needs the cluster too; run it again after it was stopped. Exits with 3 when it was refused, or a stack
        is left.

"""

Entry = Callable[[Config], Coroutine[Any, Any, int]]


def command_of(argv: Sequence[str]) -> tuple[Entry | None, list[str]]:
    """Give the command that the first argument names, or None, and the arguments that are settings."""
    if argv and argv[0] == "check":
        return run_check, list(argv[1:])
    return None, list(argv)


def run_matrix(argv: Sequence[str]) -> int:
    """Run the command of the matrix that the first argument names; the exit code."""
    from addons.autoscaler.controller.matrix_commands import run  # its imports are none of the daemon's

    return run(argv, NAME)


async def run_check(config: Config) -> int:
    """Print what is found, a line for each: 0 when all of it is good, else 3."""
    all_good = True
    async with connected(replace(config, dry_run=True, once=True)) as parts:
        async for finding in check(config, parts):
            all_good &= finding.is_good
            say(f"{finding}\n")
    return 0 if all_good else 3
