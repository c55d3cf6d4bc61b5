"""The page for people: pod -> role -> allowed by which rule."""

from collections.abc import Mapping

from addons.iamproxy.desired.grants import Desired
from addons.iamproxy.model import CredentialKey, Grant, Held, Verdict
from addons.runtime.clock import rfc3339


def node_state(desired: Desired, held: Mapping[CredentialKey, Held]) -> list[dict[str, object]]:
    """One row for each pod of the node, in the order of their names."""
    addresses: dict[str, list[str]] = {}
    for ip, verdict in desired.addresses.items():
        if verdict.pod:
            addresses.setdefault(verdict.pod.uid, []).append(ip)
    rows = [_row(verdict, addresses, held) for verdict in desired.pods]
    return sorted(rows, key=lambda row: str(row["pod"]))


def uncovered_state(why: str, desired: Desired) -> dict[str, object]:
    """Which pods reach the node's own metadata, and why; empty when none does."""
    if not why:
        return {}
    return {"because": why, "pods": sorted(map(str, desired.of_host_network))}


def _row(
    verdict: Verdict, addresses: Mapping[str, list[str]], held: Mapping[CredentialKey, Held]
) -> dict[str, object]:
    assert verdict.pod is not None
    row: dict[str, object] = {
        "pod": str(verdict.pod),
        "service account": verdict.pod.service_account,
        "addresses": ", ".join(sorted(addresses.get(verdict.pod.uid, []))),
    }
    if not isinstance(verdict, Grant):
        return row | {"role": "", "verdict": verdict.reason, "because": verdict.message, "credentials": ""}
    entry = held.get(verdict.key)
    return row | {
        "role": verdict.key.role_arn,
        "verdict": "granted",
        "because": verdict.because,
        "credentials": f"until {rfc3339(entry.expires)}" if entry else "not fetched",
    }
