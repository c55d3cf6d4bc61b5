"""Credentials of roles, and what tells them apart."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec
from msgspec import Struct

from addons.runtime.clock import rfc3339

Source = Literal["node", "web-identity"]
"""What assumes a role: the node's own credentials, or a token of the pod's ServiceAccount."""


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
