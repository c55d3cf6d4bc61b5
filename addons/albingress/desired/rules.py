"""The rules of a listener: in order, each with what becomes of it where it cannot be made as asked for. Pure.

A rule never matches more than was asked for: it answers 503 there, stays as AWS has it, or is not made.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.desired.answers import Answering, Answers
from addons.albingress.desired.backends import Protocol
from addons.albingress.desired.conditions import in_one_form
from addons.albingress.desired.incumbents import IncumbentRules
from addons.albingress.desired.inputs import GroupInputs, Member
from addons.albingress.desired.kept_rules import KeptRules
from addons.albingress.desired.merging import merged
from addons.albingress.desired.not_usable import Faults, NotUsable
from addons.albingress.desired.placeholders import ANSWERS_503, NO_RULE, STAYS, placeholder
from addons.albingress.desired.places import Place, conditions_of, host_and_path_of, places, takes_from_nobody
from addons.albingress.desired.redirects import hides, leads_to_itself, redirect_of
from addons.albingress.desired.shadows import Shadows
from addons.albingress.desired.splitting import MOST_RULES, TOO_MANY, split
from addons.albingress.model.rules import Condition, RuleContent
from addons.albingress.model.stack import DesiredRule, DesiredTargetGroup
from addons.runtime.objects import Key


class _Listener(Struct, frozen=True):
    """A listener while its rules are read: `redirects` hide what comes behind them, `taken` is by whom."""

    port: int
    protocol: Protocol
    places: Sequence[Place]
    redirects: list[tuple[Place, tuple[Condition, ...]]]
    taken: dict[tuple[Condition, ...], Place]


class ListenerRules:
    """Reads the rules of the listeners of one group; `groups` are the target groups that they need, by name.

    `unheard` is as for `KeptRules`.
    """

    def __init__(
        self,
        inputs: GroupInputs,
        *,
        answers: Answers,
        unheard: Answers,
        incumbents: IncumbentRules,
        faults: Faults,
    ) -> None:
        self._by_spec = inputs.config.path_order == "spec"
        self._merges = inputs.config.merge_rules
        self._answers = answers
        self._kept = KeptRules(incumbents, unheard, faults)
        self._faults = faults
        self.groups: dict[str, DesiredTargetGroup] = {}
        self.shadows = Shadows()
        self._asked: Counter[Key] = Counter()

    def read(
        self,
        port: int,
        protocol: Protocol,
        members: Sequence[Member],
        kept: frozenset[Key] = frozenset(),
    ) -> tuple[DesiredRule, ...]:
        """The rules of all members on a listener; those of `kept` leave theirs as AWS has them."""
        found = _Listener(port, protocol, places(members, by_spec=self._by_spec), [], {})
        rules: list[DesiredRule] = []
        for place in found.places:
            if place.member.doubt or place.member.key in kept:
                self.shadows.serve(place)
                rules += self._kept.all_of(place, port, protocol)
                self.groups |= self._kept.groups_of(place, port, protocol)
                continue
            if self._asked[place.member.key] >= MOST_RULES:
                rules.append(self._left_out(place))
                continue
            self._asked[place.member.key] += 1
            try:
                rules += self._rules_of(place, conditions_of(place), found)
            except NotUsable as fault:
                self.shadows.serve(place)
                rules += self._unmatched(place, port, protocol, fault, found.places)
        return merged(rules) if self._merges else tuple(rules)

    def _rules_of(
        self, place: Place, conditions: tuple[Condition, ...], on: "_Listener"
    ) -> tuple[DesiredRule, ...]:
        if first := next((other for other, hidden in on.redirects if hides(hidden, conditions)), None):
            because = f"{first} of {first.member.name} redirects all that it is for; change the order"
            return self._hidden(place, because)
        answering = self._answers.read(
            place.member, place.path.backend, port=on.port, protocol=on.protocol, place=str(place)
        )
        if redirect_of(answering.actions) and not answering.is_ours:
            content = RuleContent(conditions, answering.actions)
            if leads_to_itself(content, port=on.port, protocol=on.protocol):
                return self._hidden(place, f"on port {on.port} it would redirect to itself")
            on.redirects.append((place, conditions))
        first = on.taken.setdefault(in_one_form(conditions), place)
        if first is place:
            self.shadows.serve(place)
        else:
            self.shadows.hide(place, f"{first} of {first.member.name} is the same and first; remove one")
        return tuple(self._parts(place, on.port, conditions, answering))

    def _hidden(self, place: Place, because: str) -> tuple[DesiredRule, ...]:
        self.shadows.hide(place, because)
        return (place.rule(None, "absent", because),)

    def _left_out(self, place: Place) -> DesiredRule:
        """What would be one rule more than is made of one Ingress, and is not even read."""
        self.shadows.serve(place)
        self._faults.add(place.member.ref, names.BROKEN_RULE, TOO_MANY, effect=NO_RULE, place=str(place))
        return place.rule(None, "absent", TOO_MANY)

    def _parts(
        self, place: Place, port: int, conditions: Sequence[Condition], answering: Answering
    ) -> Iterator[DesiredRule]:
        """The rules of a place: several where AWS does not take one with all of its values."""
        made = split(conditions, MOST_RULES + 1 - self._asked[place.member.key])
        self._asked[place.member.key] += max(0, len(made.rules) - 1)
        for refused in made.refused:
            self._faults.add(place.member.ref, names.BROKEN_RULE, refused, effect=NO_RULE, place=str(place))
        if not made.rules:
            yield place.rule(None, "absent", "; ".join(made.refused))
            return
        self.groups |= {group.name: group for group in answering.groups}
        for number, part in enumerate(made.rules):
            yield self._part(
                place, port, number, RuleContent(part, answering.actions, answering.transforms), answering
            )

    def _part(
        self, place: Place, port: int, number: int, content: RuleContent, answering: Answering
    ) -> DesiredRule:
        if answering.may_stay:
            kept = self._kept.one(
                place, port, number, content, answering.may_stay, is_protected=answering.is_protected
            )
            if kept:
                if answering.fault:
                    self._note(answering.fault, place, STAYS)
                return kept
        if answering.fault:
            self._note(answering.fault, place, ANSWERS_503)
            return place.rule(content, "placeholder", str(answering.fault), part=number)
        return DesiredRule(
            key=replace(place.key, part=number),
            owner=place.member.owner,
            content=content,
            secret=answering.secret,
            secret_digest=answering.secret_digest,
        )

    def _unmatched(
        self, place: Place, port: int, protocol: Protocol, fault: NotUsable, everyone: Sequence[Place]
    ) -> Iterator[DesiredRule]:
        """The rules of a place whose conditions cannot be used.

        A 503 for all requests to its host and path would match more than was asked for. It stands only where
        it takes nothing from anybody else.
        """
        is_protected = self._answers.is_protected(place.member, place.path.backend, protocol)
        conditions = _host_and_path(place) if takes_from_nobody(place, everyone) else None
        content = RuleContent(conditions, (placeholder(fault),)) if conditions else None
        kept = tuple(self._kept.each(place, port, content, str(fault), is_protected=is_protected))
        self._note(fault, place, STAYS if kept else ANSWERS_503 if content else NO_RULE)
        if kept:
            yield from kept
        else:
            yield place.rule(content, "placeholder" if content else "absent", str(fault))

    def _note(self, fault: NotUsable, place: Place, effect: str) -> None:
        self._faults.note(fault, place.member.ref, effect=effect, place=str(place))


def _host_and_path(place: Place) -> tuple[Condition, ...] | None:
    """The conditions of a place without those of its annotation, where AWS takes them in one rule."""
    try:
        made = split(host_and_path_of(place))
    except NotUsable:
        return None
    return made.rules[0] if len(made.rules) == 1 and not made.refused else None
