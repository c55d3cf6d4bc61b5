"""What can go wrong outside: the one small tree of errors that the adapters raise.

OutsideError
  Throttled      asked too often; try again after `retry_after`
  NotFound       the object or resource does not exist
  Conflict       somebody else changed it first
    AlreadyExists  it is there already
  Expired        the resource version or the page token is too old; list again
  Denied         the credentials do not permit it
  Invalid        the request itself is wrong; the same request will fail again
  Exhausted      a limit, quota or capacity is used up
  Unavailable    no usable answer: connection, time-out, 5xx, or not what the API should say
  Withheld       not sent: there was no permission to act any more
"""

from typing import Final

LONGEST_RETRY_AFTER: Final = 300.0
"""Seconds; nobody waits longer, whatever the other side, or a proxy before it, asked for."""


class OutsideError(Exception):
    """A request to Kubernetes or AWS failed.

    `code` is the word of the other side ("Throttling", "AlreadyExists"), `status` its HTTP status or 0,
    `retry_after` the seconds it asked us to wait, if it did, and LONGEST_RETRY_AFTER at most.
    """

    def __init__(
        self, message: str, *, code: str = "", status: int = 0, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.retry_after = None if retry_after is None else min(retry_after, LONGEST_RETRY_AFTER)

    @property
    def reason(self) -> str:
        """The word of the other side, or else ours."""
        return self.code or type(self).__name__


class Throttled(OutsideError):
    """Asked too often."""


class NotFound(OutsideError):
    """The object or resource does not exist."""


class Conflict(OutsideError):
    """Somebody else changed it first."""


class AlreadyExists(Conflict):
    """It is there already."""


class Expired(OutsideError):
    """The resource version or page token is too old: list again."""


class Denied(OutsideError):
    """The credentials do not permit it."""


class Invalid(OutsideError):
    """The request itself is wrong; the same request will fail again."""


class Exhausted(OutsideError):
    """A limit, quota or capacity is used up."""


class Unavailable(OutsideError):
    """No usable answer: connection lost, time-out, 5xx, or not what the API should say."""


class Withheld(OutsideError):
    """Not sent, because there was no permission to act any more; `code` is the reason code of the Skip."""
