"""The last look before a request to AWS leaves, in the thread that sends it.

A call waits in its thread for credentials, for a name server, for a connection. Meanwhile the task that made
it may be cancelled, which stops no thread, or another replica may lead. So the thread asks again: when
botocore is about to send, and once more when the connection stands, which can take seconds.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)

from addons.runtime.errors import OutsideError

Refusal = Callable[[], OutsideError | None]
"""Gives the error to raise in place of sending; None to send."""

_calling = threading.local()


class Sending:
    """One call on its way to AWS. Threads and the event loop may ask and tell at the same time."""

    def __init__(self, refusal: Refusal, *, is_change: bool) -> None:
        self.is_change = is_change
        self._refusal = refusal
        self._abandoned: OutsideError | None = None
        self._lock = threading.Lock()
        self.is_sent = False
        """Whether its request has left, or is about to: it may reach AWS, whatever happens here."""

    def abandon(self, error: OutsideError) -> bool:
        """Have nothing sent from now on; True when nothing was, so that AWS will never hear of the call."""
        with self._lock:
            self._abandoned = error
            return not self.is_sent

    def check(self) -> None:
        """Raise the error of a call that must not be sent any more."""
        with self._lock:
            self._check()

    def send(self) -> None:
        """Note that the request is about to leave, unless it must not."""
        with self._lock:
            self._check()
            self.is_sent = True

    def _check(self) -> None:
        if error := self._abandoned or self._refusal():
            raise error


@contextmanager
def calling(sending: Sending) -> Iterator[None]:
    """Have what this thread sends meanwhile be for this call."""
    _calling.sending = sending
    try:
        yield
    finally:
        del _calling.sending


def before_send(**_: object) -> None:
    """Let the request of a call leave, or raise its error."""
    if sending := _sending():
        sending.send()


def check(**_: object) -> None:
    """Raise the error of the call that this thread is at work on, if it must not be sent any more."""
    if sending := _sending():
        sending.check()


def _sending() -> Sending | None:
    return getattr(_calling, "sending", None)


class _CheckedHttp(AWSHTTPConnection):  # type: ignore[misc]
    def connect(self) -> None:
        super().connect()
        check()


class _CheckedHttps(AWSHTTPSConnection):  # type: ignore[misc]
    def connect(self) -> None:
        super().connect()
        check()


AWSHTTPConnectionPool.ConnectionCls = _CheckedHttp
AWSHTTPSConnectionPool.ConnectionCls = _CheckedHttps
