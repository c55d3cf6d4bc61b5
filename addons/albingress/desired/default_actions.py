"""What a listener answers where no rule matches: the default backend of a member, else 404. Pure."""

from collections.abc import Sequence

from addons.albingress import names
from addons.albingress.desired.answers import Answering, Answers
from addons.albingress.desired.backends import Protocol
from addons.albingress.desired.incumbents import IncumbentRules
from addons.albingress.desired.inputs import Member
from addons.albingress.desired.not_usable import Faults, NotUsable
from addons.albingress.desired.placeholders import ANSWERS_503, NOT_FOUND, STAYS, is_placeholder, placeholder
from addons.albingress.model.rules import Action, lets_nobody_in
from addons.runtime.objects import Key

_PLACE = "default backend"


def default_answering(
    answers: Answers,
    unheard: Answers,
    incumbents: IncumbentRules,
    faults: Faults,
    *,
    port: int,
    protocol: Protocol,
    members: Sequence[Member],
    kept: frozenset[Key] = frozenset(),
) -> Answering:
    """The default actions of a listener. Of several default backends that in AWS counts, else the first.

    One that cannot be used now answers 503, or what AWS has stays, as it does for members of `kept`.
    """
    wished = [(each, backend) for each in members if (backend := each.ingress.spec.default_backend)]
    if not wished:
        return Answering(actions=(NOT_FOUND,))
    standing = incumbents.default_owner(port, [each.key for each, _ in wished])
    member, backend = next((one for one in wished if one[0].key == standing), wished[0])
    for loser in (each for each, _ in wished if each is not member):
        faults.add(
            loser.ref,
            names.CONFLICTING_SETTING,
            f"spec.defaultBackend: a port has one, and that of ingress/{member.name} counts; remove one",
            effect="not used",
            place=f"port {port}",
        )
    if member.doubt or member.key in kept:
        found = unheard.read(member, backend, port=port, protocol=protocol, place=_PLACE)
        return _as_it_is(found, incumbents, member, port)
    found = answers.read(member, backend, port=port, protocol=protocol, place=_PLACE)
    kept_actions = _may_stay(found, incumbents.default_actions(port))
    if found.fault:
        effect = STAYS if kept_actions else ANSWERS_503
        faults.note(found.fault, member.ref, effect=effect, place=f"{_PLACE} on port {port}")
    return Answering(actions=kept_actions, groups=found.groups) if kept_actions else found


def _may_stay(found: Answering, standing: tuple[Action, ...]) -> tuple[Action, ...]:
    """What AWS has, where that is better and leads nobody past a login that is asked for; else nothing."""
    if not found.may_stay or is_placeholder(standing):
        return ()
    if found.is_protected and not lets_nobody_in(standing):
        return ()
    return standing


def _as_it_is(found: Answering, incumbents: IncumbentRules, member: Member, port: int) -> Answering:
    """What AWS has stays, with its target groups, but not past a login; 404 where it has no such listener."""
    standing = incumbents.default_actions(port) or (NOT_FOUND,)
    if not member.doubt and found.is_protected and not lets_nobody_in(standing):
        return Answering(actions=(placeholder(NotUsable("", shown="login is not possible")),))
    known = tuple(group for group in found.groups if group.name in incumbents.target_group_names)
    return Answering(actions=standing, groups=known)
