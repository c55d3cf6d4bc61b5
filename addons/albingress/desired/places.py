"""The places where the Ingresses of a group ask for rules, in the order in which they are compared. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain, groupby

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress.desired import annotations
from addons.albingress.desired.backends import backend_name
from addons.albingress.desired.conditions import LONGEST_VALUE, rule_conditions
from addons.albingress.desired.inputs import Member
from addons.albingress.desired.not_usable import NotUsable, usable
from addons.albingress.desired.paths import PathPatterns, host_rank, in_order, path_patterns, path_rank
from addons.albingress.model.objects import IngressPath, IngressRule
from addons.albingress.model.rules import Condition, RuleContent
from addons.albingress.model.stack import DesiredRule, RuleKey, RuleState


class Place(Struct, frozen=True, kw_only=True):
    """A path of a host of an Ingress."""

    member: Member
    path: IngressPath
    key: RuleKey

    @property
    def host(self) -> str:
        """The host, empty for any."""
        return self.key.host

    def __str__(self) -> str:
        return f"{self.host or '*'}{self.path.path or '/*'}"

    def rule(
        self, content: RuleContent | None, state: RuleState, because: str, *, part: int = 0
    ) -> DesiredRule:
        """The rule that stands here in place of the one that is asked for."""
        return DesiredRule(
            key=replace(self.key, part=part),
            owner=self.member.owner,
            content=content,
            state=state,
            because=because,
        )


def places(members: Sequence[Member], *, by_spec: bool) -> list[Place]:
    """All places of the members in order.

    As the original: by member, by rule, and within one rule exact paths first, then the longest prefix. With
    `by_spec` as the Ingress specification: those of all members of equal order by how exactly they match.
    """
    if not by_spec:
        return list(chain.from_iterable(map(_places_of, members)))
    runs = (run for _, run in groupby(members, key=lambda member: member.order))
    return [
        place for run in runs for place in sorted(chain.from_iterable(map(_places_of, run)), key=_exactness)
    ]


def _exactness(place: Place) -> tuple[tuple[int, int], str, tuple[int, int]]:
    return host_rank(place.host), place.host, path_rank(place.path)


def _places_of(member: Member) -> Iterator[Place]:
    seen: Counter[RuleKey] = Counter()
    for rule in member.ingress.spec.rules:
        for path in in_order(rule.http.paths):
            key = _key(member, rule, path)
            yield Place(
                member=member,
                path=path,
                key=RuleKey(key.ingress, key.host, key.path, key.path_type, key.backend, seen[key]),
            )
            seen[key] += 1


def _key(member: Member, rule: IngressRule, path: IngressPath) -> RuleKey:
    return RuleKey(member.name, rule.host, path.path, path.path_type, backend_name(path.backend))


def conditions_of(place: Place) -> tuple[Condition, ...]:
    """All conditions of a place, not split yet; raises NotUsable."""
    own: tuple[Condition, ...] = ()
    if service := place.path.backend.service:
        own = usable(annotations.CONDITIONS.asked_by(place.member.ingress, suffix=service.name), ())
    return rule_conditions(place.host, _asked_patterns(place), own)


def host_and_path_of(place: Place) -> tuple[Condition, ...]:
    """The conditions of a place without those of its annotation; raises NotUsable."""
    return rule_conditions(place.host, _asked_patterns(place), ())


def _asked_patterns(place: Place) -> PathPatterns:
    regex = usable(annotations.USE_REGEX_PATH_MATCH.asked_by(place.member.ingress), False)
    return path_patterns(place.path.path, place.path.path_type, regex=regex)


def takes_from_nobody(place: Place, everyone: Sequence[Place]) -> bool:
    """Whether a rule for all requests to the place's host and path takes none that another rule would answer.

    It must have a host that no other Ingress may have requests of, and no later path of its own Ingress may
    match the same ones.
    """
    if not place.host:
        return False
    later = False
    for other in everyone:
        if other is place:
            later = True
        elif other.member.key == place.member.key:
            if later and _may_meet(place, other):
                return False
        elif _hosts_meet(place.host, other.host):
            return False
    return True


def _may_meet(one: Place, other: Place) -> bool:
    return _hosts_meet(one.host, other.host) and any(
        patterns_meet(first, second) for first in _patterns(one) for second in _patterns(other)
    )


def _patterns(place: Place) -> Iterable[str]:
    try:
        return path_patterns(place.path.path, place.path.path_type).values or ("*",)
    except NotUsable:
        return ("*",)


def _hosts_meet(one: str, other: str) -> bool:
    return not other or patterns_meet(one.lower(), other.lower())


def patterns_meet(one: str, other: str) -> bool:
    """Whether some text fits both patterns, in which * stands for any text and ? for one character.

    Patterns that are too long for AWS are not compared: they may meet.
    """
    if not any(wildcard in text for wildcard in "*?" for text in (one, other)):
        return one == other
    if max(len(one), len(other)) > LONGEST_VALUE + 1:
        return True

    @cache
    def meet(left: int, right: int) -> bool:
        if left == len(one):
            return all(rest == "*" for rest in other[right:])
        if right == len(other):
            return all(rest == "*" for rest in one[left:])
        first, second = one[left], other[right]
        if "*" in (first, second):
            return meet(left + 1, right) or meet(left, right + 1)
        return (first == second or "?" in (first, second)) and meet(left + 1, right + 1)

    return meet(0, 0)
