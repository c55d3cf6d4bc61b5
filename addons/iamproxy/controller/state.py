"""The page for people: pod -> role -> allowed by which rule, or why not."""

from collections.abc import Container, Iterator, Mapping
from datetime import datetime

from addons.iamproxy import names
from addons.iamproxy.desired.grants import Desired
from addons.iamproxy.kube.reports import of_verdict
from addons.iamproxy.model.actions import Held
from addons.iamproxy.model.credentials import CredentialKey
from addons.iamproxy.model.verdicts import Grant, Verdict
from addons.runtime.clock import rfc3339
from addons.runtime.decisions import Decision


def node_state(
    desired: Desired, held: Mapping[CredentialKey, Held], errors: Mapping[CredentialKey, str]
) -> list[dict[str, object]]:
    """One row for each pod of the node, first those that get nothing; `errors` is what STS said last."""
    addresses: dict[str, list[str]] = {}
    for ip, verdict in desired.addresses.items():
        if verdict.pod:
            addresses.setdefault(verdict.pod.uid, []).append(ip)
    rows = [
        (
            _rank(verdict, errors),
            _row(verdict, addresses) | {"credentials": _credentials(verdict, held, errors)},
        )
        for verdict in desired.pods
    ]
    return [row for _, row in sorted(rows, key=lambda each: (each[0], str(each[1]["pod"])))]


def decisions_on(
    about: str,
    desired: Desired,
    held: Mapping[CredentialKey, Held],
    errors: Mapping[CredentialKey, str],
    denied: Container[CredentialKey],
    now: datetime,
) -> Iterator[Decision]:
    """What holds now of one pod, pod/namespace/name: its verdict, and whether there are credentials."""
    for verdict in desired.pods:
        if verdict.pod is None or str(verdict.pod.ref) != about:
            continue
        report = of_verdict(verdict)
        yield Decision(now, report.key, about, report.action, report.reason, report.message)
        if not isinstance(verdict, Grant):
            continue
        said = _credentials(verdict, held, errors)
        if verdict.key in errors:
            reason = names.CREDENTIALS_DENIED if verdict.key in denied else names.CREDENTIALS_FAILED
            yield Decision(now, str(verdict.key), about, "fetch", reason, f"no credentials: {said}")
        elif verdict.key in held:
            reason = names.CREDENTIALS_FETCHED
            yield Decision(now, str(verdict.key), about, "fetch", reason, f"credentials are held {said}")
        else:
            yield Decision(
                now, str(verdict.key), about, "fetch", names.CREDENTIALS_HELD, f"credentials: {said}"
            )


def ambiguous_addresses(desired: Desired) -> list[dict[str, str]]:
    """The addresses of more than one pod, which nobody is served on, as problems."""
    return [
        {"object": ip, "reason": verdict.reason, "message": verdict.message}
        for ip, verdict in desired.ambiguous_addresses
    ]


def uncovered_state(why: str, desired: Desired) -> dict[str, object]:
    """Which pods reach the node's own metadata, and why; empty when none does."""
    if not why:
        return {}
    return {"because": why, "pods": sorted(map(str, desired.of_host_network))}


def _rank(verdict: Verdict, errors: Container[CredentialKey]) -> int:
    """Who gets what it asks for comes after those that do not, and then who asks for nothing."""
    if isinstance(verdict, Grant):
        return 0 if verdict.key in errors else 1
    return 2 if verdict.reason == names.NO_ROLE else 0


def _row(verdict: Verdict, addresses: Mapping[str, list[str]]) -> dict[str, object]:
    assert verdict.pod is not None
    if isinstance(verdict, Grant):
        role, said, because = verdict.key.role_arn, "granted", verdict.because
    else:
        role, said, because = verdict.role, verdict.reason, verdict.message
    return {
        "pod": str(verdict.pod),
        "serviceAccount": verdict.pod.service_account,
        "addresses": ", ".join(sorted(addresses.get(verdict.pod.uid, []))),
        "role": role,
        "verdict": said,
        "because": because,
    }


def _credentials(
    verdict: Verdict, held: Mapping[CredentialKey, Held], errors: Mapping[CredentialKey, str]
) -> str:
    if not isinstance(verdict, Grant):
        return ""
    entry, error = held.get(verdict.key), errors.get(verdict.key, "")
    if entry is None:
        return error or "not fetched yet"
    return f"until {rfc3339(entry.expires)}" + (f", not renewed: {error}" if error else "")
