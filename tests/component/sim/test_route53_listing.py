"""In which order and in which pages Route 53 lists zones and record sets."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from addons.sim.aws.route53.model import RecordSet
from tests.support.aws import Reply, World, ZoneClient, create, record, world


@pytest.fixture
async def aws() -> AsyncIterator[World]:
    async with world() as running:
        yield running


@pytest.fixture
async def zone(aws: World) -> ZoneClient:
    return await ZoneClient.create(aws)


class TestOrderOfRecordSets:
    """Reversed labels with the trailing dot, then type, then set identifier."""

    async def test_names_sort_by_their_reversed_labels(self, zone: ZoneClient) -> None:
        for name in ("b.example.org", "a.example.org", "z.a.example.org", "example.org", "*.example.org"):
            await zone.change(create(record(name, "192.0.2.1")))
        assert await zone.names() == [
            "example.org.",
            "\\052.example.org.",
            "a.example.org.",
            "z.a.example.org.",
            "b.example.org.",
        ]

    async def test_the_trailing_dot_counts(self, zone: ZoneClient) -> None:
        for name in ("a.example.org", "a-b.example.org", "ab.example.org", "x.a.example.org"):
            await zone.change(create(record(name, "192.0.2.1")))
        assert await zone.names() == [
            "a-b.example.org.",
            "a.example.org.",
            "x.a.example.org.",
            "ab.example.org.",
        ]

    async def test_types_then_set_identifiers_order_one_name(self, zone: ZoneClient) -> None:
        weighted = [
            record("a.example.org", "192.0.2.1", SetIdentifier=s, Weight=1) for s in ("s2", "s10", "s1")
        ]
        await zone.change(
            create(record("a.example.org", '"x"', type="TXT")),
            create(record("a.example.org", "2001:db8::1", type="AAAA")),
            *map(create, weighted),
        )
        assert [(item["Type"], item.get("SetIdentifier")) for item in await zone.records()] == [
            ("A", "s1"),
            ("A", "s10"),
            ("A", "s2"),
            ("AAAA", None),
            ("TXT", None),
        ]


def fill(world: World, zone: ZoneClient, count: int) -> None:
    """Put `count` weighted record sets under one name, by the direct door."""
    items = [
        RecordSet("w.example.org.", "A", ttl=60, values=("192.0.2.1",), set_id=f"s{n:04d}", weight=1)
        for n in range(count)
    ]
    world.endpoint.route53.change(zone.id, [("CREATE", item) for item in items])


class TestPagesOfRecordSets:
    """At most 300 at once; the next page starts where the answer says."""

    async def test_a_page_has_300_whatever_was_asked(self, zone: ZoneClient, aws: World) -> None:
        fill(aws, zone, 400)
        for wish in ({}, {"MaxItems": "1000"}):
            page = await zone.page(**wish)
            assert (len(page["ResourceRecordSets"]), page["MaxItems"]) == (300, "300")

    async def test_more_sets_of_one_name_than_a_page_has_are_all_listed(
        self, zone: ZoneClient, aws: World
    ) -> None:
        fill(aws, zone, 700)

        def listed() -> list[Reply]:
            pages = aws.client("route53").get_paginator("list_resource_record_sets")
            return [
                item for page in pages.paginate(HostedZoneId=zone.id) for item in page["ResourceRecordSets"]
            ]

        found = await asyncio.to_thread(listed)
        assert len(found) == 702
        assert len({item.get("SetIdentifier") for item in found}) == 701

    async def test_the_answer_says_where_it_goes_on(self, zone: ZoneClient, aws: World) -> None:
        fill(aws, zone, 3)
        page = await zone.page(MaxItems="3")
        assert page["IsTruncated"]
        assert (page["NextRecordName"], page["NextRecordType"]) == ("w.example.org.", "A")
        assert page["NextRecordIdentifier"] == "s0001"
        rest = await zone.page(
            StartRecordName="w.example.org", StartRecordType="A", StartRecordIdentifier="s0001"
        )
        assert not rest["IsTruncated"]
        assert [item["SetIdentifier"] for item in rest["ResourceRecordSets"]] == ["s0001", "s0002"]

    async def test_a_start_need_not_exist_and_may_be_spelled_freely(self, zone: ZoneClient) -> None:
        await zone.change(create(record("*.b.example.org", "192.0.2.1")))
        assert [item["Name"] for item in await zone.records(StartRecordName="A.example.org")] == [
            "\\052.b.example.org."
        ]
        assert len(await zone.records(StartRecordName="*.b.example.org", StartRecordType="A")) == 1
        assert await zone.records(StartRecordName="c.example.org") == []

    @pytest.mark.parametrize(
        "start",
        [
            {"StartRecordType": "A"},
            {"StartRecordName": "a.example.org", "StartRecordIdentifier": "x"},
            {"StartRecordName": "a..example.org"},
            {"MaxItems": "0"},
        ],
    )
    async def test_a_start_out_of_order_is_refused(self, zone: ZoneClient, start: dict[str, str]) -> None:
        code, _ = await zone.world.refusal(
            "route53", "list_resource_record_sets", HostedZoneId=zone.id, **start
        )
        assert code == "InvalidInput"

    async def test_an_unknown_zone_is_refused(self, aws: World) -> None:
        assert await aws.refusal("route53", "list_resource_record_sets", HostedZoneId="Z404") == (
            "NoSuchHostedZone",
            "No hosted zone found with ID: Z404",
        )


class TestPagesOfZones:
    """Zones come in the order of their creation, 100 at once; by name in the order of names."""

    async def test_a_page_has_100(self, aws: World) -> None:
        for number in range(101):
            aws.endpoint.route53.create_zone(f"z{number:03d}.example.org")
        first = await aws.call("route53", "list_hosted_zones")
        assert (len(first["HostedZones"]), first["IsTruncated"], first["MaxItems"]) == (100, True, "100")
        second = await aws.call("route53", "list_hosted_zones", Marker=first["NextMarker"])
        assert [zone["Name"] for zone in second["HostedZones"]] == ["z100.example.org."]
        assert not second["IsTruncated"]

    async def test_an_unknown_marker_is_refused(self, aws: World) -> None:
        assert (await aws.refusal("route53", "list_hosted_zones", Marker="Z404"))[0] == "NoSuchHostedZone"

    async def test_each_zone_tells_how_many_record_sets_it_has(self, zone: ZoneClient, aws: World) -> None:
        await zone.change(create(record("a.example.org", "192.0.2.1")))
        (listed,) = (await aws.call("route53", "list_hosted_zones"))["HostedZones"]
        assert listed["ResourceRecordSetCount"] == 3

    async def test_by_name_starts_at_a_name_whether_or_not_it_exists(self, aws: World) -> None:
        for name in ("b.org", "a.org", "a.com", "sub.a.org"):
            aws.endpoint.route53.create_zone(name)
        reply = await aws.call("route53", "list_hosted_zones_by_name", DNSName="a.org", MaxItems="2")
        assert [zone["Name"] for zone in reply["HostedZones"]] == ["a.org.", "sub.a.org."]
        assert (reply["IsTruncated"], reply["NextDNSName"]) == (True, "b.org.")
        rest = await aws.call(
            "route53",
            "list_hosted_zones_by_name",
            DNSName=reply["NextDNSName"],
            HostedZoneId=reply["NextHostedZoneId"],
        )
        assert [zone["Name"] for zone in rest["HostedZones"]] == ["b.org."]
        absent = await aws.call("route53", "list_hosted_zones_by_name", DNSName="aa.org")
        assert [zone["Name"] for zone in absent["HostedZones"]] == ["b.org."]

    async def test_by_name_goes_by_id_among_equal_names(self, aws: World) -> None:
        ids = [aws.endpoint.route53.create_zone("a.org") for _ in range(3)]
        reply = await aws.call(
            "route53", "list_hosted_zones_by_name", DNSName="a.org", HostedZoneId=sorted(ids)[1]
        )
        assert [zone["Id"] for zone in reply["HostedZones"]] == [f"/hostedzone/{i}" for i in sorted(ids)[1:]]

    async def test_by_name_needs_a_name_before_an_id(self, aws: World) -> None:
        found = await aws.refusal("route53", "list_hosted_zones_by_name", HostedZoneId="Z1")
        assert found[0] == "InvalidInput"
