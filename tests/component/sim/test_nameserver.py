"""What the name server says of the simulated zones, asked by a real resolver."""

import asyncio
import random
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import dns.asyncquery
import dns.asyncresolver
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.resolver
import pytest

from addons.sim.aws.route53.model import AliasTarget, GeoLocation, RecordSet, Vpc
from addons.sim.aws.route53.state import Route53
from addons.sim.nameserver import NameServer

ELB_ZONE = "Z215JYRZR1TBD5"


@dataclass
class World:
    """A Route 53 with one zone, its name server, and a resolver that asks nobody else."""

    server: NameServer
    route53: Route53
    zone_id: str
    resolver: dns.asyncresolver.Resolver = field(
        default_factory=lambda: dns.asyncresolver.Resolver(configure=False)
    )

    def put(self, name: str, type_: str = "A", *values: str, ttl: int = 60, **more: object) -> None:
        item = RecordSet(name, type_, ttl, values or ("192.0.2.1",), **more)  # type: ignore[arg-type]
        self.route53.change(self.zone_id, [("CREATE", item)])

    def put_alias(self, name: str, target: str, zone_id: str = "", type_: str = "A") -> None:
        item = RecordSet(name, type_, alias=AliasTarget(zone_id or self.zone_id, target))
        self.route53.change(self.zone_id, [("CREATE", item)])

    async def resolve(self, name: str, type_: str = "A") -> set[str]:
        answer = await self.resolver.resolve(name, type_)
        return {item.to_text() for item in answer}

    async def ask(self, name: str, type_: str = "A", **options: object) -> dns.message.Message:
        query = dns.message.make_query(name, type_, **options)  # type: ignore[arg-type]
        host, port = self.server.address
        return await dns.asyncquery.udp(query, host, port=port, timeout=5)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    route53 = Route53()
    zone_id = route53.create_zone("example.org")
    outside = {"LB.example.com": ["198.51.100.1", "2001:db8::1"]}
    async with NameServer(route53.zones, outside=outside, rng=random.Random(1)) as server:
        found = World(server, route53, zone_id)
        found.resolver.nameservers = [server.address[0]]
        found.resolver.port = server.address[1]
        found.resolver.lifetime = 5
        yield found


class TestRecords:
    """A record set is on the wire as soon as it is in the zone."""

    @pytest.mark.parametrize(
        ("type_", "value", "wire"),
        [
            ("A", "192.0.2.1", "192.0.2.1"),
            ("AAAA", "2001:db8:0::1", "2001:db8::1"),
            ("TXT", '"one" "two"', '"one" "two"'),
            ("TXT", '"\\101\\042"', '"A\\""'),
            ("SRV", "1 10 5269 xmpp.example.org", "1 10 5269 xmpp.example.org."),
            ("MX", "10 mail.example.org.", "10 mail.example.org."),
            ("CAA", '0 issue "ca.example.net"', '0 issue "ca.example.net"'),
            ("PTR", "host.example.org", "host.example.org."),
        ],
    )
    async def test_every_type_is_answered(self, world: World, type_: str, value: str, wire: str) -> None:
        world.put("a.example.org.", type_, value)
        assert await world.resolve("a.example.org", type_) == {wire}

    async def test_soa_and_ns_of_the_zone_are_answered(self, world: World) -> None:
        assert len(await world.resolve("example.org", "NS")) == 4
        assert len(await world.resolve("example.org", "SOA")) == 1

    async def test_a_change_shows_at_the_next_query(self, world: World) -> None:
        world.put("a.example.org")
        assert await world.resolve("a.example.org") == {"192.0.2.1"}
        item = RecordSet("a.example.org.", "A", 60, ("192.0.2.2",))
        world.route53.change(world.zone_id, [("UPSERT", item)])
        assert await world.resolve("a.example.org") == {"192.0.2.2"}

    async def test_case_does_not_matter(self, world: World) -> None:
        world.put("a.example.org")
        assert await world.resolve("A.Example.ORG") == {"192.0.2.1"}

    async def test_answers_are_authoritative_and_carry_the_ttl(self, world: World) -> None:
        world.put("a.example.org", ttl=17)
        reply = await world.ask("a.example.org")
        assert reply.flags & dns.flags.AA
        assert reply.answer[0].ttl == 17

    async def test_any_gives_all_types(self, world: World) -> None:
        world.put("a.example.org")
        world.put("a.example.org", "TXT", '"x"')
        reply = await world.ask("a.example.org", "ANY")
        assert [dns.rdatatype.to_text(item.rdtype) for item in reply.answer] == ["A", "TXT"]


class TestNegativeAnswers:
    """NXDOMAIN for a name that is not there, NODATA for a type; the SOA says how long to believe it."""

    async def test_a_missing_name(self, world: World) -> None:
        reply = await world.ask("missing.example.org")
        assert (reply.rcode(), reply.answer) == (dns.rcode.NXDOMAIN, [])
        assert reply.authority[0].ttl == 900
        with pytest.raises(dns.resolver.NXDOMAIN):
            await world.resolve("missing.example.org")

    async def test_a_missing_type(self, world: World) -> None:
        world.put("a.example.org")
        reply = await world.ask("a.example.org", "AAAA")
        assert (reply.rcode(), reply.answer) == (dns.rcode.NOERROR, [])
        assert reply.authority[0].rdtype == dns.rdatatype.SOA

    async def test_a_name_with_something_below_exists(self, world: World) -> None:
        world.put("x.deep.example.org")
        assert (await world.ask("deep.example.org")).rcode() == dns.rcode.NOERROR
        assert (await world.ask("eep.example.org")).rcode() == dns.rcode.NXDOMAIN

    async def test_a_name_of_no_zone_is_refused(self, world: World) -> None:
        for name in ("example.com", "notexample.org", "."):
            reply = await world.ask(name)
            assert reply.rcode() == dns.rcode.REFUSED
            assert not reply.flags & dns.flags.AA


class TestCname:
    """A CNAME is followed as far as the zones reach."""

    async def test_it_leads_to_the_address(self, world: World) -> None:
        world.put("a.example.org", "CNAME", "b.example.org")
        world.put("b.example.org", "CNAME", "c.example.org")
        world.put("c.example.org")
        reply = await world.ask("a.example.org")
        assert [item.name.to_text() for item in reply.answer] == [
            "a.example.org.",
            "b.example.org.",
            "c.example.org.",
        ]
        assert await world.resolve("a.example.org") == {"192.0.2.1"}

    async def test_asked_for_itself_it_is_not_followed(self, world: World) -> None:
        world.put("a.example.org", "CNAME", "b.example.org")
        assert await world.resolve("a.example.org", "CNAME") == {"b.example.org."}

    async def test_it_leads_into_another_zone(self, world: World) -> None:
        other = world.route53.create_zone("example.net")
        target = RecordSet("b.example.net.", "A", 60, ("192.0.2.9",))
        world.route53.change(other, [("CREATE", target)])
        world.put("a.example.org", "CNAME", "b.example.net")
        assert await world.resolve("a.example.org") == {"192.0.2.9"}

    async def test_it_leads_outside(self, world: World) -> None:
        world.put("a.example.org", "CNAME", "lb.example.com")
        assert await world.resolve("a.example.org") == {"198.51.100.1"}
        assert await world.resolve("a.example.org", "AAAA") == {"2001:db8::1"}

    async def test_one_that_leads_nowhere_stands_alone(self, world: World) -> None:
        world.put("a.example.org", "CNAME", "unknown.example.com")
        reply = await world.ask("a.example.org")
        assert (reply.rcode(), len(reply.answer)) == (dns.rcode.NOERROR, 1)

    async def test_one_to_a_missing_name_is_nxdomain(self, world: World) -> None:
        world.put("a.example.org", "CNAME", "missing.example.org")
        reply = await world.ask("a.example.org")
        assert (reply.rcode(), len(reply.answer)) == (dns.rcode.NXDOMAIN, 1)

    async def test_a_loop_is_a_failure(self, world: World) -> None:
        world.put("a.example.org", "CNAME", "b.example.org")
        world.put("b.example.org", "CNAME", "a.example.org")
        assert (await world.ask("a.example.org")).rcode() == dns.rcode.SERVFAIL


class TestWildcards:
    """A wildcard speaks for names below it that do not exist (RFC 4592)."""

    @pytest.fixture(autouse=True)
    def zone(self, world: World) -> None:
        world.put("*.example.org", "TXT", '"any"')
        world.put("sub.example.org", "TXT", '"sub"')
        world.put("x.deep.example.org", "TXT", '"deep"')

    @pytest.mark.parametrize("name", ["a.example.org", "a.b.example.org", "*.example.org"])
    async def test_it_covers_names_that_do_not_exist(self, world: World, name: str) -> None:
        reply = await world.ask(name, "TXT")
        assert reply.answer[0].name.to_text() == f"{name}."
        assert await world.resolve(name, "TXT") == {'"any"'}

    async def test_another_type_of_a_covered_name_is_no_data(self, world: World) -> None:
        reply = await world.ask("a.example.org", "A")
        assert (reply.rcode(), reply.answer) == (dns.rcode.NOERROR, [])

    @pytest.mark.parametrize("name", ["a.sub.example.org", "a.deep.example.org"])
    async def test_an_existing_name_shields_what_is_below(self, world: World, name: str) -> None:
        assert (await world.ask(name, "TXT")).rcode() == dns.rcode.NXDOMAIN

    async def test_an_empty_non_terminal_is_not_covered(self, world: World) -> None:
        reply = await world.ask("deep.example.org", "TXT")
        assert (reply.rcode(), reply.answer) == (dns.rcode.NOERROR, [])


class TestAlias:
    """An alias answers under its own name with what its target says."""

    async def test_a_target_in_the_zone(self, world: World) -> None:
        world.put("b.example.org", ttl=17)
        world.put_alias("a.example.org", "b.example.org")
        reply = await world.ask("a.example.org")
        assert [(item.name.to_text(), item.ttl) for item in reply.answer] == [("a.example.org.", 17)]

    async def test_a_target_outside(self, world: World) -> None:
        world.put_alias("a.example.org", "lb.example.com", ELB_ZONE)
        assert await world.resolve("a.example.org") == {"198.51.100.1"}

    async def test_a_target_that_nobody_knows_is_no_data(self, world: World) -> None:
        world.put_alias("a.example.org", "unknown.example.com", ELB_ZONE)
        reply = await world.ask("a.example.org")
        assert (reply.rcode(), reply.answer) == (dns.rcode.NOERROR, [])

    async def test_the_apex_may_be_one(self, world: World) -> None:
        world.put_alias("example.org", "lb.example.com", ELB_ZONE)
        assert await world.resolve("example.org") == {"198.51.100.1"}


class TestRouting:
    """Which of the routed record sets answers."""

    async def test_multivalue_sets_answer_together(self, world: World) -> None:
        for number in range(3):
            world.put("m.example.org", "A", f"192.0.2.{number}", set_id=f"s{number}", multivalue=True)
        assert await world.resolve("m.example.org") == {"192.0.2.0", "192.0.2.1", "192.0.2.2"}

    async def test_weighted_sets_answer_in_turn_by_weight(self, world: World) -> None:
        for number, weight in enumerate((0, 1, 3)):
            world.put("w.example.org", "A", f"192.0.2.{number}", set_id=f"s{number}", weight=weight)
        answers = [str((await world.ask("w.example.org")).answer[0][0]) for _ in range(200)]
        assert set(answers) == {"192.0.2.1", "192.0.2.2"}
        assert answers.count("192.0.2.2") > answers.count("192.0.2.1")

    async def test_weights_of_zero_are_equal(self, world: World) -> None:
        for number in range(2):
            world.put("w.example.org", "A", f"192.0.2.{number}", set_id=f"s{number}", weight=0)
        answers = {str((await world.ask("w.example.org")).answer[0][0]) for _ in range(50)}
        assert answers == {"192.0.2.0", "192.0.2.1"}

    async def test_the_unhealthy_are_left_out_unless_all_are(self, world: World) -> None:
        for role in ("PRIMARY", "SECONDARY"):
            address = "192.0.2.1" if role == "PRIMARY" else "192.0.2.2"
            world.put("f.example.org", "A", address, set_id=role, failover=role, health_check_id=f"h-{role}")
        assert await world.resolve("f.example.org") == {"192.0.2.1"}
        world.server.unhealthy.add("h-PRIMARY")
        assert await world.resolve("f.example.org") == {"192.0.2.2"}
        world.server.unhealthy.add("h-SECONDARY")
        assert await world.resolve("f.example.org") == {"192.0.2.1"}

    async def test_a_client_from_nowhere_gets_the_default_place(self, world: World) -> None:
        for set_id, country in (("de", "DE"), ("default", "*")):
            address = "192.0.2.1" if country == "DE" else "192.0.2.2"
            world.put("g.example.org", "A", address, set_id=set_id, geo_location=GeoLocation(country=country))
        assert await world.resolve("g.example.org") == {"192.0.2.2"}


class TestZones:
    """The closest zone speaks; inside a VPC that is the private one."""

    async def test_a_zone_below_another_speaks_for_its_names(self, world: World) -> None:
        world.put("a.sub.example.org")
        sub = world.route53.create_zone("sub.example.org")
        assert (await world.ask("a.sub.example.org")).rcode() == dns.rcode.NXDOMAIN
        item = RecordSet("a.sub.example.org.", "A", 60, ("192.0.2.7",))
        world.route53.change(sub, [("CREATE", item)])
        assert await world.resolve("a.sub.example.org") == {"192.0.2.7"}

    async def test_the_private_zone_hides_the_public_one(self, world: World) -> None:
        world.put("a.example.org")
        world.route53.create_zone("example.org", vpcs=[Vpc("eu-central-1", "vpc-1")])
        assert (await world.ask("a.example.org")).rcode() == dns.rcode.NXDOMAIN

    async def test_a_delegated_name_is_referred(self, world: World) -> None:
        world.put("sub.example.org", "NS", "ns1.example.com.")
        reply = await world.ask("a.sub.example.org")
        assert (reply.rcode(), reply.answer) == (dns.rcode.NOERROR, [])
        assert reply.authority[0].name.to_text() == "sub.example.org."
        assert not reply.flags & dns.flags.AA


class TestTransport:
    """UDP, truncated to what the client takes, and TCP for the rest."""

    async def test_a_long_answer_is_truncated_and_whole_over_tcp(self, world: World) -> None:
        world.put("long.example.org", "A", *(f"192.0.2.{n}" for n in range(60)))
        reply = await world.ask("long.example.org")
        assert reply.flags & dns.flags.TC
        assert len(await world.resolve("long.example.org")) == 60

    async def test_edns_makes_room(self, world: World) -> None:
        world.put("long.example.org", "A", *(f"192.0.2.{n}" for n in range(60)))
        reply = await world.ask("long.example.org", use_edns=0, payload=4096)
        assert not reply.flags & dns.flags.TC
        assert reply.edns == 0

    async def test_several_queries_go_over_one_connection(self, world: World) -> None:
        world.put("a.example.org")
        reader, writer = await asyncio.open_connection(*world.server.address)
        for _ in range(2):
            wire = dns.message.make_query("a.example.org", "A").to_wire()
            writer.write(struct.pack("!H", len(wire)) + wire)
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            assert len(dns.message.from_wire(await reader.readexactly(length)).answer) == 1
        writer.close()
        await writer.wait_closed()

    async def test_what_cannot_be_read_is_a_format_error(self, world: World) -> None:
        loop, received = asyncio.get_running_loop(), asyncio.Queue[bytes]()

        class Client(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: object) -> None:
                received.put_nowait(data)

        transport, _ = await loop.create_datagram_endpoint(Client, remote_addr=world.server.address)
        transport.sendto(b"short")
        transport.sendto(struct.pack("!HHHHHH", 7, 0x8000, 1, 0, 0, 0) + b"\xff")
        transport.sendto(struct.pack("!HHHHHH", 7, 0, 1, 0, 0, 0) + b"\xff")
        reply = dns.message.from_wire(await asyncio.wait_for(received.get(), 5))
        assert (reply.id, reply.rcode()) == (7, dns.rcode.FORMERR)
        assert received.empty()
        transport.close()

    async def test_other_opcodes_and_classes_are_turned_down(self, world: World) -> None:
        host, port = world.server.address
        update = dns.message.make_query("a.example.org", "A")
        update.set_opcode(dns.opcode.STATUS)
        reply = await dns.asyncquery.udp(update, host, port=port, timeout=5)
        assert reply.rcode() == dns.rcode.NOTIMP
        chaos = await world.ask("version.bind", "TXT", rdclass=dns.rdataclass.CH)
        assert chaos.rcode() == dns.rcode.REFUSED
