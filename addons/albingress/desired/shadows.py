"""Paths that no request gets to: on each of their ports a redirect is in front of them. Pure."""

from collections.abc import Iterable, Iterator

from addons.albingress import names
from addons.albingress.desired.inputs import Member
from addons.albingress.desired.places import Place, places
from addons.albingress.model.stack import RuleKey
from addons.runtime.outcomes import Problem


class Shadows:
    """Collects, port by port, where a path is in the shadow of a redirect, and where it is served."""

    def __init__(self) -> None:
        self._because: dict[RuleKey, tuple[Place, str]] = {}
        self._served: set[RuleKey] = set()

    def hide(self, place: Place, because: str) -> None:
        """Note that a path has no rule on a port."""
        self._because.setdefault(place.key, (place, because))

    def hide_all(self, members: Iterable[Member], because: str) -> None:
        """Note that nobody has rules on a port."""
        for place in places(list(members), by_spec=False):
            self.hide(place, because)

    def serve(self, place: Place) -> None:
        """Note that a path has its rule on a port."""
        self._served.add(place.key)

    def problems(self) -> Iterator[Problem]:
        """A piece of advice for every path that is nowhere served, and could be."""
        for key, (place, because) in self._because.items():
            if key not in self._served:
                yield Problem(place.member.ref, names.RULE_SHADOWED, f"no request gets to {place}: {because}")
