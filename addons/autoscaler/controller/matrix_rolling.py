"""The command that rolls groups: which ones, what is printed, and how it ends."""

import sys
from collections.abc import Iterable

from addons.autoscaler import names
from addons.autoscaler.aws.roll_groups import RollGroups
from addons.autoscaler.config import Config
from addons.autoscaler.controller.matrix_draining import rolling
from addons.autoscaler.controller.matrix_plan import Unusable
from addons.autoscaler.controller.matrix_roll import Roll, Rolled
from addons.autoscaler.matrix.plan import CHANGED, FAILED
from addons.autoscaler.matrix.roll import plan_roll
from addons.autoscaler.matrix.telling import roll_lines
from addons.autoscaler.model.matrix import StackPlan
from addons.runtime import cli
from addons.runtime.aws import AwsSession
from addons.runtime.kube_access import SERVICE_ACCOUNT_FILES
from addons.runtime.permit import Permit
from addons.runtime.plan_output import as_json_lines, as_table
from addons.runtime.setting_values import parse_duration


async def roll(
    aws: AwsSession,
    permit: Permit,
    plans: Iterable[StackPlan],
    config: Config,
    *,
    batch: int,
    members: frozenset[str],
) -> int:
    """Roll the groups of these stacks, or tell what differs in a dry run; the exit code. `members` are the
    instances of all groups of the matrix.

    Raises Unusable, and OutsideError where the cluster, or AWS, cannot be reached.
    """
    there, unusable = [], 0
    for plan in plans:
        if not plan.cell:
            continue
        if why := _why_not(plan):
            sys.stderr.write(f"waits: {plan.name}: {why}\n")
            unusable += 1
        else:
            there.append(plan)
    if config.dry_run:
        return await _tell(aws, there, config) or (FAILED if unusable else 0)
    _check_namespace(config)
    async with rolling(config, aws, permit, members=members) as found:
        return FAILED if await _roll_all(found, there, config, batch) or unusable else 0


def _check_namespace(config: Config) -> None:
    """Raise Unusable where nobody can know in which namespace the daemon reads what is rolled."""
    if not config.namespace and not SERVICE_ACCOUNT_FILES.exists():
        raise Unusable(
            "--namespace is missing: name that of the daemon, which reads there what is being rolled and"
            " leaves it alone; only in a pod is its own meant without it"
        )


def _why_not(plan: StackPlan) -> str:
    """Why a group is not rolled now; "" if it may be."""
    if plan.blocked or plan.is_busy:
        return plan.blocked or "something is being done with its stack"
    if plan.kind == "create" or plan.stack is None:
        return "it has no group yet: apply makes it"
    return "its stack is not as the file says: apply first" if plan.kind == "roll" else ""


async def _tell(aws: AwsSession, plans: Iterable[StackPlan], config: Config) -> int:
    """Print which instances differ; the exit code."""
    groups = RollGroups(aws)
    found = [(group, plan_roll(group, None)) for group in [await groups.read(each.name) for each in plans]]
    lines = roll_lines(found)
    is_table = (config.output or ("table" if sys.stdout.isatty() else "json")) == "table"
    cli.say(as_table(lines) if is_table else as_json_lines(lines))
    return CHANGED if lines else 0


async def _roll_all(roll: Roll, plans: Iterable[StackPlan], config: Config, batch: int) -> bool:
    """Roll one group after the other, up to the first that pauses; whether anything is left."""
    is_bad, stopped_by = False, ""
    for plan in plans:
        if stopped_by:
            sys.stderr.write(f"left: {plan.name}: nothing more is begun after {stopped_by}\n")
            continue
        async for each in roll.roll(plan.name, batch=batch, patience=_patience(plan, config)):
            _say(each)
        is_bad |= each.result in ("paused", "skipped", "left")
        stopped_by = plan.name if each.result in ("paused", "left") else ""
    return is_bad


def _say(rolled: Rolled) -> None:
    if rolled.result == "unchanged":
        return
    told = f"{rolled.name}: {rolled.why}" if rolled.why else rolled.name
    out = sys.stderr.write if rolled.result in ("paused", "skipped", "left") else cli.say
    out(f"{told}\n" if rolled.result == "going" else f"{rolled.result}: {told}\n")


def _patience(plan: StackPlan, config: Config) -> float:
    """Seconds that a new node of a cell may need."""
    text = plan.cell.options.get(names.OPTION_MAX_PROVISION_TIME, "") if plan.cell else ""
    return (parse_duration(text) if text else config.max_node_provision_time).total_seconds()
