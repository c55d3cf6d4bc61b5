"""The audit trail: one line of JSON for all credentials handed out and for every refusal, never a secret."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TextIO

import msgspec
from msgspec import Struct

from addons.iamproxy.model import Credentials, Grant, PodIdentity
from addons.iamproxy.server.answers import Answer
from addons.iamproxy.server.requests import Request
from addons.runtime.clock import utc_now

log = logging.getLogger("addons.iamproxy.audit")

_LONGEST_PATH = 200


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
    """Writes the lines through the logger `addons.iamproxy.audit`, as its messages."""

    def __init__(self, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        self._encode = msgspec.json.Encoder().encode

    def issued(self, ip: str, grant: Grant, credentials: Credentials) -> None:
        """Note that credentials went to a pod."""
        if not log.isEnabledFor(logging.INFO):
            return
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
        log.info(self._encode(line).decode())

    def refused(
        self, request: Request, pod: PodIdentity | None, answer: Answer, message: str, *, role: str = ""
    ) -> None:
        """Note that a request was refused; the path is cut, since whoever asks may send anything."""
        if not log.isEnabledFor(logging.INFO):
            return
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
        log.info(self._encode(line).decode())

    def rejected(self, ip: str, pod: PodIdentity | None, answer: Answer) -> None:
        """Note that something was refused unread: it was too much, or no proper HTTP."""
        if log.isEnabledFor(logging.INFO):
            line = AuditLine(
                self._now(), "refused", ip, *_who(pod), status=answer.status, reason=answer.reason
            )
            log.info(self._encode(line).decode())


def set_up_audit(stream: TextIO) -> None:
    """Write the lines to `stream`, all of them and as they are; they are kept out of the other messages.

    Those are calmed when they repeat, which an audit must not be.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.handlers = [handler]
    log.setLevel(logging.INFO)
    log.propagate = False


def _who(pod: PodIdentity | None) -> tuple[str, str, str]:
    return (str(pod), pod.uid, pod.service_account) if pod else ("", "", "")
