"""The command beside the daemon: look whether all is there."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from msgspec.structs import replace

from addons.autoscaler.config import Config
from addons.autoscaler.controller.build import connected
from addons.autoscaler.controller.check import check
from addons.runtime.cli import say

HELP = """commands, written before all settings:
  check
        Tell as whom AWS knows the daemon, whether it could lead, whether the original does, which groups
        there are, what their next node would be like, on which node it runs and how much it would change.
        Changes nothing; exits with 3 when something is missing.

"""

Entry = Callable[[Config], Coroutine[Any, Any, int]]


def command_of(argv: Sequence[str]) -> tuple[Entry | None, list[str]]:
    """Give the command that the first argument names, or None, and the arguments that are settings."""
    if argv and argv[0] == "check":
        return run_check, list(argv[1:])
    return None, list(argv)


async def run_check(config: Config) -> int:
    """Print what is found, a line for each: 0 when all of it is good, else 3."""
    all_good = True
    async with connected(replace(config, dry_run=True, once=True)) as parts:
        async for finding in check(config, parts):
            all_good &= finding.is_good
            say(f"{finding}\n")
    return 0 if all_good else 3
