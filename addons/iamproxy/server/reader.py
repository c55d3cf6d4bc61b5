"""From the bytes of a connection to its requests."""

from collections import deque

import httptools

from addons.iamproxy import names
from addons.iamproxy.server import answers
from addons.iamproxy.server.answers import Answer
from addons.iamproxy.server.requests import EXPECT, READ_HEADERS, Peer, Request

_MALFORMED = answers.refusal(400, names.MALFORMED_REQUEST, "this is not HTTP as it should be")
_TOO_LARGE = answers.refusal(431, names.REQUEST_TOO_LARGE, "the request is too large")
_HAS_BODY = answers.refusal(413, names.REQUEST_TOO_LARGE, "no request here has a body")


class RequestReader:
    """Parses requests of at most `request_bytes`; httptools calls the methods whose names begin with `on_`.

    What is read must be no more than `room`, so that a request cannot outgrow its limit unseen.
    """

    def __init__(self, peer: Peer, request_bytes: int) -> None:
        self._peer = peer
        self._parser = httptools.HttpRequestParser(self)
        self._request_bytes = request_bytes
        self._in_headers = False
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._repeated = b""
        self.room = request_bytes
        """Bytes that the request which is being read may still have."""
        self.in_request = False
        """Whether a request has begun and is not complete."""
        self.awaits_word = False
        """Whether the request that has begun comes on only when it is told to (`Expect: 100-continue`)."""
        self.requests: deque[Request] = deque()
        """Requests that are complete, in their order."""
        self.failure: Answer | None = None
        """The answer to what came behind them and cannot be read; nothing after it counts."""

    def feed(self, data: memoryview) -> None:
        """Parse the next bytes."""
        self.awaits_word = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # the request is complete, and answered like any other
        except httptools.HttpParserError:
            self._fail(_MALFORMED)
        if not self.in_request:
            self.room = self._request_bytes
            return
        self.room -= len(data)
        if self.room <= 0:
            self._fail(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """A request begins."""
        self.in_request = self._in_headers = True
        self.room = self._request_bytes
        self._target = b""
        self._headers = {}
        self._repeated = b""

    def on_url(self, part: bytes) -> None:
        """Take a part of the target, or all of it."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header that counts; one that follows the body (a trailer) does not."""
        name = name.lower()
        if name not in READ_HEADERS or not self._in_headers:
            return
        if name in self._headers:
            self._repeated = name
        self._headers[name] = value.rstrip(b" \t")

    def on_headers_complete(self) -> None:
        """The headers are over; what HTTP/1.0 expects does not count."""
        self._in_headers = False
        expected = self._headers.get(EXPECT, b"").lower()
        self.awaits_word = expected == b"100-continue" and self._parser.get_http_version() == "1.1"

    def on_body(self, part: bytes) -> None:
        """Refuse a body of whatever size."""
        self._fail(_HAS_BODY)

    def on_message_complete(self) -> None:
        """Put the request in line; one that asks for another protocol is the last of its connection."""
        self.in_request = self.awaits_word = False
        if self.failure:
            return
        parser = self._parser
        self.requests.append(
            Request(
                self._peer,
                parser.get_method(),
                self._target,
                self._headers,
                parser.get_http_version(),
                parser.should_keep_alive() and not parser.should_upgrade(),
                self._repeated,
            )
        )

    def _fail(self, answer: Answer) -> None:
        if self.failure is None:
            self.failure = answer
