"""STS, asked for the credentials of roles."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from addons.iamproxy.model.credentials import CredentialKey, Credentials, credentials_of
from addons.runtime.aws import AwsSession
from addons.runtime.aws_clients import Reply
from addons.runtime.clock import utc_now
from addons.runtime.errors import Denied, Invalid, OutsideError, Unavailable

_OURS = frozenset(
    {
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "MissingAuthenticationToken",
        "NoCredentialsError",
        "PartialCredentialsError",
        "RegionDisabledException",
        "NoRegionError",
        "InvalidRegionError",
        "ProfileNotFound",
    }
)
"""Codes that speak of our own credentials and settings, not of the role: no pod is at fault."""

Issuer = Callable[[str, str], Awaitable[str]]
"""Gives a token that speaks for a ServiceAccount, of a namespace and a name; raises OutsideError."""


class Sts:
    """Assumes roles; `broker` is the ARN of a role that is assumed first, for the source node."""

    def __init__(
        self,
        aws: AwsSession,
        *,
        issue_token: Issuer,
        broker: str = "",
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._aws = aws
        self._issue_token = issue_token
        self._broker = broker
        self._now = now

    async def fetch(self, key: CredentialKey) -> Credentials:
        """Get credentials for a key.

        Raises OutsideError: Denied, Invalid or NotFound only where the role or its trust policy is at fault.
        """
        try:
            reply = await self._assume(key)
        except (Denied, Invalid) as error:
            if error.code in _OURS or self._is_about_broker(error, key):
                raise Unavailable(error.message, code=error.code, status=error.status) from error
            raise
        return self._read(reply)

    async def base_arn(self) -> str:
        """What stands before the names of roles in the account that our own credentials are of.

        Raises OutsideError.
        """
        arn: str = (await self._aws.call("sts", "get_caller_identity"))["Arn"]
        _, partition, _, _, account, _ = arn.split(":", 5)
        return f"arn:{partition}:iam::{account}:role/"

    def _is_about_broker(self, error: OutsideError, key: CredentialKey) -> bool:
        """Whether it is the broker that cannot be assumed, on the way to the pod's role."""
        return self._broker not in ("", key.role_arn) and f"on resource: {self._broker}" in error.message

    async def _assume(self, key: CredentialKey) -> Reply:
        arguments: dict[str, Any] = {
            "RoleArn": key.role_arn,
            "RoleSessionName": key.session_name,
            "DurationSeconds": key.duration_seconds,
        }
        if key.source == "web-identity":
            token = await self._issue_token(*key.service_account)
            return await self._aws.call_unsigned(
                "sts", "assume_role_with_web_identity", WebIdentityToken=token, **arguments
            )
        if key.external_id:
            arguments["ExternalId"] = key.external_id
        if key.session_tags:
            arguments["Tags"] = [{"Key": name, "Value": value} for name, value in key.session_tags]
        return await self._aws.call("sts", "assume_role", role=self._broker, **arguments)

    def _read(self, reply: Reply) -> Credentials:
        issued = reply["Credentials"]
        return credentials_of(
            access_key_id=issued["AccessKeyId"],
            secret_access_key=issued["SecretAccessKey"],
            token=issued["SessionToken"],
            expiration=issued["Expiration"],
            account_id=reply["AssumedRoleUser"]["Arn"].split(":")[4],
            now=self._now(),
        )
