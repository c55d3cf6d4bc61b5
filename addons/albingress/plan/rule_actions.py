"""The actions on the rules of one listener, each with the others that it needs."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.model.actions import (
    AwsAction,
    CreateRule,
    DeleteRule,
    ModifyRule,
    SetRulePriorities,
)
from addons.albingress.model.elb import Rule
from addons.albingress.model.rules import RuleContent, target_groups_of
from addons.albingress.model.stack import DesiredRule, Pairs
from addons.albingress.plan.matching import Matched, Pair
from addons.albingress.plan.reach import Reach, meet_any, reach_of
from addons.albingress.plan.rule_limit import Step
from addons.albingress.plan.rule_order import Line, Numbering
from addons.albingress.plan.rule_tags import has_secret, is_secret_changed, new_rule_tags, plan_rule_tags
from addons.albingress.plan.settle import rule_key
from addons.albingress.plan.usage import one_of
from addons.albingress.plan.view import View
from addons.runtime.outcomes import ObjectRef, Skip


class Site(Struct, frozen=True):
    """A listener: its name, port and tags, the actions that what rules say needs first, and who makes target
    groups that are not there. `default_key` is the action that changes the default action, if any.
    `resources`: by target group, its resource tag."""

    listener: str
    port: int
    tags: Pairs = ()
    needs: tuple[str, ...] = ()
    makers: Mapping[str, str] = {}
    default_key: str = ""
    resources: Mapping[str, str] = {}


class RuleActions:
    """The plan of one listener while it is made.

    `made`: keys of rules that are made, with what they match. `handled`: ARNs of rules that are changed or
    removed. `leavers`: by target group, the keys of actions after which a rule uses it no more.
    `skips`: what of these waits.
    """

    def __init__(self, site: Site, matched: Matched, view: View) -> None:
        self.site = site
        self.view = view
        self.reaches = {pair.rule.key.digest: reach_of(pair.content) for pair in matched.pairs}
        self.reaches |= {rule.arn: reach_of(rule.content) for rule in matched.doomed}
        self.reaches |= {rule.arn: reach_of(rule.content) for rule in matched.foreign}
        self.reaches |= {p.existing.arn: reach_of(p.existing.content) for p in matched.pairs if p.existing}
        self.actions: list[AwsAction] = []
        self.made: dict[str, Reach] = {}
        self.handled: set[str] = set()
        self.leavers: dict[str, tuple[str, ...]] = {}
        self.skips: list[Skip] = []
        self._matched = matched
        self._rewritten: dict[str, Reach] = {}
        self._early: set[str] = set()
        self._removed: dict[str, Reach] = {}
        self._first: tuple[str, ...] = ()
        self._then: tuple[str, ...] = ()
        self._withheld: list[Reach] = []

    @property
    def line(self) -> Line:
        """All rules of the listener before the plan."""
        return Line(self._matched.pairs, self._matched.doomed, self._matched.foreign)

    def reach(self, pair: Pair) -> Reach:
        """What a wish matches."""
        return self.reaches[pair.rule.key.digest]

    def there(self) -> list[Rule]:
        """The rules of ours that are there before the plan."""
        return [pair.existing for pair in self._matched.pairs if pair.existing] + list(self._matched.doomed)

    def is_rewritten(self, pair: Pair) -> bool:
        """Whether a rule is there and must say something else, or the same with another secret."""
        return pair.existing is not None and (pair.is_changed or self._has_new_secret(pair, pair.existing))

    def is_current(self, pair: Pair) -> bool:
        """Whether a wish is fulfilled once the plan is."""
        if pair.existing is None:
            return rule_key(self.site.listener, pair) in self.made
        return not pair.is_changed or pair.existing.arn in self.handled

    def no_room(self, pair: Pair) -> Skip:
        """Why a wish must wait."""
        return self._waits(pair, "none of them can go before this one is there")

    def no_room_around(self, pair: Pair) -> Skip:
        """Why a wish must wait for others."""
        return self._waits(pair, f"rules of {self.site.listener} have to be made before it can be changed")

    def _waits(self, pair: Pair, why: str) -> Skip:
        rule, most = pair.rule, self.view.quotas.rules
        message = (
            f"rule of {rule.key.ingress} for {rule.key.host or '*'}{rule.key.path} waits: the load balancer "
            f"has no room for it with {most} rules, and {why}; remove a rule of the group, or have AWS raise "
            "the quota"
        )
        return Skip(rule_key(self.site.listener, pair), rule.owner.ref, names.QUOTA_EXCEEDED, message)

    def move_first(self, priorities: Mapping[str, int]) -> None:
        """Make room between rules, in their order."""
        if priorities:
            key = f"spread/{self.site.listener}"
            because = f"{len(priorities)} rules of {self.site.listener} make room for others"
            self._set_priorities(key, because, priorities, {}, ())
            self._first = (key,)

    def take_steps(self, steps: Sequence[Step], numbering: Numbering) -> None:
        """Make new rules, and room for them where that must be."""
        room_by: tuple[str, ...] = ()
        for step in steps:
            if step.new is None and step.old:
                room_by = (self._remove(step.old, self._made_for(self.reaches[step.old.arn])),)
            elif step.new and step.old:
                needs = (*self._first, *self._made_for(self.reach(step.new)))
                needs += tuple(key for key in self._made_for(self.reaches[step.old.arn]) if key not in needs)
                self._rewrite(replace(step.new, existing=step.old), needs, room_by)
                self.made[rule_key(self.site.listener, step.new)] = self.reach(step.new)
                room_by = ()
            elif step.new:
                number = numbering.numbers[step.new.rule.key.digest]
                final = numbering.created.get(step.new.rule.key.digest, number)
                self._create(step.new, number, final, room_by)
                room_by = ()

    def rewrite_early(self, pairs: Iterable[Pair]) -> None:
        """Have rules say what is asked for before they pass others."""
        for pair in pairs:
            key = rule_key(self.site.listener, pair)
            if pair.existing is None or key in self.made:
                continue
            self._rewrite(pair, self._first)
            self._rewritten[key] = self.reach(pair)
            self._early.add(pair.existing.arn)

    def move_then(self, numbering: Numbering, line: Line) -> None:
        """Put all rules at their places at one moment."""
        done = self.handled - self._early
        then = {arn: number for arn, number in numbering.then.items() if arn not in done}
        created = {
            numbering.numbers[digest]: number
            for digest, number in numbering.created.items()
            if number != numbering.numbers[digest]
        }
        if not then and not created:
            return
        moved = [self.reach(pair) for pair in line.pairs if pair.existing and pair.existing.arn in then]
        moved += [self.reaches[rule.arn] for rule in line.doomed]
        needs = tuple(key for key, reach in self.made.items() if meet_any(reach, moved))
        needs += tuple(self._rewritten)
        key = f"places/{self.site.listener}"
        because = f"{len(then) + len(created)} rules of {self.site.listener} go to the places asked for"
        self._set_priorities(key, because, then, created, (*self._first, *needs))
        self._then = (key,)

    def rewrite(self, pairs: Sequence[Pair], left_out: Sequence[Pair]) -> None:
        """Have rules say what is asked for, unless a rule that is missing should answer in front of them."""
        places = {pair.rule.key.digest: place for place, pair in enumerate(self._matched.pairs)}
        missing = [(places[pair.rule.key.digest], self.reach(pair)) for pair in left_out]
        ahead: dict[str, Reach] = {}
        for pair in pairs:
            key, reach = rule_key(self.site.listener, pair), self.reach(pair)
            place = places[pair.rule.key.digest]
            if key in self.made:
                ahead[key] = reach
                continue
            if self.is_rewritten(pair) and key not in self._rewritten:
                if meet_any(reach, [other for at, other in missing if at < place]):
                    self._withheld.append(reach)
                    self.skips.append(self.no_room_around(pair))
                    continue
                needs = tuple(one for one, other in ahead.items() if reach.meets(other))
                self._rewrite(pair, (*self._first, *self._then, *needs))
                self._rewritten[key] = reach
            needs = (key,) if key in self._rewritten else ()
            self.actions += plan_rule_tags(
                f"{self.site.listener}/{pair.rule.key.digest}", self.site.tags, pair, self.view, needs
            )

    def remove(self, doomed: Sequence[Rule], left_out: Sequence[Pair]) -> None:
        """Remove rules from the last to the first; one stays where what follows it is not there yet."""
        missing = [self.reach(pair) for pair in left_out] + self._withheld
        default = (self.site.default_key,) if self.site.default_key else ()
        for rule in sorted(doomed, key=lambda rule: -rule.priority):
            if rule.arn in self.handled:
                continue
            reach = self.reaches[rule.arn]
            if meet_any(reach, missing):
                missing.append(reach)
                continue
            rewritten = tuple(key for key, other in self._rewritten.items() if reach.meets(other))
            self._remove(rule, (*self._then, *self._made_for(reach), *rewritten, *default))

    def _made_for(self, reach: Reach) -> tuple[str, ...]:
        """The rules made so far that a request may fit too."""
        return tuple(key for key, other in self.made.items() if reach.meets(other))

    def _has_new_secret(self, pair: Pair, rule: Rule) -> bool:
        if pair.rule.state == "keep" or not has_secret(pair.content.actions):
            return False
        return is_secret_changed(rule.arn, rule.tags, pair.rule.secret_digest, self.view.secrets)

    def _makers(self, content: RuleContent) -> tuple[str, ...]:
        groups = target_groups_of(content.actions)
        return tuple(self.site.makers[group] for group in groups if group in self.site.makers)

    def _create(self, pair: Pair, number: int, final: int, room_by: tuple[str, ...]) -> None:
        key, rule = rule_key(self.site.listener, pair), pair.rule
        needs = (*self.site.needs, *self._makers(pair.content), *self._first, *room_by)
        self.actions.append(
            CreateRule(
                key=key,
                ref=rule.owner.ref,
                because=_because(rule),
                needs=(*needs, *self._made_for(self.reach(pair))),
                listener=self.site.listener,
                priority=number,
                rule=rule if rule.content == pair.content else replace(rule, content=pair.content),
                tags=new_rule_tags(self.site.tags, rule, self.site.port, final),
            )
        )
        self.made[key] = self.reach(pair)

    def _rewrite(self, pair: Pair, needs: tuple[str, ...], room_by: tuple[str, ...] = ()) -> None:
        rule, existing = pair.rule, pair.existing
        assert existing is not None
        is_known = has_secret(existing.content.actions) and not self._has_new_secret(pair, existing)
        key = rule_key(self.site.listener, pair)
        self.actions.append(
            ModifyRule(
                key=key,
                ref=rule.owner.ref,
                because=_because(rule),
                needs=(*self.site.needs, *self._makers(pair.content), *needs, *room_by),
                listener=self.site.listener,
                existing=existing,
                rule=replace(rule, secret="") if is_known and rule.secret else rule,
                content=pair.content,
            )
        )
        self._give_up(existing, key, pair.content)

    def _remove(self, rule: Rule, needs: tuple[str, ...]) -> str:
        key = f"rule/{self.site.listener}/{rule.arn.rpartition('/')[2]}"
        reach = self.reaches[rule.arn]
        below = tuple(one for one, other in self._removed.items() if reach.meets(other))
        because = f"rule {rule.priority} of {self.site.listener} is asked for by no Ingress"
        self.actions.append(
            DeleteRule(
                key=key,
                ref=self._former(rule),
                because=because,
                needs=(*needs, *below),
                listener=self.site.listener,
                existing=rule,
            )
        )
        self._removed[key] = reach
        self._give_up(rule, key, None)
        return key

    def _former(self, rule: Rule) -> ObjectRef | None:
        """The Ingress that had the rule, if that is known: one that leaves, or else one that stays."""
        groups = target_groups_of(rule.content.actions)
        found = (
            one_of(self.site.resources.get(group, ""), some)
            for some in (self.view.leaving, self.view.members)
            for group in groups
        )
        return next(filter(None, found), None)

    def _give_up(self, rule: Rule, key: str, content: RuleContent | None) -> None:
        self.handled.add(rule.arn)
        kept = target_groups_of(content.actions) if content else ()
        for group in target_groups_of(rule.content.actions):
            if group not in kept:
                self.leavers[group] = (*self.leavers.get(group, ()), key)

    def _set_priorities(
        self,
        key: str,
        because: str,
        priorities: Mapping[str, int],
        created: Mapping[int, int],
        needs: Iterable[str],
    ) -> None:
        self.actions.append(
            SetRulePriorities(
                key=key,
                ref=None,
                because=because,
                needs=tuple(needs),
                listener=self.site.listener,
                priorities=priorities,
                created=created,
            )
        )


def _because(rule: DesiredRule) -> str:
    """Why a rule is made or changed, in words."""
    said = f"ingress {rule.key.ingress} asks for {rule.key.host or '*'}{rule.key.path or '/*'}"
    return f"{said}: {rule.because}" if rule.because else said
