"""From a request that a plugin wrote down to the call that it would have made."""

import httptools

from addons.cni.model.requests import UNDECODABLE, CniError, CniRequest
from addons.cni.server.calls import environment_of
from addons.cni.server.requests import read_request


class _Reader:
    """Collects one request; httptools calls the methods whose names begin with `on_`."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body = b""
        self.is_complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self.headers[name.decode("latin-1").lower()] = value.decode(errors="surrogateescape")

    def on_body(self, part: bytes) -> None:
        """Keep a part of the body."""
        self.body += part

    def on_message_complete(self) -> None:
        """Note that all is there."""
        self.is_complete = True


def read_spooled(data: bytes) -> CniRequest:
    """Read the call. Raises CniError where it cannot be read, or is no DEL: nothing else is ever spooled."""
    reader = _Reader()
    try:
        httptools.HttpRequestParser(reader).feed_data(data)
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        raise CniError(UNDECODABLE, f"it is no HTTP request: {error}") from error
    if not reader.is_complete:
        raise CniError(UNDECODABLE, "it is not complete")
    request = read_request(environment_of(reader.headers), reader.body)
    if request.command != "DEL":
        raise CniError(UNDECODABLE, f"it is a {request.command}, not a DEL")
    return request
