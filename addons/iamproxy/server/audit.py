"""The audit trail: one line of JSON for all credentials handed out and for every refusal, never a secret."""

import logging
import os
from collections.abc import Callable
from datetime import datetime

import msgspec
from msgspec import Struct
from prometheus_client import Counter

from addons.iamproxy.model.credentials import Credentials
from addons.iamproxy.model.verdicts import Grant, PodIdentity
from addons.iamproxy.server.answers import Answer
from addons.iamproxy.server.requests import Request
from addons.runtime.clock import rfc3339, utc_now

log = logging.getLogger(__name__)

_LOST = Counter("addons_iamproxy_audit_lost_total", "Lines of the audit that could not be written.")
_LONGEST_PATH = 200
_MOST_REFUSALS = 50

Write = Callable[[bytes], None]


class AuditLine(Struct, frozen=True, rename="camel", omit_defaults=True):
    """One line. `pod` is namespace/name; the last six fields are about a refusal."""

    time: datetime
    event: str
    address: str
    pod: str = ""
    pod_uid: str = ""
    service_account: str = ""
    role: str = ""
    session: str = ""
    access_key_id: str = ""
    expiration: datetime | None = None
    because: str = ""
    status: int = 0
    reason: str = ""
    message: str = ""
    method: str = ""
    path: str = ""


class Audit:
    """Hands each line to `write`, before the answer is sent, and remembers the latest refusals."""

    def __init__(self, write: Write, now: Callable[[], datetime] = utc_now) -> None:
        self._refusals: dict[tuple[str, ...], AuditLine] = {}
        self._write = write
        self._now = now
        self._encode = msgspec.json.Encoder().encode

    def issued(self, ip: str, grant: Grant, credentials: Credentials) -> None:
        """Note that credentials went to a pod."""
        line = AuditLine(
            self._now(),
            "issued",
            ip,
            *_who(grant.pod),
            role=grant.key.role_arn,
            session=grant.key.session_name,
            access_key_id=credentials.access_key_id,
            expiration=credentials.expiration,
            because=grant.because,
        )
        self._write(self._encode(line))

    def refused(
        self, request: Request, pod: PodIdentity | None, answer: Answer, message: str, *, role: str = ""
    ) -> None:
        """Note that a request was refused; the path is cut, as it may be of any length."""
        line = AuditLine(
            self._now(),
            "refused",
            request.peer.ip,
            *_who(pod),
            role=role,
            status=answer.status,
            reason=answer.reason,
            message=message,
            method=request.method.decode("ascii"),
            path=request.target[:_LONGEST_PATH].decode("ascii", "backslashreplace"),
        )
        self._write(self._encode(line))
        self._remember(line)

    def rejected(self, ip: str, pod: PodIdentity | None, answer: Answer) -> None:
        """Note that something was refused unread: it was too much, or no proper HTTP."""
        line = AuditLine(self._now(), "refused", ip, *_who(pod), status=answer.status, reason=answer.reason)
        self._write(self._encode(line))
        self._remember(line)

    def refusals(self) -> list[dict[str, object]]:
        """The latest refusals, the newest first; one that came again stands there once."""
        return [
            {
                "reason": line.reason,
                "pod": line.pod,
                "address": line.address,
                "message": line.message,
                "path": line.path,
                "status": line.status,
                "when": rfc3339(line.time),
            }
            for line in reversed(self._refusals.values())
        ]

    def _remember(self, line: AuditLine) -> None:
        alike = (line.address, line.reason, line.path)
        self._refusals.pop(alike, None)
        self._refusals[alike] = line
        if len(self._refusals) > _MOST_REFUSALS:
            del self._refusals[next(iter(self._refusals))]


def writing_to(descriptor: int) -> Write:
    """Write the lines to a file or pipe, each at once and in one piece.

    They are no messages of the log: those are calmed when they repeat, and cost more than the whole answer.
    """

    def write(line: bytes) -> None:
        try:
            os.write(descriptor, line + b"\n")
        except OSError as error:
            _LOST.inc()
            log.error("a line of the audit is lost: %s", error.strerror)

    return write


def _who(pod: PodIdentity | None) -> tuple[str, str, str]:
    return (str(pod), pod.uid, pod.service_account) if pod else ("", "", "")
