"""An authoritative name server for the simulated zones, on UDP and TCP of one port."""

import asyncio
import random
import re
import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Self, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from addons.sim.answers import Answer, Lookup, Records
from addons.sim.aws.route53.names import escape, parse_name, unescape
from addons.sim.aws.route53.zone import Zone

_PLAIN_UDP_OCTETS = 512
_EDNS_UDP_OCTETS = 1232
_TCP_IDLE_SECONDS = 10.0
_PORT_TRIES = 20
_OCTAL = re.compile(r"\\([0-7]{3})")
_HEADER = struct.Struct("!HHHHHH")


class NameServer:
    """Answers from `source()`, which is read at each query: what is in Route 53 now, and nothing else.

    `outside` maps names beyond the zones to their addresses, `unhealthy` holds ids of failing health
    checks; both may be changed while the server runs.
    """

    def __init__(
        self,
        source: Callable[[], Sequence[Zone]],
        *,
        outside: Mapping[str, Sequence[str]] | None = None,
        unhealthy: Collection[str] = (),
        rng: random.Random | None = None,
    ) -> None:
        self._source = source
        self.outside = {parse_name(name): tuple(values) for name, values in (outside or {}).items()}
        self.unhealthy = set(unhealthy)
        self._random = rng or random.Random()
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, once started."""
        assert self._udp is not None, "the name server is not started"
        host, port = self._udp.get_extra_info("sockname")[:2]
        return host, port

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes one that is free for UDP and TCP alike."""
        for tries_left in reversed(range(_PORT_TRIES)):
            await self._listen_udp(host, port)
            try:
                self._tcp = await asyncio.start_server(self._serve_stream, *self.address)
            except OSError:
                await self.stop()
                if port or not tries_left:
                    raise
            else:
                return

    async def _listen_udp(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._answer_datagram), local_addr=(host, port)
        )

    async def stop(self) -> None:
        """Close the sockets and every connection."""
        if self._udp is not None:
            self._udp.close()
            self._udp = None
        if self._tcp is not None:
            self._tcp.close()
            for writer in self._connections:
                writer.transport.abort()
            await self._tcp.wait_closed()
            self._tcp = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _serve_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            async with asyncio.timeout(_TCP_IDLE_SECONDS) as idle:
                while True:
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    reply = self._answer(await reader.readexactly(length), is_stream=True)
                    if reply is None:
                        return
                    writer.write(struct.pack("!H", len(reply)) + reply)
                    await writer.drain()
                    idle.reschedule(asyncio.get_running_loop().time() + _TCP_IDLE_SECONDS)
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            return
        finally:
            self._connections.discard(writer)
            writer.close()

    def _answer_datagram(self, wire: bytes) -> bytes | None:
        return self._answer(wire, is_stream=False)

    def _answer(self, wire: bytes, *, is_stream: bool) -> bytes | None:
        """Give the reply to a query; None for what is none and gets no answer."""
        try:
            query = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return _format_error(wire)
        if query.flags & dns.flags.QR:
            return None
        reply = dns.message.make_response(query, our_payload=_EDNS_UDP_OCTETS)
        self._fill(query, reply)
        if is_stream:
            return reply.to_wire()
        most = max(query.payload, _PLAIN_UDP_OCTETS) if query.edns >= 0 else _PLAIN_UDP_OCTETS
        return reply.to_wire(max_size=min(most, 65535), prefer_truncation=True)

    def _fill(self, query: dns.message.Message, reply: dns.message.Message) -> None:
        if query.opcode() != dns.opcode.QUERY:
            reply.set_rcode(dns.rcode.NOTIMP)
            return
        if len(query.question) != 1:
            reply.set_rcode(dns.rcode.FORMERR)
            return
        (question,) = query.question
        if question.rdclass != dns.rdataclass.IN:
            reply.set_rcode(dns.rcode.REFUSED)
            return
        lookup = Lookup(self._source(), self.outside, self.unhealthy, self._random)
        name = "".join(f"{escape(label.lower())}." for label in question.name.labels[:-1])
        answer = lookup.answer(name, dns.rdatatype.to_text(question.rdtype))
        _render(answer, reply)


class _Datagrams(asyncio.DatagramProtocol):
    """Answers each datagram at once."""

    def __init__(self, answer: Callable[[bytes], bytes | None]) -> None:
        self._answer = answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to reply by."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Reply to the sender."""
        reply = self._answer(data)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)


def _format_error(wire: bytes) -> bytes | None:
    """Give a FORMERR for a query that cannot be read, without a question; None if it is no query."""
    if len(wire) < _HEADER.size:
        return None
    number, flags, *_ = _HEADER.unpack_from(wire)
    if flags & dns.flags.QR:
        return None
    return _HEADER.pack(number, dns.flags.QR | dns.rcode.FORMERR, 0, 0, 0, 0)


def _render(answer: Answer, reply: dns.message.Message) -> None:
    reply.set_rcode(dns.rcode.from_text(answer.code))
    if answer.authoritative and answer.code != "SERVFAIL":
        reply.flags |= dns.flags.AA
    reply.answer.extend(map(_rrset, answer.answer))
    reply.authority.extend(map(_rrset, answer.authority))


def _rrset(records: Records) -> dns.rrset.RRset:
    rdtype = dns.rdatatype.from_text(records.type)
    rrset = dns.rrset.RRset(_name(records.name), dns.rdataclass.IN, rdtype)
    for value in records.values:
        rrset.add(_rdata(rdtype, value), records.ttl)
    return rrset


def _name(name: str) -> dns.name.Name:
    return dns.name.Name((*unescape(name), b""))


def _rdata(rdtype: dns.rdatatype.RdataType, value: str) -> dns.rdata.Rdata:
    r"""Read a value: escapes are octal in Route 53, decimal in master files; every name is absolute."""
    decimal = _OCTAL.sub(lambda found: f"\\{int(found[1], 8) & 0xFF:03d}", value)
    return dns.rdata.from_text(dns.rdataclass.IN, rdtype, decimal, origin=dns.name.root, relativize=False)
