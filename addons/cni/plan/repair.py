"""Interfaces that are not as they should be: begun and not finished, or with other security groups."""

from collections.abc import Iterator

from addons.cni.model.actions import Action, RepairEni, SetSecurityGroups
from addons.cni.model.enis import Eni
from addons.cni.names import CREATED_TAG, INSTANCE_TAG
from addons.cni.plan.view import View


def repair(view: View) -> Iterator[Action]:
    """One action for each interface that needs it; the first one is the instance's, and stays as it is."""
    for eni in view.enis:
        if not eni.is_managed or eni.is_primary or eni.eni_id in view.busy or view.rests_now(eni.eni_id):
            continue
        if because := _unfinished(eni):
            yield RepairEni(eni_id=eni.eni_id, because=because)
        elif groups := _other_groups(view, eni):
            yield SetSecurityGroups(eni_id=eni.eni_id, groups=groups, because="it has other security groups")


def _unfinished(eni: Eni) -> str:
    """What is missing. Only those that we made must go with the instance."""
    if not eni.attachment_id:
        return "it is not attached"
    if INSTANCE_TAG not in eni.tags:
        return "it is not tagged"
    if CREATED_TAG in eni.tags and not eni.deletes_on_termination:
        return "it would outlive the instance"
    return ""


def _other_groups(view: View, eni: Eni) -> tuple[str, ...]:
    """The groups it should have instead, or none."""
    wanted = view.placement.security_groups
    is_placed = not view.placement.is_custom or eni.subnet_id in view.placement.subnet_ids
    return wanted if is_placed and set(eni.security_groups) != set(wanted) else ()
