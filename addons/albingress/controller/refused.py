"""What AWS has refused for good, by group: not tried again before the wish changes, or it is time to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from addons.albingress.model.actions import (
    AddListenerCertificates,
    AwsAction,
    CreateListener,
    CreateTargetGroup,
    ModifyListener,
)
from addons.albingress.model.groups import GroupId
from addons.albingress.plan.digest import spec_of
from addons.runtime.errors import Invalid, NotFound, OutsideError
from addons.runtime.ledger import Ledger
from addons.runtime.outcomes import Outcome

_FIRST_SECONDS, _LONGEST_SECONDS = 60.0, 600.0
"""What was refused may be mended in AWS, where nobody tells us."""

_MISSING = frozenset({"TargetGroupNotFound", "CertificateNotFound", "SSLPolicyNotFound"})
"""Codes that say that what a wish names is not there; other things that are not found may just be late."""


class Refused:
    """Remembers refusals: group -> key of the action -> digest of what it said -> why."""

    def __init__(self) -> None:
        self._why: dict[GroupId, dict[str, dict[str, str]]] = {}
        self._certificates: dict[GroupId, dict[str, str]] = {}
        self._rests: Ledger[tuple[GroupId, str]] = Ledger(first=_FIRST_SECONDS, longest=_LONGEST_SECONDS)

    def of(self, group: GroupId) -> Mapping[str, Mapping[str, str]]:
        """What is not to be tried now."""
        resting = self._rests.blocked()
        return {key: why for key, why in self._why.get(group, {}).items() if (group, key) in resting}

    def knows(self, group: GroupId, key: str) -> bool:
        """Whether the failure of an action is dealt with here: what it is to say changes."""
        return key in self._why.get(group, {})

    def explains(self, group: GroupId, action: AwsAction) -> bool:
        """Whether an action failed for a certificate: who names it is told, and nobody else."""
        return not self.certificates(group).keys().isdisjoint(_certificates_of(action))

    def certificates(self, group: GroupId) -> Mapping[str, str]:
        """The certificates that AWS does not take for listeners of a group now -> why."""
        resting = self._rests.blocked()
        known = self._certificates.get(group, {})
        return {arn: why for arn, why in known.items() if (group, arn) in resting}

    def learn(
        self, group: GroupId, actions: Sequence[AwsAction], outcomes: Iterable[Outcome[AwsAction]]
    ) -> bool:
        """Note what was refused, and what was taken after all; True when there is something new to plan.

        A rule is refused with its target group, not with its listener: that is asked for by others.
        """
        is_news = False
        for outcome in outcomes:
            if outcome.error is None:
                self._taken(group, outcome.action)
            elif is_refusal(outcome.error):
                is_news |= self._note_certificate(group, outcome.action, outcome.error)
                for action in _concerned(outcome.action, actions):
                    is_news |= self._note(group, action, outcome.error)
        return is_news

    def _note_certificate(self, group: GroupId, action: AwsAction, error: OutsideError) -> bool:
        """Find out which certificate is refused: the one that AWS names, or else the only one."""
        known, arns = self._certificates.setdefault(group, {}), _certificates_of(action)
        if "ertificate" not in f"{error.code} {error.message}" or not arns:
            return False
        named = [arn for arn in arns if arn in error.message] or list(arns[:1])
        is_news = not set(named) <= self.certificates(group).keys()
        for arn in named:
            known[arn] = error.message
            self._rests.failed((group, arn), error)
        return is_news

    def _taken(self, group: GroupId, action: AwsAction) -> None:
        known = self._why.get(group, {})
        if known.get(action.key, {}).pop(spec_of(action), None) and not known[action.key]:
            del known[action.key]
            self._rests.succeeded((group, action.key))

    def _note(self, group: GroupId, action: AwsAction, error: OutsideError) -> bool:
        if not (spec := spec_of(action)):
            return False
        known, which = self._why.setdefault(group, {}), (group, action.key)
        if which not in self._rests.blocked():
            known.pop(action.key, None)
        is_news = spec not in known.get(action.key, {})
        known.setdefault(action.key, {})[spec] = error.message
        self._rests.failed(which, error)
        return is_news

    def next_try(self, group: GroupId) -> float | None:
        """Seconds until something that was refused is worth another try; None when nothing was."""
        keys = (*self._why.get(group, ()), *self._certificates.get(group, ()))
        rests = [self._rests.rest((group, key)) for key in keys]
        return min((rest for rest in rests if rest), default=None)

    def forget(self, group: GroupId) -> None:
        """Keep nothing about a group that is gone."""
        self._why.pop(group, None)
        self._certificates.pop(group, None)
        self._rests.forget(lambda key: key[0] == group)


def _concerned(refused: AwsAction, actions: Iterable[AwsAction]) -> Iterator[AwsAction]:
    yield refused
    if isinstance(refused, CreateTargetGroup):
        yield from (action for action in actions if refused.key in action.needs)


def _certificates_of(action: AwsAction) -> tuple[str, ...]:
    """The certificates that an action names, the default one first."""
    if isinstance(action, AddListenerCertificates):
        return action.certificates
    return action.listener.certificates if isinstance(action, CreateListener | ModifyListener) else ()


def is_refusal(error: OutsideError) -> bool:
    """Whether AWS says that what was asked for is wrong, and not that it could not do it now."""
    return isinstance(error, Invalid) or (isinstance(error, NotFound) and error.code in _MISSING)
