"""Who asks, what they are granted or refused, and the credentials that are handed out. Pure values."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec
from msgspec import Struct

from addons.runtime.clock import rfc3339
from addons.runtime.outcomes import ObjectRef, Skip

Source = Literal["node", "web-identity"]
"""Who vouches for a pod: the node's own credentials, or a token of the pod's ServiceAccount."""


class PodIdentity(Struct, frozen=True):
    """One pod, for good: `uid` tells it from a later pod of the same name."""

    namespace: str
    name: str
    uid: str
    service_account: str = ""
    node_name: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def ref(self) -> ObjectRef:
        """Name the pod for messages and Events."""
        return ObjectRef("Pod", self.namespace, self.name, self.uid)


class CredentialKey(Struct, frozen=True):
    """What makes two credentials the same: pods that share a key share one call to STS.

    `service_account` is namespace and name, and set for the source web-identity only.
    """

    role_arn: str
    external_id: str = ""
    session_name: str = ""
    duration_seconds: int = 3600
    source: Source = "node"
    service_account: tuple[str, str] = ("", "")
    session_tags: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.role_arn} as {self.session_name}"


class Grant(Struct, frozen=True):
    """A pod may have the credentials of `key`.

    `role_name` is what the list of roles shows: the short form, or the full ARN for another account.
    `because` says in words which rule permits it. With `needs_token` it must show a session token.
    """

    pod: PodIdentity
    key: CredentialKey
    role_name: str
    because: str = ""
    needs_token: bool = False


class Refusal(Struct, frozen=True):
    """An address gets nothing; `status` is the HTTP status, `reason` a CamelCase code of `names`.

    `role` is the role that was asked for, if any. With `needs_token` not even this is told to who shows no
    session token.
    """

    pod: PodIdentity | None
    reason: str
    message: str
    status: int
    role: str = ""
    needs_token: bool = False


Verdict = Grant | Refusal
"""What is to be said to an address."""


class Credentials(Struct, frozen=True):
    """Credentials of one role, and the answers to pods that hold them, encoded once.

    `body` is the answer of `security-credentials`, `extended` that of `security-credentials-extended`.
    """

    access_key_id: str
    secret_access_key: str
    token: str
    expiration: datetime
    account_id: str
    body: bytes
    extended: bytes

    def __repr__(self) -> str:
        return f"Credentials({self.access_key_id}, until {rfc3339(self.expiration)})"

    def remaining(self, now: datetime) -> timedelta:
        """How long they are still good."""
        return self.expiration - now


class Denial(Struct, frozen=True):
    """STS does not let the role be assumed; told to the pod as EC2 tells it, with status 200."""

    code: str
    message: str


def credentials_of(
    *,
    access_key_id: str,
    secret_access_key: str,
    token: str,
    expiration: datetime,
    account_id: str,
    now: datetime,
) -> Credentials:
    """Make credentials together with the answers that hold them; times in whole seconds of UTC, with Z."""
    answer = {
        "Code": "Success",
        "LastUpdated": rfc3339(now),
        "Type": "AWS-HMAC",
        "AccessKeyId": access_key_id,
        "SecretAccessKey": secret_access_key,
        "Token": token,
        "Expiration": rfc3339(expiration),
    }
    return Credentials(
        access_key_id=access_key_id,
        secret_access_key=secret_access_key,
        token=token,
        expiration=expiration,
        account_id=account_id,
        body=msgspec.json.encode(answer),
        extended=msgspec.json.encode(answer | {"AccountId": account_id}),
    )


class Assignment(Struct, frozen=True, rename="camel"):
    """The network gave an address to a pod's sandbox; as `GET /v1/assignments` of our cni tells it."""

    ip: str
    pod_namespace: str = ""
    pod_name: str = ""
    pod_uid: str = ""


class Held(Struct, frozen=True):
    """Credentials as the planner sees them; `unwanted_since` is when the last pod that used them went."""

    expires: datetime
    renew_at: datetime
    unwanted_since: datetime | None = None


class Fetch(Struct, frozen=True):
    """Get credentials that a pod will ask for."""

    key: CredentialKey


class Renew(Struct, frozen=True):
    """Get new credentials in place of ones that are still good, but not for long."""

    key: CredentialKey
    expires: datetime


class Drop(Struct, frozen=True):
    """Hold credentials no longer."""

    key: CredentialKey
    because: str


Action = Fetch | Renew | Drop


class Plan(Struct, frozen=True):
    """What to do about credentials, the most urgent first, and what is not done for now."""

    actions: tuple[Action, ...] = ()
    skips: tuple[Skip, ...] = ()
