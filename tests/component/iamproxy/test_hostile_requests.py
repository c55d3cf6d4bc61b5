"""Whatever a pod sends: no crash, nothing but listed paths, and never a word of the node's metadata."""

import asyncio
import re
import socket
from collections.abc import Iterator
from concurrent.futures import Future
from threading import Thread
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from addons.iamproxy.server.limits import ServerLimits
from tests.support.metadata import CANARY, EXTENDED_ROLES, POD_IP, ROLES, World, grant

LISTED = {
    f"{prefix}{path}".encode()
    for prefix in ("/latest", "/2021-07-15")
    for path in (
        "",
        "/",
        "/meta-data",
        "/meta-data/",
        "/meta-data/iam",
        "/meta-data/iam/",
        "/meta-data/iam/info",
        "/meta-data/iam/info/",
        "/meta-data/instance-id",
        "/meta-data/instance-id/",
        "/dynamic",
        "/dynamic/",
        "/dynamic/instance-identity",
        "/dynamic/instance-identity/",
        "/dynamic/instance-identity/document",
        "/dynamic/instance-identity/document/",
        "/meta-data/iam/security-credentials",
        "/meta-data/iam/security-credentials/",
        "/meta-data/iam/security-credentials/reader",
        "/meta-data/iam/security-credentials/reader/",
        "/meta-data/iam/security-credentials-extended",
        "/meta-data/iam/security-credentials-extended/",
        "/meta-data/iam/security-credentials-extended/reader",
        "/meta-data/iam/security-credentials-extended/reader/",
        "/meta-data/placement",
        "/meta-data/placement/",
        "/meta-data/placement/availability-zone",
        "/meta-data/placement/availability-zone/",
        "/meta-data/placement/region",
        "/meta-data/placement/region/",
    )
} | {b"/", b"/healthz"}
"""All that a GET may find: written out here, so that the dictionary of the server is not its own judge."""

TOKENS = {b"/latest/api/token", b"/2021-07-15/api/token"}
FORBIDDEN = [
    "/latest/user-data",
    "/latest/meta-data/iam/security-credentials/node-role",
    "/latest/meta-data/identity-credentials/ec2/security-credentials/ec2-instance",
    "/latest/dynamic/instance-identity/signature",
]
PIECES = [
    *(
        "/",
        "//",
        "/./",
        "/../",
        "..",
        ".",
        "%2F",
        "%2f",
        "%2e%2e/",
        "%00",
        "%0a",
        "\\",
        ";",
        "?",
        "#",
        "@",
        ":",
    ),
    *(
        "latest",
        "LATEST",
        "2021-07-15",
        "1.0",
        "meta-data",
        "Meta-Data",
        "iam",
        "info",
        "user-data",
        "dynamic",
    ),
    *("%25", "%72eader", "reade%72", "%6eode-role", "instance-identity", "document", "instance-id"),
    *("security-credentials", "security-credentials-extended", "reader", "node-role", "placement", "region"),
    *("identity-credentials/ec2/security-credentials/ec2-instance", "http://169.254.169.254", "api/token"),
    *("\t", "\x00", "\x7f", "\xe4", "\r", "*"),
]
METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH", "get", "FETCH", ""]
HEADERS = [
    "Host: 169.254.169.254",
    "Host: evil.example.com",
    "host : 169.254.169.254",
    "X-aws-ec2-metadata-token: forged",
    "X-aws-ec2-metadata-token-ttl-seconds: 60",
    "X-Forwarded-For: 10.0.0.1",
    "X-Original-URL: /latest/user-data",
    "X-Rewrite-URL: /latest/user-data",
    "X-HTTP-Method-Override: GET",
    "Connection: close",
    "Connection: upgrade",
    "Upgrade: h2c",
    "Content-Length: 0",
    "Content-Length: 5",
    "Content-Length: -1",
    "Transfer-Encoding: chunked",
    "Expect: 100-continue",
    "Folded: a\r\n b",
    "Long: " + "a" * 9000,
    ": nameless",
    "\x00: control",
]
PUT_TOKEN = (
    b"PUT /latest/api/token HTTP/1.1\r\nHost: 169.254.169.254\r\n"
    b"X-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n"
)
ASKED = re.compile(rb"[A-Z]+ (\S+) HTTP/1\.\d\r\n")
FUZZ = settings(max_examples=1000, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

targets = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
tricks = st.builds(
    lambda path, place, piece: path[:place] + piece + path[place:],
    st.sampled_from([ROLES, f"{ROLES}reader", f"{EXTENDED_ROLES}reader", *FORBIDDEN]),
    st.integers(0, 70),
    st.sampled_from(PIECES),
)
edits = st.lists(
    st.tuples(
        st.integers(0, 300),
        st.integers(0, 3),
        st.binary(max_size=3) | st.sampled_from([piece.encode("latin-1") for piece in PIECES]),
    ),
    min_size=1,
    max_size=6,
)
"""Where something is taken out, how much, and what is put there."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server in a thread of its own, whose clients may block."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    failures: list[dict[str, object]] = []
    loop.set_exception_handler(lambda loop, context: failures.append(context))
    limits = ServerLimits(connections_per_pod=10_000, requests_per_second=1e9, burst=1_000_000)

    started: Future[int] = Future()
    stopping = asyncio.Event()

    async def serve() -> None:
        async with World(limits=limits).running() as world:
            world.give(grant())
            started.set_result(world.port)
            await stopping.wait()

    serving = asyncio.run_coroutine_threadsafe(serve(), loop)
    try:
        yield started.result(timeout=10)
        loop.call_soon_threadsafe(stopping.set)
        serving.result(timeout=10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    assert failures == []


def say(port: int, data: bytes) -> bytes:
    """Send bytes on a new connection, and read all that comes back."""
    with socket.create_connection((POD_IP, port), timeout=5) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # closed in our face; what was said before may still be read
        received = b""
        try:
            while part := connection.recv(65_536):
                received += part
        except ConnectionResetError:
            pass
    return received


def statuses(received: bytes) -> list[int]:
    """The statuses of all answers in what was received; raises where it is not HTTP to the end."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        assert first.startswith(b"HTTP/1.1 "), first
        headers = dict(line.lower().split(b": ", 1) for line in lines)
        found.append(int(first.split()[1]))
        received = rest[int(headers[b"content-length"]) :]
    return found


def is_encoded(target: str) -> bool:
    """Whether this asks for the pod's own credentials, with the name of its role in percent encoding."""
    folder, _, name = target.removesuffix("/").rpartition("/")
    return unquote(name) == "reader" and f"{folder}/reader".encode("latin-1") in LISTED


def get(target: str, *headers: str) -> bytes:
    head = "\r\n".join([f"GET {target} HTTP/1.1", "Host: 169.254.169.254", *headers, "", ""])
    return head.encode("latin-1")


class TestPaths:
    @FUZZ
    @given(target=targets | tricks)
    def test_only_what_is_listed_is_found(self, port: int, target: str) -> None:
        received = say(port, get(target))
        assert CANARY.encode() not in received
        if target.encode("latin-1") in LISTED or is_encoded(target):
            assert statuses(received) == [200]
        else:
            assert 200 not in statuses(received)

    @pytest.mark.parametrize("target", FORBIDDEN)
    def test_what_is_worth_stealing_is_not_there(self, port: int, target: str) -> None:
        assert statuses(say(port, get(target)))[0] in (403, 404)

    @pytest.mark.parametrize("target", sorted(LISTED))
    def test_what_is_listed_is_there(self, port: int, target: bytes) -> None:
        assert statuses(say(port, get(target.decode()))) == [200]


class TestRequests:
    @FUZZ
    @given(
        method=st.sampled_from(METHODS),
        target=targets | tricks,
        version=st.sampled_from(["HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "", "http/1.1"]),
        headers=st.lists(st.sampled_from(HEADERS), max_size=5),
        end=st.sampled_from(["\r\n", "\n", "\r"]),
        body=st.sampled_from(["", "0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", get(FORBIDDEN[0]).decode()]),
    )
    def test_no_mixture_of_parts_gets_more_than_is_listed(
        self, port: int, method: str, target: str, version: str, headers: list[str], end: str, body: str
    ) -> None:
        request = end.join([f"{method} {target} {version}", *headers, "", body])
        received = say(port, request.encode("latin-1"))
        assert CANARY.encode() not in received
        if target.encode("latin-1") not in LISTED | TOKENS and not is_encoded(target):
            assert b"HTTP/1.1 200" not in received

    @FUZZ
    @given(data=st.binary(max_size=2_000).filter(lambda data: b"/healthz" not in data))
    def test_any_bytes_at_all(self, port: int, data: bytes) -> None:
        received = say(port, data)
        assert CANARY.encode() not in received
        assert b"HTTP/1.1 200" not in received or received.endswith(b"\r\n\r\nlatest"), "the list at /"
        assert statuses(say(port, get(ROLES))) == [200]

    @FUZZ
    @given(
        requests=st.lists(
            st.sampled_from([get(ROLES), get(f"{ROLES}reader"), PUT_TOKEN, *map(get, FORBIDDEN)]),
            min_size=1,
            max_size=3,
        ),
        changes=edits,
    )
    def test_whatever_is_changed_in_proper_requests(
        self, port: int, requests: list[bytes], changes: list[tuple[int, int, bytes]]
    ) -> None:
        data = b"".join(requests)
        for place, length, piece in changes:
            data = data[:place] + piece + data[place + length :]
        received = say(port, data)
        assert CANARY.encode() not in received
        if b"HTTP/1.1 200" in received:
            asked = set(ASKED.findall(data))
            assert (LISTED | TOKENS) & asked or any(is_encoded(each.decode("latin-1")) for each in asked), (
                data
            )

    @FUZZ
    @given(cuts=st.lists(st.sampled_from([get(ROLES), get(FORBIDDEN[0]), b"x", b"\r\n", b"GET"]), max_size=6))
    def test_whatever_is_glued_together(self, port: int, cuts: list[bytes]) -> None:
        received = say(port, b"".join(cuts))
        assert CANARY.encode() not in received
        assert statuses(received).count(200) <= cuts.count(get(ROLES))
