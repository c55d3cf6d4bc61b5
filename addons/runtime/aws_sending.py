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


@contextmanager
def unless(refusal: Refusal) -> Iterator[None]:
    """Have what this thread sends meanwhile refused as soon as `refusal` gives an error."""
    _calling.refusal = refusal
    try:
        yield
    finally:
        del _calling.refusal


def check(**_: object) -> None:
    """Raise the error of the call that this thread is at work on, if it must not be sent any more."""
    refusal: Refusal | None = getattr(_calling, "refusal", None)
    if refusal and (error := refusal()):
        raise error


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
