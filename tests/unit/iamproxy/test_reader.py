"""Reading requests: what HTTP permits, however it is cut into pieces, and no more of it than is allowed."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.iamproxy.server.reader import RequestReader
from addons.iamproxy.server.requests import Peer, Request, hosts_of, plain_ip

PEER = Peer("10.0.0.1", hosts_of("169.254.170.10", 8181))
LIMIT = 512


def read(*parts: bytes) -> RequestReader:
    """Feed parts, each in reads no longer than there is room for, until something is wrong."""
    reader = RequestReader(PEER, LIMIT)
    for part in parts:
        data = memoryview(part)
        while data and reader.failure is None:
            room = min(reader.room, 128)
            reader.feed(data[:room])
            data = data[room:]
    return reader


def only(reader: RequestReader) -> Request:
    assert reader.failure is None
    (request,) = reader.requests
    return request


def failure(*parts: bytes) -> int | None:
    found = read(*parts).failure
    return found.status if found else None


class TestRequests:
    def test_what_counts_of_a_request_is_kept(self) -> None:
        request = only(
            read(b"PUT /latest/api/token HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\nX-Forwarded-For: z \r\n\r\n")
        )
        assert (request.method, request.target) == (b"PUT", b"/latest/api/token")
        assert request.headers == {b"host": b"x", b"x-forwarded-for": b"z"}

    @given(st.lists(st.integers(1, 60), max_size=5))
    def test_it_does_not_matter_where_it_is_cut(self, places: list[int]) -> None:
        whole = b"GET /latest/meta-data/ HTTP/1.1\r\nHost: 169.254.169.254\r\nA: b\r\n\r\n"
        cuts = [0, *sorted(set(places)), len(whole)]
        parts = [whole[begin:end] for begin, end in pairwise(cuts)]
        assert only(read(*parts)) == only(read(whole))

    def test_several_at_once_keep_their_order(self) -> None:
        reader = read(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3")
        assert [request.target for request in reader.requests] == [b"/1", b"/2"]
        assert reader.in_request

    def test_one_does_not_inherit_from_the_one_before(self) -> None:
        reader = read(b"GET /1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /2 HTTP/1.1\r\n\r\n")
        assert [request.repeated for request in reader.requests] == [b"host", b""]
        assert reader.requests[1].headers == {}

    def test_trailers_do_not_count(self) -> None:
        chunked = (
            b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Aws-Ec2-Metadata-Token: t\r\n\r\n"
        )
        assert only(read(chunked)).headers == {}


class TestExpectations:
    EXPECTS = b"PUT / HTTP/1.1\r\nExpect: 100-Continue\r\nTransfer-Encoding: chunked\r\n\r\n"

    def test_a_request_that_holds_back_its_rest_awaits_a_word(self) -> None:
        assert read(self.EXPECTS).awaits_word
        assert read(self.EXPECTS.replace(b"Transfer-Encoding: chunked", b"Content-Length: 5")).awaits_word

    @pytest.mark.parametrize(
        "data",
        [
            EXPECTS[:-2],
            EXPECTS + b"0\r\n\r\n",
            EXPECTS.replace(b"Transfer-Encoding: chunked", b"Content-Length: 0"),
            EXPECTS.replace(b"HTTP/1.1", b"HTTP/1.0").replace(
                b"Transfer-Encoding: chunked", b"Content-Length: 5"
            ),
            EXPECTS.replace(b"100-Continue", b"200-ok"),
            EXPECTS.replace(b"Expect", b"Unexpected"),
        ],
    )
    def test_one_that_is_complete_or_comes_on_by_itself_does_not(self, data: bytes) -> None:
        assert not read(data).awaits_word

    def test_it_is_one_request_in_the_end(self) -> None:
        assert only(read(self.EXPECTS, b"0\r\n\r\n")).method == b"PUT"
        assert failure(self.EXPECTS, b"1\r\nx\r\n0\r\n\r\n") == 413


class TestKeepAlive:
    @pytest.mark.parametrize(
        ("head", "stays"),
        [
            (b"GET / HTTP/1.1\r\n\r\n", True),
            (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", False),
            (b"GET / HTTP/1.0\r\n\r\n", False),
            (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
            (b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", False),
            (b"CONNECT x:80 HTTP/1.1\r\n\r\n", False),
        ],
    )
    def test_a_connection_stays_open_when_both_can(self, head: bytes, stays: bool) -> None:
        assert only(read(head)).keep_alive is stays


class TestFailures:
    @pytest.mark.parametrize(
        "data",
        [
            b"nonsense\r\n\r\n",
            b"FETCH / HTTP/1.1\r\n\r\n",
            b"GET /\x01 HTTP/1.1\r\n\r\n",
            b"GET /\xe4 HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nA: \x00\r\n\r\n",
            b"GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
            b"GET / HTTP/1.1\nHost: x\n\n",
            b"GET / HTTP/2.5\r\n\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"PUT / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n",
            b"PUT / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        ],
    )
    def test_what_is_not_proper_http_is_malformed(self, data: bytes) -> None:
        reader = read(data)
        assert reader.failure
        assert reader.failure.status == 400
        assert not reader.requests

    def test_a_body_of_any_size_is_too_large(self) -> None:
        assert failure(b"PUT / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx") == 413
        assert failure(b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n") == 413
        assert not read(b"PUT / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx").requests

    @pytest.mark.parametrize("filler", [b"/a", b"/ HTTP/1.1\r\nA: b", b"/ HTTP/1.1\r\nA: b\r\nB"])
    def test_a_request_has_only_so_many_bytes(self, filler: bytes) -> None:
        assert failure(b"GET " + filler + b"c" * LIMIT) == 431

    def test_one_that_just_fits_is_read(self) -> None:
        head = b"GET / HTTP/1.1\r\nA: %b\r\n\r\n"
        filler = b"a" * (LIMIT - len(head) + 2)
        assert failure(head % filler) is None
        assert failure(head % (filler + b"a")) == 431

    def test_endless_chunks_and_trailers_come_to_an_end(self) -> None:
        head = b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        assert failure(head, *[b"A: b\r\n"] * LIMIT) == 431

    def test_requests_before_the_failure_count(self) -> None:
        reader = read(b"GET /1 HTTP/1.1\r\n\r\nnonsense\r\n\r\n")
        assert [request.target for request in reader.requests] == [b"/1"]
        assert reader.failure

    @given(st.lists(st.binary(max_size=300), max_size=4))
    def test_any_bytes_are_requests_or_a_failure(self, parts: list[bytes]) -> None:
        reader = read(*parts)
        assert 0 < reader.room <= LIMIT or reader.failure

    @given(
        st.lists(st.tuples(st.integers(0, 180), st.integers(0, 3), st.binary(max_size=3)), max_size=4),
        st.lists(st.integers(1, 180), max_size=8),
    )
    def test_however_it_is_cut_anything_is_read_as_the_same(
        self, changes: list[tuple[int, int, bytes]], places: list[int]
    ) -> None:
        data = (
            b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPUT /2 HTTP/1.1\r\nContent-Length: 0\r\nHost: b\r\n\r\n" * 2
        )
        for place, length, piece in changes:
            data = data[:place] + piece + data[place + length :]
        cuts = [0, *sorted({place for place in places if place < len(data)}), len(data)]
        whole, pieces = read(data), read(*(data[begin:end] for begin, end in pairwise(cuts)))
        assert (list(pieces.requests), pieces.failure) == (list(whole.requests), whole.failure)


class TestAddresses:
    @pytest.mark.parametrize(
        ("written", "plain"),
        [
            ("10.0.0.1", "10.0.0.1"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("2001:DB8:0::1", "2001:db8::1"),
        ],
    )
    def test_an_address_has_one_form(self, written: str, plain: str) -> None:
        assert plain_ip(written) == plain

    def test_a_host_is_an_address_with_or_without_the_port(self) -> None:
        assert hosts_of("10.0.0.1", 80) == {b"10.0.0.1", b"10.0.0.1:80"}
        assert hosts_of("fd00:ec2::254", 80) == {b"[fd00:ec2::254]", b"[fd00:ec2::254]:80"}
