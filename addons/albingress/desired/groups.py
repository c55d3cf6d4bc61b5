"""Which Ingresses share a load balancer, and in which order. Pure."""

from collections.abc import Iterable

from msgspec import Struct

from addons.albingress import names
from addons.albingress.config import Config
from addons.albingress.desired import annotations, class_params
from addons.albingress.desired.asked import Invalid
from addons.albingress.desired.classes import ClassObjects, Doubtful, NotOurs, classify
from addons.albingress.desired.incumbents import first_priorities
from addons.albingress.desired.inputs import Member
from addons.albingress.model.elb import ObservedStack
from addons.albingress.model.groups import GroupId
from addons.albingress.model.objects import Ingress, IngressClassParams
from addons.runtime.objects import ref
from addons.runtime.outcomes import Problem


class Unplaced(Struct, frozen=True):
    """The Ingress is ours, or may be, and nothing can be made of it; AWS has nothing of it either."""

    problem: Problem


Membership = Member | NotOurs | Unplaced


def membership(ingress: Ingress, objects: ClassObjects, config: Config) -> Membership:
    """The group that the Ingress belongs to now.

    Where its class or the name of its group cannot be used, it is taken for a member of the group that it was
    last seen in, by its finalizer, in doubt: what AWS has of it stays as it is.
    """
    if ingress.metadata.deletion_timestamp is not None:
        return NotOurs("it is being deleted")
    found = classify(ingress, objects, config)
    if isinstance(found, NotOurs):
        return found
    if isinstance(found, Doubtful):
        return _last_known(ingress, found.problem)
    wanted = _group_of(ingress, found.params, config)
    if isinstance(wanted, Invalid):
        return _last_known(ingress, wanted.problems[0])
    order = annotations.GROUP_ORDER.asked_by(ingress)
    if isinstance(order, Invalid):
        return Member(
            ingress=ingress, group=wanted, params=found.params, order=None, problems=_unordered(order)
        )
    return Member(ingress=ingress, group=wanted, params=found.params, order=order or 0)


def groups_held(ingress: Ingress) -> tuple[GroupId, ...]:
    """The groups in which AWS may have something of the Ingress, by its finalizers."""
    finalizers = ingress.metadata.finalizers
    named = (
        GroupId(one.removeprefix(names.GROUP_FINALIZER))
        for one in finalizers
        if one.startswith(names.GROUP_FINALIZER)
    )
    alone = (_alone(ingress),) if names.FINALIZER in finalizers else ()
    return (*sorted(named), *alone)


def groups_left(ingress: Ingress, found: Membership) -> tuple[GroupId, ...]:
    """The groups that the Ingress belongs to no more and must be taken out of."""
    current = found.group if isinstance(found, Member) else None
    if isinstance(found, Member) and found.doubt:
        return ()
    return tuple(group for group in groups_held(ingress) if group != current)


def finalizer_of(group: GroupId) -> str:
    """The finalizer that the members of a group hold while AWS may have something of them."""
    return f"{names.GROUP_FINALIZER}{group.name}" if group.is_explicit else names.FINALIZER


def in_order(members: Iterable[Member], incumbent: ObservedStack | None = None) -> tuple[Member, ...]:
    """The members as their rules are to stand: by `group.order`, then by namespace and name.

    One whose order cannot be read stays where its rules are now, else it comes behind those of order 0.
    """
    everyone = sorted(members, key=lambda member: member.name)
    placed = sorted((one for one in everyone if one.order is not None), key=_order)
    now = first_priorities(incumbent, everyone) if incumbent else {}
    for lost in (one for one in everyone if one.order is None):
        mine = now.get(lost.key)
        before = [
            place
            for place, other in enumerate(placed)
            if (_order(other) <= 0 if mine is None else now.get(other.key, mine) < mine)
        ]
        placed.insert(max(before, default=-1) + 1, lost)
    return tuple(placed)


def _order(member: Member) -> int:
    return member.order or 0


def _alone(ingress: Ingress) -> GroupId:
    return GroupId(ingress.metadata.name, ingress.metadata.namespace)


def _group_of(ingress: Ingress, params: IngressClassParams | None, config: Config) -> GroupId | Invalid:
    by_class = class_params.GROUP_NAME.asked_by(params)
    if isinstance(by_class, Invalid):
        return by_class
    if by_class:
        return GroupId(by_class)
    said = annotations.GROUP_NAME.asked_by(ingress)
    if isinstance(said, Invalid):
        return said
    if said is None:
        return _alone(ingress)
    if config.disable_ingress_group_name_annotation and GroupId(said) not in groups_held(ingress):
        fault = "is not accepted on new Ingresses here (--disable-ingress-group-name-annotation)"
        return Invalid(ref(ingress), f"annotation {annotations.GROUP_NAME.name()}", fault)
    return GroupId(said)


def _last_known(ingress: Ingress, problem: Problem) -> Member | Unplaced:
    if not (held := groups_held(ingress)):
        return Unplaced(problem)
    said = annotations.GROUP_NAME.asked_by(ingress)
    wished = GroupId(said) if isinstance(said, str) else _alone(ingress)
    group = wished if wished in held else held[0]
    return Member(ingress=ingress, group=group, order=None, doubt=problem.message, problems=(_kept(problem),))


def _kept(problem: Problem) -> Problem:
    return Problem(problem.ref, problem.reason, f"{problem.message}; what AWS has of it stays as it is")


def _unordered(order: Invalid) -> tuple[Problem, ...]:
    return tuple(
        Problem(one.ref, one.reason, f"{one.message}; its rules keep their place in the group")
        for one in order.problems
    )
