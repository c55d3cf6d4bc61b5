"""What is told about decisions: a line in the log, an entry on the status page, an Event on the object."""

import logging
from collections.abc import Iterable, Sequence

from addons.iamproxy import names
from addons.iamproxy.model.credentials import CredentialKey
from addons.iamproxy.model.verdicts import Grant, PodIdentity, Refusal, Verdict
from addons.runtime.decisions import Decisions
from addons.runtime.errors import Denied, Invalid, NotFound, OutsideError
from addons.runtime.events import EventRecorder
from addons.runtime.outcomes import ObjectRef, Problem, Skip

log = logging.getLogger(__name__)

_QUIET = frozenset({names.NO_ROLE, names.HOST_NETWORK, names.NAMESPACE_UNKNOWN})
"""Reasons without an Event: nothing was asked for, or it passes by itself."""


class Reporter:
    """Tells everything once: what has been said already is not said again until it changes or ends.

    Without `recorder` no Events are made.
    """

    def __init__(self, *, decisions: Decisions, recorder: EventRecorder | None) -> None:
        self._decisions = decisions
        self._recorder = recorder
        self._verdicts: dict[str, Verdict] = {}
        self._problems: frozenset[Problem] = frozenset()
        self._ambiguous: frozenset[str] = frozenset()
        self._uncovered = ""

    def report_verdicts(self, verdicts: Iterable[Verdict]) -> None:
        """Tell what pods are granted or refused where that is new."""
        current = {verdict.pod.uid: verdict for verdict in verdicts if verdict.pod}
        for uid, verdict in current.items():
            if self._verdicts.get(uid) != verdict:
                self._tell_verdict(verdict)
        self._verdicts = current

    def report_addresses(self, addresses: Iterable[Verdict]) -> None:
        """Tell which addresses are of more than one pod."""
        current = frozenset(
            verdict.message
            for verdict in addresses
            if isinstance(verdict, Refusal) and verdict.reason == names.AMBIGUOUS_ADDRESS
        )
        for message in sorted(current - self._ambiguous):
            log.warning("%s", message)
            self._record("address", None, "refuse", names.AMBIGUOUS_ADDRESS, message)
        self._ambiguous = current

    def report_problems(self, problems: Sequence[Problem]) -> None:
        """Tell the faults of namespaces that were not there before."""
        for problem in problems:
            if problem not in self._problems:
                log.warning("%s: %s (%s)", problem.ref, problem.message, problem.reason)
                self._record(str(problem.ref), problem.ref, "skip", problem.reason, problem.message)
                self._event(problem.ref, problem.reason, "Read", problem.message)
        self._problems = frozenset(problems)

    def report_skips(self, skips: Iterable[Skip]) -> None:
        """Tell which credentials are not fetched for now."""
        for skip in skips:
            self._decisions.record(
                key=skip.key,
                ref=skip.ref,
                action="skip",
                reason=skip.reason,
                message=skip.message,
                retry_at=skip.retry_at,
            )

    def report_uncovered(self, why: str, pods: Sequence[PodIdentity]) -> None:
        """Tell which pods the redirect cannot stop, where that is new."""
        told = f"{why}: {', '.join(sorted(map(str, pods)))}" if pods else ""
        if told and told != self._uncovered:
            self.report_fault(names.HOST_NETWORK_UNCOVERED, told)
        self._uncovered = told

    def report_fetch(
        self, key: CredentialKey, error: OutsideError | None, pods: Sequence[PodIdentity]
    ) -> None:
        """Tell how a call to STS went, on every pod that waits for the credentials."""
        if error is None:
            self._record(str(key), None, "fetch", names.CREDENTIALS_FETCHED, f"STS gave {key}")
            log.info("fetched %s", key)
            return
        is_denied = isinstance(error, Denied | Invalid | NotFound)
        reason = names.CREDENTIALS_DENIED if is_denied else names.CREDENTIALS_FAILED
        message = f"no credentials for {key.role_arn}: {error.message}"
        log.warning("%s (%s)", message, reason)
        self._record(str(key), None, "fetch", reason, message)
        for pod in pods:
            self._event(pod.ref, reason, "Fetch", message)

    def report_fault(self, reason: str, message: str) -> None:
        """Tell about a fault of the daemon's surroundings."""
        log.warning("%s (%s)", message, reason)
        self._record("daemon", None, "skip", reason, message)

    def problems(self) -> list[Problem]:
        """The faults that exist now, for the status page."""
        return sorted(self._problems)

    def _tell_verdict(self, verdict: Verdict) -> None:
        assert verdict.pod is not None
        who = verdict.pod
        if isinstance(verdict, Grant):
            message = f"{who} may have {verdict.key.role_arn}: {verdict.because}"
            log.info("%s", message)
            self._record(str(who), who.ref, "grant", names.ROLE_GRANTED, message)
            return
        self._record(str(who), who.ref, "refuse", verdict.reason, verdict.message)
        if verdict.reason not in _QUIET:
            log.warning("%s is refused: %s (%s)", who, verdict.message, verdict.reason)
            self._event(who.ref, verdict.reason, "Refuse", verdict.message)

    def _record(self, key: str, ref: ObjectRef | None, action: str, reason: str, message: str) -> None:
        self._decisions.record(key=key, ref=ref, action=action, reason=reason, message=message)

    def _event(self, ref: ObjectRef, reason: str, action: str, message: str) -> None:
        if self._recorder:
            self._recorder.event(ref, type="Warning", reason=reason, action=action, message=message)
