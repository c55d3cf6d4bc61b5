"""Answers as EC2's metadata service gives them, encoded as bytes."""

import time
from collections.abc import Callable
from email.utils import formatdate
from html import escape
from http import HTTPStatus

from msgspec import Struct

SIGNATURE = "EC2ws"
"""What the server calls itself, as EC2's does."""

RETRY_AFTER = b"Retry-After: 1\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
"""Lets a client send the rest of a request, which it holds back until then; the answer follows."""

_PAGE = """<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" \
"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>{status} - {phrase}</title>
 </head>
 <body>
  <h1>{status} - {phrase}</h1>{words}
 </body>
</html>
"""
_WAIT_A_MOMENT = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class Answer(Struct, frozen=True):
    """A status with its headers and body; which headers close the head depends on the connection.

    `reason` is the code of `names` behind a refusal.
    """

    status: int
    head: bytes
    body: bytes
    reason: str = ""


def text(body: bytes, headers: bytes = b"") -> Answer:
    """Answer 200 with `body`, which EC2 declares to be plain text whatever it is."""
    return _answer(HTTPStatus.OK, b"text/plain", body, headers)


def refusal(status: int, reason: str, message: str = "", headers: bytes = b"") -> Answer:
    """Answer with an error page in the form of EC2's, which says why in words.

    One that may succeed later asks for a second of patience.
    """
    known = HTTPStatus(status)
    words = f"\n  <p>{escape(f'{message} ({reason})')}</p>" if message else ""
    page = _PAGE.format(status=status, phrase=known.phrase, words=words)
    if known in _WAIT_A_MOMENT:
        headers += RETRY_AFTER
    return _answer(known, b"text/html", page.encode("ascii", "xmlcharrefreplace"), headers, reason)


def _answer(status: HTTPStatus, media: bytes, body: bytes, headers: bytes, reason: str = "") -> Answer:
    head = b"HTTP/1.1 %d %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n%bServer: %b\r\n" % (
        status,
        status.phrase.encode(),
        media,
        len(body),
        headers,
        SIGNATURE.encode(),
    )
    return Answer(status, head, body, reason)


class Encoder:
    """Completes answers to what goes over the wire; writes the date once for all answers of a second."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._second = -1
        self._keep = b""
        self._close = b""

    def encode(self, answer: Answer, *, keep_alive: bool, with_body: bool = True) -> bytes:
        """Give the bytes of an answer, after which the connection stays open or is closed."""
        second = int(self._clock())
        if second != self._second:
            self._second = second
            date = b"Date: %b\r\n" % formatdate(second, usegmt=True).encode()
            self._keep = date + b"Connection: keep-alive\r\n\r\n"
            self._close = date + b"Connection: close\r\n\r\n"
        last = self._keep if keep_alive else self._close
        return answer.head + last + answer.body if with_body else answer.head + last
