"""From an HTTP reply or a Status object of the API server to one of our errors."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import msgspec

from addons.runtime.decoding import decode
from addons.runtime.errors import (
    AlreadyExists,
    Conflict,
    Denied,
    Exhausted,
    Expired,
    Invalid,
    NotFound,
    OutsideError,
    Throttled,
    Unavailable,
)
from addons.runtime.objects import Part

_BY_STATUS: Mapping[int, type[OutsideError]] = {
    400: Invalid,
    401: Denied,
    403: Denied,
    404: NotFound,
    405: Invalid,
    406: Invalid,
    409: Conflict,
    410: Expired,
    413: Invalid,
    415: Invalid,
    422: Invalid,
    429: Throttled,
    507: Exhausted,
}
_BY_REASON: Mapping[str, type[OutsideError]] = {
    "AlreadyExists": AlreadyExists,
    "Expired": Expired,
    "Gone": Expired,
    # A version from the future, after the cluster was restored from a backup: listing again cures it.
    "ResourceVersionTooLarge": Expired,
}
# Causes that tell more than the reason above them; a budget's refusal of an eviction is a mere 429 otherwise.
_TELLING_CAUSES = ("ResourceVersionTooLarge", "DisruptionBudget")
_LONGEST_MESSAGE = 500


class Cause(Part, frozen=True):
    """One of the reasons behind a Status."""

    reason: str = ""


class StatusDetails(Part, frozen=True):
    """What a Status adds for machines."""

    causes: tuple[Cause, ...] = ()
    retry_after_seconds: int = 0


class Status(Part, frozen=True):
    """What the API server answers when it does not do as asked (kind Status, v1)."""

    message: str = ""
    reason: str = ""
    code: int = 0
    details: StatusDetails = StatusDetails()


def status_error(what: str, status: Status, *, retry_after: float | None = None) -> OutsideError:
    """The error that `status` stands for; `what` names the request in the message."""
    causes = {cause.reason for cause in status.details.causes}
    code = next((cause for cause in _TELLING_CAUSES if cause in causes), status.reason)
    error_type = _BY_REASON.get(code) or _BY_STATUS.get(status.code, Unavailable)
    words = " ".join(part for part in (str(status.code or ""), code) if part)
    message = f"{what}: {words}: {status.message[:_LONGEST_MESSAGE]}".rstrip(": ")
    wait = retry_after if retry_after is not None else status.details.retry_after_seconds or None
    return error_type(message, code=code, status=status.code, retry_after=wait)


def response_error(what: str, status: int, headers: Mapping[str, str], body: bytes) -> OutsideError:
    """The error that a reply other than 2xx stands for.

    The API server's own filters answer in plain text, so the code counts there. A web page comes from a
    proxy or load balancer in between, which knows nothing of the object: it is never a NotFound. A redirect
    comes from there, too; it is not followed, because only the API server itself may see our credentials.
    """
    retry_after = _retry_after(headers)
    if 300 <= status < 400:
        location = headers.get("Location", "")[:_LONGEST_MESSAGE]
        message = f"{what}: {status}: a redirect to {location!r}, which is not trusted and not followed"
        return Unavailable(message, status=status, retry_after=retry_after)
    content_type = headers.get("Content-Type", "")
    if is_json(content_type):
        try:
            told = decode(body, Status)
        except msgspec.MsgspecError:
            told = Status()
        return status_error(what, msgspec.structs.replace(told, code=status), retry_after=retry_after)
    if "html" in content_type:
        message = f"{what}: {status}: a web page instead of the API's answer"
        return Unavailable(message, status=status, retry_after=retry_after)
    text = " ".join(body[:_LONGEST_MESSAGE].decode(errors="replace").split())
    return status_error(what, Status(code=status, message=text), retry_after=retry_after)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a Retry-After header asks for; a date in it is compared with the reply's own Date."""
    asked = headers.get("Retry-After", "")
    if asked.isdecimal():
        return float(asked)
    try:
        wait = parsedate_to_datetime(asked) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError, OverflowError):
        return None
    return max(wait.total_seconds(), 0.0)


def is_json(content_type: str) -> bool:
    """Whether a reply of this Content-Type can come from the API server itself."""
    return content_type.partition(";")[0].strip().lower() == "application/json"
