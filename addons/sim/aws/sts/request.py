"""One call, as the operations see it: its parameters by name, checked for form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from addons.sim.aws.sts.errors import StsError, invalid

_SCOPE = re.compile(r"Credential=([^/]+)/")
_ROLE_ARN = re.compile(r"arn:[\w-]+:iam::\d{12}:role/[\w+=,.@/-]+")
_NAME = r"[\w+=,.@-]*"
_EXTERNAL_ID = r"[\w+=,.@:\/-]*"
_SHORTEST_SECONDS, _LONGEST_SECONDS, _USUAL_SECONDS = 900, 43200, 3600


@dataclass(frozen=True, slots=True)
class Request:
    """The parameters, and the key and session token that the call is signed with ("" when it is not)."""

    parameters: Mapping[str, str]
    access_key_id: str
    token: str

    @property
    def role_arn(self) -> str:
        """The role that is asked for. Raises `StsError`."""
        value = self.text("RoleArn", 20, 2048)
        if not _ROLE_ARN.fullmatch(value):
            raise StsError("ValidationError", f"{value} is invalid")
        return value

    @property
    def session_name(self) -> str:
        """The name that the session is to have. Raises `StsError`."""
        return self.text("RoleSessionName", 2, 64, _NAME)

    @property
    def external_id(self) -> str:
        """The external id, "" without one. Raises `StsError`."""
        return self.text("ExternalId", 2, 1224, _EXTERNAL_ID) if "ExternalId" in self.parameters else ""

    @property
    def duration_seconds(self) -> int:
        """How long the session is to last. Raises `StsError`."""
        value = int(self.parameters.get("DurationSeconds", _USUAL_SECONDS))
        if value < _SHORTEST_SECONDS:
            raise invalid(
                "durationSeconds", value, f"have value greater than or equal to {_SHORTEST_SECONDS}"
            )
        if value > _LONGEST_SECONDS:
            raise invalid("durationSeconds", value, f"have value less than or equal to {_LONGEST_SECONDS}")
        return value

    @property
    def tags(self) -> Mapping[str, str]:
        """The session tags by key. Raises `StsError`."""
        found = {}
        for name, key in self.parameters.items():
            if match := re.fullmatch(r"Tags\.member\.(\d+)\.Key", name):
                found[key] = self.parameters.get(f"Tags.member.{match[1]}.Value", "")
        for key, value in found.items():
            if not 1 <= len(key) <= 128 or len(value) > 256:
                raise invalid("tags", key, "have length less than or equal to 128")
        if len(found) > 50:
            raise invalid("tags", len(found), "have length less than or equal to 50")
        return found

    def text(self, name: str, shortest: int, longest: int, pattern: str = r"[\s\S]*") -> str:
        """Give a required parameter of the right form. Raises `StsError`."""
        field = name[0].lower() + name[1:]
        value = self.parameters.get(name)
        if value is None:
            raise StsError(
                "ValidationError",
                f"1 validation error detected: Value null at '{field}' "
                "failed to satisfy constraint: Member must not be null",
            )
        if len(value) < shortest:
            raise invalid(field, value, f"have length greater than or equal to {shortest}")
        if len(value) > longest:
            raise invalid(field, value, f"have length less than or equal to {longest}")
        if not re.fullmatch(pattern, value, re.ASCII):
            raise invalid(field, value, f"satisfy regular expression pattern: {pattern}")
        return value


def read_request(headers: Mapping[str, str], query: str, body: bytes) -> Request:
    """Read a call from its HTTP form."""
    scope = _SCOPE.search(headers.get("Authorization", ""))
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    parameters |= dict(parse_qsl(body.decode(), keep_blank_values=True))
    return Request(parameters, scope[1] if scope else "", headers.get("X-Amz-Security-Token", ""))
