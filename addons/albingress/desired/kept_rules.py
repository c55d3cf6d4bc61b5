"""Rules that stay as AWS has them, because what is asked for now cannot be made. Pure."""

from collections.abc import Iterator

from msgspec.structs import replace

from addons.albingress.desired.answers import Answering, Answers
from addons.albingress.desired.backends import Protocol
from addons.albingress.desired.incumbents import IncumbentRules
from addons.albingress.desired.not_usable import Faults, NotUsable
from addons.albingress.desired.placeholders import ANSWERS_503, NO_RULE, is_placeholder, placeholder
from addons.albingress.desired.places import Place, conditions_of
from addons.albingress.desired.splitting import split
from addons.albingress.model.elb import Rule
from addons.albingress.model.rules import RuleContent, lets_nobody_in
from addons.albingress.model.stack import DesiredRule, DesiredTargetGroup


class KeptRules:
    """Finds in AWS what the places of a group have there.

    `unheard` reads what members in doubt seem to ask for, and tells no faults: theirs are told already.
    """

    def __init__(self, incumbents: IncumbentRules, unheard: Answers, faults: Faults) -> None:
        self._incumbents = incumbents
        self._unheard = unheard
        self._faults = faults

    def one(
        self,
        place: Place,
        port: int,
        part: int,
        content: RuleContent | None,
        because: str,
        *,
        is_protected: bool,
    ) -> DesiredRule | None:
        """The rule that AWS has, to be left as it is; None where it has none, or one that leads past a login.

        One that is not tagged as ours is told by what it says. A placeholder is not worth to be kept.
        """
        key = replace(place.key, part=part)
        found = self._in_aws(place, port, part, content)
        if not found or any(is_placeholder(rule.content.actions) for rule in found):
            return None
        if is_protected and any(_leads_past_login(rule) for rule in found):
            return None
        if not self._incumbents.has_part(port, key):
            content = found[0].content
        return place.rule(content, "keep", because, part=part)

    def each(
        self, place: Place, port: int, content: RuleContent | None, because: str, *, is_protected: bool
    ) -> Iterator[DesiredRule]:
        """The rules that AWS has of a place, in all of its parts; `content` is that of the first."""
        for number in range(self._parts_in_aws(place, port, least=1)):
            kept = self.one(place, port, number, content, because, is_protected=is_protected)
            if not kept:
                return
            yield kept
            content = None

    def _parts_in_aws(self, place: Place, port: int, *, least: int) -> int:
        number = least
        while self._incumbents.has_part(port, replace(place.key, part=number)):
            number += 1
        return number

    def all_of(self, place: Place, port: int, protocol: Protocol) -> tuple[DesiredRule, ...]:
        """Its rules, of whom nobody knows what it asks for, or that cannot be served on the port as it asks.

        All that AWS has stays, and nothing new is made.
        """
        try:
            made = split(conditions_of(place)).rules
        except NotUsable:
            made = ()
        answering = self._asked(place, port, protocol)
        because = place.member.doubt or f"what it asks for on port {port} cannot be used now"
        is_protected = not place.member.doubt and answering.is_protected
        found = []
        for number in range(self._parts_in_aws(place, port, least=max(1, len(made)))):
            asked = RuleContent(made[number], answering.actions) if number < len(made) else None
            kept = self.one(place, port, number, asked, because, is_protected=is_protected)
            standing = self._in_aws(place, port, number, asked)
            if is_protected and any(_leads_past_login(rule) for rule in standing):
                kept = self._closed(place, number, asked, because)
            found.append(kept or place.rule(None, "keep", because, part=number))
        return tuple(found)

    def groups_of(self, place: Place, port: int, protocol: Protocol) -> dict[str, DesiredTargetGroup]:
        """Its target groups that AWS has, by name: they stay with its rules."""
        known = self._incumbents.target_group_names
        groups = self._asked(place, port, protocol).groups
        return {group.name: group for group in groups if group.name in known}

    def _asked(self, place: Place, port: int, protocol: Protocol) -> Answering:
        backend = place.path.backend
        return self._unheard.read(place.member, backend, port=port, protocol=protocol, place=str(place))

    def _closed(self, place: Place, part: int, content: RuleContent | None, because: str) -> DesiredRule:
        """What AWS has leads past a login that is asked for: it may not stay."""
        fault = NotUsable(
            f"{because}, and its rule in AWS leads past the login that it asks for",
            shown="login is not possible",
        )
        effect = ANSWERS_503 if content else NO_RULE
        self._faults.note(fault, place.member.ref, effect=effect, place=str(place))
        answer = RuleContent(content.conditions, (placeholder(fault),)) if content else None
        return place.rule(answer, "placeholder" if answer else "absent", because, part=part)

    def _in_aws(self, place: Place, port: int, part: int, content: RuleContent | None) -> tuple[Rule, ...]:
        conditions = content.conditions if content else None
        return self._incumbents.find(port, replace(place.key, part=part), conditions)


def _leads_past_login(rule: Rule) -> bool:
    """Whether the rule hands requests to targets without a login."""
    return not lets_nobody_in(rule.content.actions)
