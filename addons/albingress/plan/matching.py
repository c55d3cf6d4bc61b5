"""Which rule of AWS stands for which wish.

Rules that we made say so by tag. The original's have no such tag: they are known by what they say, and then
by what they match and where they lead.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from addons.albingress import names
from addons.albingress.model.elb import Rule, TargetGroup
from addons.albingress.model.groups import GroupId
from addons.albingress.model.rules import RuleContent, target_groups_of
from addons.albingress.model.stack import DesiredRule, RuleKey


class Ownership(Struct, frozen=True):
    """What tells rules of a group from those of others. `resources`: target group -> its resource tag."""

    cluster: str
    group: GroupId
    resources: Mapping[str, str]

    def has(self, rule: Rule) -> bool:
        """True for a rule with the tags of the group, or that forwards to a target group of the group."""
        tags = dict(rule.tags)
        if tags.get(names.TAG_CLUSTER) == self.cluster and tags.get(names.TAG_STACK) == str(self.group):
            return True
        return any(group in self.resources for group in target_groups_of(rule.content.actions))

    def is_of(self, rule: Rule, ingress: str) -> bool:
        """True when the target groups of a rule are those of an Ingress, `namespace/name`, or it has none."""
        found = [self.resources.get(group, "") for group in target_groups_of(rule.content.actions)]
        return not found or any(resource.startswith(f"{ingress}-") for resource in found)


def ownership(cluster: str, group: GroupId, target_groups: Iterable[TargetGroup]) -> Ownership:
    """Read whose the target groups of a group are."""
    resources = {each.name: dict(each.tags).get(names.TAG_RESOURCE, "") for each in target_groups}
    return Ownership(cluster, group, resources)


class Pair(Struct, frozen=True):
    """A wish with the rule that stands for it, if any, and what that is to say."""

    rule: DesiredRule
    existing: Rule | None
    content: RuleContent

    @property
    def is_changed(self) -> bool:
        """Whether the rule is there and says something else."""
        return self.existing is not None and self.existing.content != self.content


class Matched(Struct, frozen=True):
    """The wishes in their order; the rules of ours that nobody wants any more; the rules of others."""

    pairs: tuple[Pair, ...]
    doomed: tuple[Rule, ...]
    foreign: tuple[Rule, ...]


def match_rules(desired: Sequence[DesiredRule], existing: Sequence[Rule], owned: Ownership) -> Matched:
    """Pair wishes with rules: by tag and content, by content, by tag, by what they match.

    A rule that matches otherwise than asked for stands for the wish only where it is kept as it is. Wishes
    that are to be kept but have neither rule nor content are left out, and so are absent ones.
    """
    wishes = [rule for rule in desired if rule.state != "absent"]
    by_digest = {rule.key.digest: rule for rule in wishes}
    found: dict[int, Rule] = {}
    free = {rule.arn: rule for rule in sorted(existing, key=lambda rule: rule.priority)}
    for allowed in _PASSES:
        candidates = defaultdict(list)
        for rule in free.values():
            if key := allowed.of_rule(rule, owned):
                candidates[key].append(rule)
        if not candidates:
            continue
        for index, wish in enumerate(wishes):
            key = allowed.of_wish(wish) if index not in found else None
            for rule in candidates.get(key, ()) if key else ():
                if rule.arn in free and allowed.fits(wish, rule, owned):
                    found[index] = free.pop(rule.arn)
                    break
    pairs = [_pair(wish, found.get(index)) for index, wish in enumerate(wishes)]
    left = [rule for rule in free.values() if _tagged(rule) in by_digest or owned.has(rule)]
    ours = {rule.arn for rule in left}
    return Matched(
        tuple(pair for pair in pairs if pair),
        tuple(left),
        tuple(rule for rule in free.values() if rule.arn not in ours),
    )


def _pair(wish: DesiredRule, rule: Rule | None) -> Pair | None:
    if rule and (wish.state == "keep" or wish.content is None):
        return Pair(wish, rule, rule.content)
    return Pair(wish, rule, wish.content) if wish.content else None


class _Pass(Struct, frozen=True):
    """One way to recognise: what a wish and a rule must have in common, and what else must fit."""

    of_wish: Callable[[DesiredRule], object]
    of_rule: Callable[[Rule, Ownership], object]
    fits: Callable[[DesiredRule, Rule, Ownership], bool] = lambda _wish, _rule, _owned: True


def _tagged(rule: Rule) -> str:
    return dict(rule.tags).get(names.TAG_RULE, "")


def _is_kept(wish: DesiredRule) -> bool:
    return wish.state == "keep" or wish.content is None


def _says_the_same(wish: DesiredRule, rule: Rule, _: Ownership) -> bool:
    return _is_kept(wish) or (rule.is_readable and rule.content == wish.content)


def _matches_the_same(wish: DesiredRule, rule: Rule, _: Ownership) -> bool:
    return bool(rule.is_readable and wish.content and rule.content.conditions == wish.content.conditions)


def _stands_for(wish: DesiredRule, rule: Rule, owned: Ownership) -> bool:
    return owned.is_of(rule, wish.key.ingress) and _covers(rule, wish.key)


def _covers(rule: Rule, key: RuleKey) -> bool:
    """True when host and path of a wish are among what a rule matches."""
    said = {each.field: each for each in rule.content.conditions}
    hosts, paths = said.get("host-header"), said.get("path-pattern")
    if bool(key.host) != bool(hosts) or (hosts and key.host.lower() not in map(str.lower, hosts.values)):
        return False
    if paths is None or not key.path:
        return True
    return key.path in paths.values or any(fnmatchcase(key.path, value) for value in paths.values)


_PASSES = (
    _Pass(lambda wish: wish.key.digest, lambda rule, _: _tagged(rule), _says_the_same),
    _Pass(
        lambda wish: None if _is_kept(wish) else wish.content,
        lambda rule, _: rule.content if rule.is_readable else None,
    ),
    _Pass(lambda wish: wish.key.digest, lambda rule, _: _tagged(rule), _matches_the_same),
    _Pass(
        lambda wish: wish.content.conditions if wish.content and not _is_kept(wish) else None,
        lambda rule, owned: rule.content.conditions if rule.is_readable and owned.has(rule) else None,
    ),
    _Pass(
        lambda wish: "kept" if _is_kept(wish) else None,
        lambda rule, owned: "kept" if not _tagged(rule) and owned.has(rule) else None,
        _stands_for,
    ),
)
