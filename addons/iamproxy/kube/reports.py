"""What is told of decisions: in the log, on the status page, and as an Event on the object."""

from collections.abc import Iterator, Sequence

from addons.iamproxy import names
from addons.iamproxy.model.credentials import CredentialKey
from addons.iamproxy.model.verdicts import Grant, PodIdentity, Refusal, Verdict
from addons.runtime.errors import Denied, Invalid, NotFound, OutsideError
from addons.runtime.outcomes import Problem, Skip
from addons.runtime.reporter import Report

_QUIET = frozenset({names.NO_ROLE, names.HOST_NETWORK, names.NAMESPACE_UNKNOWN})
"""Reasons without a log line and an Event: nothing was asked for, or it passes by itself."""


def of_verdict(verdict: Verdict) -> Report:
    """What a pod is granted or refused."""
    assert verdict.pod is not None
    key, ref = str(verdict.pod), verdict.pod.ref
    if isinstance(verdict, Grant):
        message = f"may have {verdict.key.role_arn}: {verdict.because}"
        return Report(key=key, ref=ref, action="grant", reason=names.ROLE_GRANTED, message=message)
    is_quiet = verdict.reason in _QUIET
    return Report(
        key=key,
        ref=ref,
        action="refuse",
        reason=verdict.reason,
        message=verdict.message,
        log="" if is_quiet else "warning",
        event="" if is_quiet else "Warning",
    )


def of_address(ip: str, refusal: Refusal) -> Report:
    """An address that more than one pod has."""
    message, reason = refusal.message, refusal.reason
    return Report(key=ip, ref=None, action="refuse", reason=reason, message=message, log="warning")


def of_problem(problem: Problem) -> Report:
    """A fault in what is written on a pod or a namespace."""
    return Report(
        key=str(problem.ref),
        ref=problem.ref,
        action="skip",
        reason=problem.reason,
        message=problem.message,
        log="warning",
        event="Warning",
    )


def of_skip(skip: Skip) -> Report:
    """Credentials that are not fetched for now."""
    return Report(
        key=skip.key,
        ref=skip.ref,
        action="skip",
        reason=skip.reason,
        message=skip.message,
        retry_at=skip.retry_at,
        log="",
    )


def of_fault(reason: str, message: str) -> Report:
    """A fault of the daemon's surroundings."""
    return Report(key="daemon", ref=None, action="skip", reason=reason, message=message, log="warning")


def of_fetch(key: CredentialKey, error: OutsideError | None, pods: Sequence[PodIdentity]) -> Iterator[Report]:
    """How a call to STS went; a failure is an Event on every pod that needs the credentials."""
    about = str(key)
    if error is None:
        message, reason = f"STS gave {key}", names.CREDENTIALS_FETCHED
        yield Report(key=about, ref=None, action="fetch", reason=reason, message=message)
        return
    is_denied = isinstance(error, Denied | Invalid | NotFound)
    reason = names.CREDENTIALS_DENIED if is_denied else names.CREDENTIALS_FAILED
    message = f"no credentials for {key.role_arn}: {error.message}"
    yield Report(key=about, ref=None, action="fetch", reason=reason, message=message, log="warning")
    for pod in pods:
        yield Report(
            key=about, ref=pod.ref, action="fetch", reason=reason, message=message, log="", event="Warning"
        )
