"""What the command `check` of a daemon finds out: as whom AWS knows it, and whether it could lead."""

import asyncio
from dataclasses import dataclass

from addons.runtime.aws import AwsSession
from addons.runtime.errors import NotFound, OutsideError
from addons.runtime.kube import KubeClient
from addons.runtime.objects import LEASES, Lease

_PATIENCE_SECONDS = 30.0
_PAUSE_SECONDS = 1.0
_MAY_COME = frozenset({"NoCredentialsError", "CredentialRetrievalError", "MetadataRetrievalError"})
"""Codes of credentials that are not there yet: whoever gives them, iamproxy for one, may not know us yet."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, whether it is as it has to be, and what was found."""

    what: str
    is_good: bool
    found: str

    def __str__(self) -> str:
        return f"{'ok  ' if self.is_good else 'FAIL'}  {self.what}: {self.found}"


async def find_identity(aws: AwsSession, *, role: str = "", external_id: str = "") -> Finding:
    """Whom AWS takes us for: with our own credentials, or with a role that they assume."""
    what = f"AWS identity as {role}" if role else "AWS identity"
    clock = asyncio.get_running_loop().time
    until = clock() + _PATIENCE_SECONDS
    while True:
        try:
            caller = await aws.call("sts", "get_caller_identity", role=role, external_id=external_id)
        except OutsideError as error:
            if error.code not in _MAY_COME or clock() >= until:
                return Finding(what, False, error.message)
        else:
            return Finding(what, True, caller["Arn"])
        await asyncio.sleep(_PAUSE_SECONDS)


async def find_lease(kube: KubeClient, namespace: str, name: str) -> Finding:
    """Whether the Lease could be taken: by a request that the API server judges and does not carry out."""
    what = f"Lease {namespace}/{name}"
    try:
        return Finding(what, True, await _holder(kube, namespace, name))
    except OutsideError as error:
        return Finding(what, False, error.message)


async def _holder(kube: KubeClient, namespace: str, name: str) -> str:
    try:
        lease = await kube.get(LEASES, Lease, namespace=namespace, name=name)
    except NotFound:
        metadata = {"namespace": namespace, "name": name}
        body = {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata}
        await kube.create(LEASES, body, namespace=namespace, dry_run=True)
        return "held by nobody yet"
    await kube.merge_patch(LEASES, {}, namespace=namespace, name=name, dry_run=True)
    return f"held by {lease.spec.holder_identity or 'nobody'}"


def summary_of(counts: dict[str, int]) -> str:
    """A plan in words, by how many there are of each action."""
    return (
        ", ".join(f"{number} to {action}" for action, number in sorted(counts.items())) or "nothing to change"
    )
