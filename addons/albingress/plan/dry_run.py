"""A plan as the lines that `--dry-run` prints. Secrets are never among them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from addons.albingress.model.actions import AwsAction, Plan
from addons.albingress.model.stack import DesiredListener, DesiredRule
from addons.albingress.model.targets import RegisterTargets, TargetPlan
from addons.runtime.outcomes import PlanLine

_OF_EVERY_ACTION = frozenset(each.name for each in fields(AwsAction))

_LEFT_OUT: Mapping[type[Struct], frozenset[str]] = {
    DesiredRule: frozenset({"key", "owner", "secret", "secret_digest"}),
    DesiredListener: frozenset({"rules", "default_secret", "default_secret_digest"}),
}
"""Secrets and their digests; and what is shown at its own place."""


def preview(plan: Plan) -> Iterator[PlanLine]:
    """One line for every action, and for every decision not to act."""
    for action in plan.actions:
        yield PlanLine(action.key, action.words, str(action.ref or ""), action.because, _details(action))
    for skip in plan.skips:
        yield PlanLine(skip.key, "skip", str(skip.ref or ""), skip.message, {"reason": skip.reason})


def preview_targets(plans: Iterable[TargetPlan]) -> Iterator[PlanLine]:
    """One line for every call that registers or deregisters targets."""
    for plan in plans:
        for action in plan.actions:
            words = "register targets" if isinstance(action, RegisterTargets) else "deregister targets"
            targets = {"targets": [f"{each.id}:{each.port}" for each in action.targets]}
            yield PlanLine(action.key, words, str(action.ref or ""), action.because, targets)


def _details(action: AwsAction) -> dict[str, Any]:
    """What an action would say to AWS, and what it waits for."""
    shown = {"needs": list(action.needs)} if action.needs else {}
    return shown | _fields(action, _OF_EVERY_ACTION)


def _fields(value: Struct, left_out: frozenset[str]) -> dict[str, Any]:
    """The fields of a value that say anything, by their names as JSON has them."""
    names = [each.name for each in fields(value) if each.name not in left_out]
    return {_camel(name): _shown(said) for name in names if (said := getattr(value, name)) not in _NOTHING}


_NOTHING: tuple[object, ...] = (None, "", (), {})


def _shown(value: object) -> Any:
    if isinstance(value, Struct):
        kind = {"type": type(value).__name__} if value.__struct_config__.tag else {}
        return kind | _fields(value, _LEFT_OUT.get(type(value), frozenset({"owner"})))
    if isinstance(value, Mapping):
        return {str(key): _shown(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [_shown(each) for each in value]
    return value


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
