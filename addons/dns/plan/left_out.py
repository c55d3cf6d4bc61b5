"""Records of objects that are there and would ask for them, were it not for a setting. Pure.

A setting that narrows what is looked at may be a slip; what it would delete stays until a person approves.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from addons.dns import names as reasons
from addons.dns.model.actions import GivenUp, Plan, Wish
from addons.dns.model.endpoint import ref_of
from addons.dns.plan.guard import approval_hash
from addons.runtime.outcomes import Skip


def mark_left_out(plan: Plan, settings: Mapping[Wish, str]) -> Plan:
    """The plan with the settings that leave out the objects of what it gives up, instead of blaming these."""
    if not settings:
        return plan
    groups = tuple(
        replace(group, left_out_by=by, because=f"{by} leaves {group.resource} out")
        if group.verb == "delete" and (by := settings.get(Wish(group.resource, group.name)))
        else group
        for group in plan.groups
    )
    skips = tuple(
        Skip(skip.key, ref_of(skip.resource), reasons.FILTERED_OUT, _stays(skip.name, skip.resource, by))
        if isinstance(skip, GivenUp) and (by := settings.get(Wish(skip.resource, skip.name)))
        else skip
        for skip in plan.skips
    )
    return replace(plan, groups=groups, skips=skips)


def hold_left_out(plan: Plan, released: frozenset[str]) -> Plan:
    """Take out the deletes of objects that a setting leaves out, unless their keys are `released`."""
    held = [group for group in plan.groups if group.left_out_by and group.key not in released]
    if not held:
        return plan
    release = f"--approve-plan={approval_hash(held)} lets {len(held)} such names go"
    skips = tuple(
        Skip(
            group.key,
            ref_of(group.resource),
            reasons.FILTERED_OUT,
            f"{_stays(group.name, group.resource, group.left_out_by)}; {release}",
        )
        for group in held
    )
    groups = tuple(group for group in plan.groups if group not in held)
    return replace(plan, groups=groups, skips=plan.skips + skips)


def _stays(name: str, resource: str, by: str) -> str:
    return f"{name} stays: {by} leaves out {resource}, which is there"
