"""The attributes of listeners, by annotation and by class. Pure."""

from collections.abc import Iterable

from addons.albingress import names
from addons.albingress.desired import annotations, class_params
from addons.albingress.desired.asked import Asked, Invalid
from addons.albingress.desired.exclusive import SettledPairs, settle_pairs, unknown_wish
from addons.albingress.desired.inputs import GroupInputs, Member
from addons.albingress.desired.ports import PortUse
from addons.albingress.model.stack import Pairs
from addons.runtime.outcomes import Problem


def listener_attributes(use: PortUse) -> SettledPairs:
    """The attributes that members ask for on a port, each key on its own."""
    name = f"{use.port.protocol}-{use.port.port}"
    wishes = [(member, wish) for member in use.members for wish in _attribute_wishes(member, name)]
    return settle_pairs(
        f"attribute of listener {name}", wishes, use.incumbent.attributes if use.incumbent else None
    )


def attributes_of_nobody(inputs: GroupInputs, uses: Iterable[PortUse]) -> Iterable[Problem]:
    """A problem for every annotation for a listener that the group does not have."""
    used = {f"{use.port.protocol}-{use.port.port}" for use in uses}
    prefix = annotations.LISTENER_ATTRIBUTES.name() + "."
    return [
        Problem(
            member.ref,
            names.UNKNOWN_ANNOTATION,
            f"annotation {key} does nothing: the listeners of the group are {', '.join(sorted(used))}",
        )
        for member in inputs.members
        for key in sorted(member.ingress.metadata.annotations)
        if key.startswith(prefix) and key.removeprefix(prefix) not in used
    ]


def _attribute_wishes(member: Member, name: str) -> tuple[Asked[Pairs], ...]:
    """What a member asks for by its annotation, but for what its class says, and by its class."""
    if member.doubt:
        return (unknown_wish(member),)
    by_class = class_params.LISTENERS.asked_by(member.params)
    said = annotations.LISTENER_ATTRIBUTES.asked_by(member.ingress, suffix=name)
    if by_class is None or isinstance(by_class, Invalid):
        return said, by_class
    ruled = {key: text for one in by_class if one.name == name for key, text in one.attributes}
    if isinstance(said, Invalid):
        return said, tuple(sorted(ruled.items()))
    return (tuple(sorted((dict(said or ()) | ruled).items())),)
