"""What there is to say about one object when somebody asks: made from what holds now, not from the past."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from difflib import get_close_matches

from msgspec.structs import replace

from addons.albingress import names
from addons.albingress.controller.groups import Groups, Place
from addons.albingress.controller.passes import Pass
from addons.albingress.controller.state import TargetCounts, in_words, matches, rule_of
from addons.albingress.controller.telling import TOPICS, Telling
from addons.albingress.desired.bindings import is_users, named_group
from addons.albingress.desired.classes import NotOurs
from addons.albingress.desired.inputs import Member
from addons.albingress.kube.watches import AlbWatches
from addons.albingress.model.groups import GroupId
from addons.albingress.model.stack import DesiredListener, DesiredRule
from addons.albingress.model.targets import Binding
from addons.runtime.decisions import Decision
from addons.runtime.objects import Key

_KINDS = ("ingress", "service", "targetgroupbinding")


class Explanation:
    """Answers for Ingresses, Services and TargetGroupBindings."""

    def __init__(
        self,
        watches: AlbWatches,
        groups: Groups,
        telling: Telling,
        *,
        passes: Mapping[GroupId, Pass],
        targets: TargetCounts,
        users_bindings: Callable[[], Iterable[Binding]],
        now: Callable[[], datetime],
    ) -> None:
        self._watches = watches
        self._groups = groups
        self._telling = telling
        self._passes = passes
        self._targets = targets
        self._users_bindings = users_bindings
        self._now = now

    def of(self, about: str) -> Iterator[Decision]:
        """What holds now of `kind/namespace/name`; nothing for kinds that we have nothing to do with.

        Each decision has a key of its own: who asks sees the latest of each key.
        """
        keys = Counter[str]()
        for decision in self._of(about):
            keys[decision.key] += 1
            number = keys[decision.key]
            yield decision if number == 1 else replace(decision, key=f"{decision.key} ({number})")

    def _of(self, about: str) -> Iterator[Decision]:
        kind, _, rest = about.partition("/")
        namespace, _, name = rest.partition("/")
        if kind not in _KINDS or not name:
            return
        yield from self._told(about)
        which = (namespace, name)
        if not self._watches.is_settled:
            message = f"the objects are not read yet: {self._watches.not_ready()}"
            yield self._decision(about, about, "wait", names.WAITING, message)
            return
        if kind == "ingress":
            yield from self._of_ingress(about, which)
        elif kind == "service":
            yield from self._of_service(about, which)
        else:
            yield from self._of_binding(about, which)

    def _told(self, about: str) -> Iterator[Decision]:
        """The problems of an object, and what is not done for it."""
        for topic in TOPICS:
            for report in sorted(self._telling.current(topic), key=lambda one: (one.key, one.message)):
                if str(report.ref or "") == about:
                    key = f"{report.key} {report.reason}"
                    yield self._decision(
                        key, about, report.action, report.reason, report.message, report.retry_at
                    )

    def _of_ingress(self, about: str, which: Key) -> Iterator[Decision]:
        place = self._groups.place(which)
        if place is None:
            yield self._unknown(about, which, [each.ingress.metadata.name for each in self._groups.places()])
            return
        for group in sorted(place.left):
            message = f"leaves the group {group}: what AWS has of it there goes"
            yield self._decision(str(group), about, "remove", names.WAITING, message)
        found = place.membership
        if isinstance(found, NotOurs):
            yield self._decision(about, about, "skip", names.NOT_ASKED, f"it is not ours: {found.because}")
        elif isinstance(found, Member):
            yield from self._of_member(about, place, found)

    def _of_member(self, about: str, place: Place, member: Member) -> Iterator[Decision]:
        done = self._passes.get(member.group)
        if done is None:
            message = f"it is of the group {member.group}, which was not looked at yet by this replica"
            yield self._decision(str(member.group), about, "wait", names.WAITING, message)
            return
        hostnames = [each.dns_name for each in done.observed.load_balancers]
        where = f"served by {', '.join(hostnames)}" if hostnames else "no load balancer is there yet"
        held = f"; nothing is changed: {done.stack.held}" if done.stack.held else ""
        message = f"it is of the group {member.group}: {where}{held}"
        yield self._decision(str(member.group), about, "serve", names.SERVED, message)
        for listener, rule in _rules(done, lambda rule: rule.key.ingress == member.name):
            yield self._of_rule(about, done, listener, rule)

    def _of_service(self, about: str, which: Key) -> Iterator[Decision]:
        groups = sorted(self._groups.groups_of_service(which))
        if self._watches.services.get(*which) is None:
            yield self._unknown(about, which, [each.metadata.name for each in self._watches.services.all()])
        elif not groups:
            yield self._decision(about, about, "skip", names.NOT_ASKED, "no Ingress of ours leads to it")
        for group in groups:
            if done := self._passes.get(group):
                own = {
                    each.name
                    for each in done.stack.target_groups
                    if (each.backend.namespace, each.backend.service) == which
                }
                for name in sorted(own):
                    message = f"target group {name}: {self._targets.in_words(name)}"
                    yield self._decision(f"{group} {name}", about, "serve", names.SERVED, message)

    def _of_binding(self, about: str, which: Key) -> Iterator[Decision]:
        binding = self._watches.bindings.get(*which)
        if binding is None:
            yield self._unknown(about, which, [each.metadata.name for each in self._watches.bindings.all()])
            return
        if not is_users(binding):
            message = (
                "aws-load-balancer-controller made it for an Ingress: its targets are registered without it"
            )
            yield self._decision(about, about, "skip", names.NOT_ASKED, message)
            return
        found = next((each for each in self._users_bindings() if each.key == which), None)
        text = self._targets.in_words(found.group) if found else "not filled"
        message = f"target group {named_group(binding)}: {text}"
        reason = names.SERVED if found else names.WAITING
        yield self._decision(about, about, "serve", reason, message)

    def _of_rule(self, about: str, done: Pass, listener: DesiredListener, rule: DesiredRule) -> Decision:
        there = rule_of(done, listener, rule)
        which = f"{listener.protocol}:{listener.port}, {matches(rule, there)}"
        key = f"{done.stack.group} {which}"
        because = f" ({rule.because})" if rule.because else ""
        if there is None:
            message = f"{which}: no rule is there{because}"
            return self._decision(key, about, "wait", names.WAITING, message)
        reason = {"ok": names.SERVED, "placeholder": names.BROKEN_RULE}.get(rule.state, names.RULE_KEPT)
        leads = in_words(there.content.actions, self._targets)
        message = f"{which}: rule of priority {there.priority}, {leads}{because}"
        return self._decision(key, about, "serve", reason, message)

    def _unknown(self, about: str, which: Key, others: list[str]) -> Decision:
        near = get_close_matches(which[1], others, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        return self._decision(about, about, "find", names.UNKNOWN_OBJECT, f"there is none of this name{hint}")

    def _decision(
        self,
        key: str,
        about: str,
        action: str,
        reason: str,
        message: str,
        retry_at: datetime | None = None,
    ) -> Decision:
        return Decision(self._now(), key, about, action, reason, message, retry_at)


def _rules(
    done: Pass, is_meant: Callable[[DesiredRule], bool]
) -> Iterator[tuple[DesiredListener, DesiredRule]]:
    for listener in done.stack.listeners:
        for rule in listener.rules:
            if is_meant(rule):
                yield listener, rule
