"""The commands beside the daemon: look whether all is there, and have the groups of a matrix."""

import textwrap
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, Final

from msgspec.structs import replace

from addons.autoscaler.config import Config
from addons.autoscaler.controller.build import NAME, connected
from addons.autoscaler.controller.check import check
from addons.runtime.cli import say
from addons.runtime.settings import settings_of

_CHECK = """  check
        Tell as whom AWS knows the daemon, whether it could lead, whether the original does, which groups
        there are, what their next node would be like, on which node it runs, whether its clock is right and
        how much it would change.
        Changes nothing; exits with 3 when something is missing.
"""

_MATRIX: Final = {
    "plan": """  matrix plan FILE [--cell NAME] [--exit-zero]
        Tell what each stack of the matrix in FILE needs, and why. Exits with 0 when there is nothing to do,
        2 when there is, 3 when something cannot be done, 1 when FILE cannot be used, 4 when AWS cannot be
        reached. With --exit-zero, here and for the other commands, 0 takes the place of 2.
""",
    "apply": """  matrix apply FILE [--cell NAME] [--parallel 8] [--show-plan]
        Have the stacks of the matrix become what FILE asks for. Run it again after it was stopped. Exits with
        3 when a stack failed or was left; --dry-run makes it plan, --show-plan tells the plan first. --cell
        names cells or stacks, with * for anything, and may be given several times.
""",
    "roll": """  matrix roll FILE [--cell NAME] [--batch 1]
        Replace instances that are of an older launch template or image: new nodes come first, old ones are
        drained as in scale-down. It needs the cluster too; run it again after it was stopped. --dry-run tells
        which differ, and exits with 2. Exits with 3 when a roll had to pause, and says where and why.
""",
    "prune": """  matrix prune FILE --yes [--most 30]
        Empty the groups that no cell of FILE asks for, node by node as in scale-down, and delete their
        stacks; refused when more than --most percent of the instances would go. --dry-run tells which. It
        needs the cluster too; run it again after it was stopped. Exits with 3 when it was refused, or a stack
        is left.
""",
}
"""Command of the matrix -> what `--help` says of it."""

HELP: Final = f"commands, written before all settings:\n{_CHECK}{''.join(_MATRIX.values())}\n"

_COUNTING: Final = (
    "aws_region",
    "kubeconfig",
    "namespace",
    "cluster_name",
    "dry_run",
    "output",
    "max_pod_eviction_time",
    "node_delete_delay_after_taint",
    "config",
    "log_level",
)
"""The settings that matter to whoever has a matrix."""

Entry = Callable[[Config], Coroutine[Any, Any, int]]


def command_of(argv: Sequence[str]) -> tuple[Entry | None, list[str]]:
    """Give the command that the first argument names, or None, and the arguments that are settings."""
    if argv and argv[0] == "check":
        return run_check, list(argv[1:])
    return None, list(argv)


def matrix_help(argv: Sequence[str]) -> str:
    """What counts for the command of the matrix that the first argument names, or for all of them."""
    told = [text for name, text in _MATRIX.items() if name in argv[:1]] or list(_MATRIX.values())
    return "\n".join(
        (
            f"usage: addons {NAME} matrix {'|'.join(_MATRIX)} FILE [flags] [settings]\n",
            f"commands:\n{''.join(told)}",
            "settings that count here:",
            *_settings(),
            "",
            f"All settings: addons {NAME} --help. The file: docs/autoscaler-matrix.md.\n",
        )
    )


def _settings() -> Iterator[str]:
    found = {each.name: each for each in settings_of(Config)}
    indent = " " * 8
    for each in (found[name] for name in _COUNTING):
        yield f"  {each.flag}"
        yield textwrap.fill(each.doc, 108, initial_indent=indent, subsequent_indent=indent)


def run_matrix(argv: Sequence[str]) -> int:
    """Run the command of the matrix that the first argument names; the exit code."""
    if not {"--help", "-h"}.isdisjoint(argv):
        say(matrix_help(argv))
        return 0
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
