"""Decide what to do about the pool of addresses. Pure: the same view gives the same plan."""

from collections.abc import Iterator
from datetime import datetime

from addons.cni import names
from addons.cni.model.actions import Action, Plan
from addons.cni.plan.grow import grow
from addons.cni.plan.policies import targets_of
from addons.cni.plan.repair import repair
from addons.cni.plan.room import slots_of_rooms
from addons.cni.plan.shrink import YOUNG, release_useless, rest_before_release, shrink
from addons.cni.plan.view import View
from addons.cni.plan.why_waiting import why_waiting
from addons.runtime.outcomes import Skip


def plan_pool(view: View) -> Plan:
    """What to do now, one action for each interface, all of which may be done at the same time.

    Growth comes first; a pool that must grow does not shrink. A node that is cordoned or terminates gives
    nothing back: it will do so as a whole, and its pods are about to move. While Kubernetes cannot be asked
    nobody knows who is about to come, and nothing shrinks either.
    """
    targets = targets_of(view, view.stock, slots_of_rooms(view))
    growth = tuple(grow(view, targets))
    spare = () if targets.must or targets.nice else tuple(shrink(view))
    spare += tuple(release_useless(view))
    skips: tuple[Skip, ...] = ()
    if spare and (message := _keeps_all(view)):
        skips = tuple(Skip(action.key, None, names.NO_SHRINK, message) for action in spare)
        spare = ()
    actions = _one_for_each((*growth, *repair(view), *spare))
    return Plan(actions, skips, why_waiting(view, growth), _look_again(view))


def _keeps_all(view: View) -> str:
    if view.is_leaving:
        return "node terminates: nothing is given back"
    if view.is_cordoned:
        return "node is cordoned: nothing is given back"
    return "" if view.demand else "pods are not known: nothing is given back"


def _one_for_each(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    """The first action of each interface; those that make interfaces are all kept."""
    chosen: dict[tuple[str, int], Action] = {}
    for number, action in enumerate(actions):
        chosen.setdefault((action.key, 0 if hasattr(action, "eni_id") else number), action)
    return tuple(chosen.values())


def _look_again(view: View) -> datetime | None:
    return min((time for time in _times(view) if time > view.now), default=None)


def _times(view: View) -> Iterator[datetime]:
    """When something changes by itself."""
    yield from view.addresses.cooling.values()
    yield from (rest.until for rest in view.rests.values())
    release = rest_before_release(view)
    yield from (since + release for since in view.addresses.free_since.values())
    yield from (eni.created_at + YOUNG for eni in view.enis if eni.created_at)
