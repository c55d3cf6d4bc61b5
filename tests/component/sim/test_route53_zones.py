"""How hosted zones come and go, what they carry, and how the service slows callers down."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from addons.sim.aws.throttle import Throttle
from tests.support.aws import Reply, World, ZoneClient, create, delete, record, world

VPC = {"VPCId": "vpc-1", "VPCRegion": "eu-central-1"}


@pytest.fixture
async def aws() -> AsyncIterator[World]:
    async with world() as running:
        yield running


async def create_zone(aws: World, **more: object) -> Reply:
    arguments = {"Name": "example.org", "CallerReference": "once", **more}
    return await aws.call("route53", "create_hosted_zone", **arguments)


class TestCreation:
    """A zone is born with SOA and NS; a caller reference works once."""

    async def test_it_holds_the_soa_and_ns_of_route_53(self, aws: World) -> None:
        reply = await create_zone(aws)
        zone = ZoneClient(aws, reply["HostedZone"]["Id"])
        ns, soa = (await zone.page())["ResourceRecordSets"]
        assert (ns["Type"], ns["TTL"], len(ns["ResourceRecords"])) == ("NS", 172800, 4)
        assert [value["Value"] for value in ns["ResourceRecords"]] == [
            f"{server}." for server in reply["DelegationSet"]["NameServers"]
        ]
        assert (soa["Type"], soa["TTL"]) == ("SOA", 900)
        assert soa["ResourceRecords"][0]["Value"].endswith(
            " awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
        )

    async def test_a_caller_reference_is_used_once(self, aws: World) -> None:
        await create_zone(aws)
        found = await aws.refusal("route53", "create_hosted_zone", Name="example.com", CallerReference="once")
        assert found == (
            "HostedZoneAlreadyExists",
            "A hosted zone has already been created with the specified caller reference.",
        )

    async def test_two_zones_may_have_one_name(self, aws: World) -> None:
        first, second = await create_zone(aws), await create_zone(aws, CallerReference="twice")
        assert first["HostedZone"]["Id"] != second["HostedZone"]["Id"]
        assert (await aws.call("route53", "get_hosted_zone_count"))["HostedZoneCount"] == 2

    async def test_the_name_must_be_one(self, aws: World) -> None:
        found = await aws.refusal("route53", "create_hosted_zone", Name="a..org", CallerReference="x")
        assert found[0] == "InvalidDomainName"

    async def test_comment_and_name_come_back(self, aws: World) -> None:
        reply = await create_zone(aws, Name="Example.ORG", HostedZoneConfig={"Comment": "a & b"})
        assert reply["HostedZone"]["Name"] == "example.org."
        assert reply["HostedZone"]["Config"] == {"Comment": "a & b", "PrivateZone": False}


class TestPrivateZones:
    """A private zone answers in VPCs, so it needs one; a VPC makes a zone private."""

    async def test_it_needs_a_vpc(self, aws: World) -> None:
        found = await aws.refusal(
            "route53",
            "create_hosted_zone",
            Name="example.org",
            CallerReference="x",
            HostedZoneConfig={"PrivateZone": True},
        )
        assert found[0] == "InvalidInput"

    async def test_a_vpc_makes_it_private(self, aws: World) -> None:
        reply = await create_zone(aws, VPC=VPC, HostedZoneConfig={"PrivateZone": False})
        assert reply["HostedZone"]["Config"]["PrivateZone"]
        assert reply["VPC"] == VPC
        assert "DelegationSet" not in reply
        got = await aws.call("route53", "get_hosted_zone", Id=reply["HostedZone"]["Id"])
        assert got["VPCs"] == [VPC]

    async def test_an_unknown_vpc_is_refused_when_told(self, aws: World) -> None:
        aws.endpoint.route53.knobs.known_vpcs = frozenset({"vpc-2"})
        found = await aws.refusal(
            "route53", "create_hosted_zone", Name="example.org", CallerReference="x", VPC=VPC
        )
        assert found[0] == "InvalidVPCId"

    async def test_vpcs_come_and_go_but_the_last_one_stays(self, aws: World) -> None:
        zone_id = (await create_zone(aws, VPC=VPC))["HostedZone"]["Id"]
        second = VPC | {"VPCId": "vpc-2"}
        await aws.call("route53", "associate_vpc_with_hosted_zone", HostedZoneId=zone_id, VPC=second)
        listed = await aws.call(
            "route53", "list_hosted_zones_by_vpc", VPCId="vpc-2", VPCRegion="eu-central-1"
        )
        assert [zone["Name"] for zone in listed["HostedZoneSummaries"]] == ["example.org."]
        await aws.call("route53", "disassociate_vpc_from_hosted_zone", HostedZoneId=zone_id, VPC=VPC)
        gone = await aws.refusal(
            "route53", "disassociate_vpc_from_hosted_zone", HostedZoneId=zone_id, VPC=VPC
        )
        assert gone[0] == "VPCAssociationNotFound"
        last = await aws.refusal(
            "route53", "disassociate_vpc_from_hosted_zone", HostedZoneId=zone_id, VPC=second
        )
        assert last[0] == "LastVPCAssociation"

    async def test_a_public_zone_takes_no_vpc(self, aws: World) -> None:
        zone_id = (await create_zone(aws))["HostedZone"]["Id"]
        found = await aws.refusal("route53", "associate_vpc_with_hosted_zone", HostedZoneId=zone_id, VPC=VPC)
        assert found[0] == "PublicZoneVPCAssociation"


class TestDeletion:
    """Only an empty zone can go, and then it is gone."""

    async def test_a_zone_with_records_stays(self, aws: World) -> None:
        zone = await ZoneClient.create(aws)
        await zone.change(create(record("a.example.org", "192.0.2.1")))
        assert (await aws.refusal("route53", "delete_hosted_zone", Id=zone.id))[0] == "HostedZoneNotEmpty"
        await zone.change(delete(record("a.example.org", "192.0.2.1")))
        await aws.call("route53", "delete_hosted_zone", Id=zone.id)
        assert (await aws.refusal("route53", "get_hosted_zone", Id=zone.id))[0] == "NoSuchHostedZone"

    async def test_an_id_works_with_and_without_its_prefix(self, aws: World) -> None:
        zone = await ZoneClient.create(aws)
        for zone_id in (zone.id, zone.id.removeprefix("/hostedzone/")):
            assert (await aws.call("route53", "get_hosted_zone", Id=zone_id))["HostedZone"]["Id"] == zone.id


class TestTags:
    """A zone carries tags; those of ten zones can be read at once."""

    async def test_tags_are_added_replaced_and_removed(self, aws: World) -> None:
        zone = await ZoneClient.create(aws)
        plain_id = zone.id.removeprefix("/hostedzone/")
        where = {"ResourceType": "hostedzone", "ResourceId": plain_id}
        tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
        await aws.call("route53", "change_tags_for_resource", **where, AddTags=tags)
        await aws.call(
            "route53",
            "change_tags_for_resource",
            **where,
            AddTags=[{"Key": "a", "Value": "2"}],
            RemoveTagKeys=["b"],
        )
        reply = await aws.call("route53", "list_tags_for_resource", **where)
        assert reply["ResourceTagSet"] == {
            "ResourceType": "hostedzone",
            "ResourceId": plain_id,
            "Tags": [{"Key": "a", "Value": "2"}],
        }

    async def test_ten_zones_at_once_but_not_eleven(self, aws: World) -> None:
        ids = [aws.endpoint.route53.create_zone(f"z{n}.org", tags={"n": str(n)}) for n in range(11)]
        reply = await aws.call(
            "route53", "list_tags_for_resources", ResourceType="hostedzone", ResourceIds=ids[:10]
        )
        assert [item["Tags"][0]["Value"] for item in reply["ResourceTagSets"]] == [str(n) for n in range(10)]
        found = await aws.refusal(
            "route53", "list_tags_for_resources", ResourceType="hostedzone", ResourceIds=ids
        )
        assert found[0] == "InvalidInput"

    async def test_an_unknown_zone_is_refused(self, aws: World) -> None:
        found = await aws.refusal(
            "route53", "list_tags_for_resources", ResourceType="hostedzone", ResourceIds=["Z404"]
        )
        assert found[0] == "NoSuchHostedZone"


class TestChangeStatus:
    """A change is PENDING until it has reached the name servers."""

    async def test_it_becomes_insync_after_a_while(self, aws: World) -> None:
        route53, moment = aws.endpoint.route53, datetime(2026, 1, 2, tzinfo=UTC)
        route53.now = lambda: moment
        route53.knobs.insync_seconds = 30
        zone = await ZoneClient.create(aws)
        info = (await zone.change(create(record("a.example.org", "192.0.2.1"))))["ChangeInfo"]
        assert (info["Status"], info["SubmittedAt"]) == ("PENDING", moment)
        moment += timedelta(seconds=30)
        reply = await aws.call("route53", "get_change", Id=info["Id"])
        assert reply["ChangeInfo"]["Status"] == "INSYNC"

    async def test_every_change_has_an_id_of_its_own(self, aws: World) -> None:
        zone = await ZoneClient.create(aws)
        replies = [await zone.change(create(record(f"{name}.example.org", "192.0.2.1"))) for name in "ab"]
        assert len({reply["ChangeInfo"]["Id"] for reply in replies}) == 2

    async def test_an_unknown_change_is_refused(self, aws: World) -> None:
        assert (await aws.refusal("route53", "get_change", Id="C404"))[0] == "NoSuchChange"


class TestThrottling:
    """An account has so many calls a second, and one change of a zone at a time."""

    async def test_calls_beyond_the_burst_are_refused(self, aws: World) -> None:
        aws.endpoint.route53.knobs.rate_per_second = 0.001
        aws.endpoint.route53.knobs.burst = 2
        await aws.call("route53", "list_hosted_zones")
        await aws.call("route53", "list_hosted_zones")
        assert await aws.refusal("route53", "list_hosted_zones") == ("Throttling", "Rate exceeded")
        assert aws.endpoint.route53.calls["ListHostedZones"] == 3

    def test_tokens_come_back_at_the_rate_and_no_more_than_the_burst(self) -> None:
        now = 0.0
        throttle = Throttle(lambda: now)

        def admitted() -> int:
            return sum(throttle.admits(5.0, 3) for _ in range(10))

        assert admitted() == 3
        now = 0.2
        assert admitted() == 1
        now = 100.0
        assert admitted() == 3

    async def test_a_change_during_another_of_the_zone_is_refused(self, aws: World) -> None:
        knobs = aws.endpoint.route53.knobs
        busy, other = await ZoneClient.create(aws), await ZoneClient.create(aws, "example.net")
        arrived, finish = asyncio.Event(), asyncio.Event()

        async def sleep(_: float) -> None:
            arrived.set()
            await finish.wait()

        aws.endpoint.route53.sleep = sleep
        knobs.prior_request_not_complete, knobs.latency_seconds = True, 1.0
        first = asyncio.create_task(busy.change(create(record("a.example.org", "192.0.2.1"))))
        await arrived.wait()
        knobs.latency_seconds = 0.0
        message = await busy.refused(
            create(record("b.example.org", "192.0.2.1")), code="PriorRequestNotComplete"
        )
        assert "still processing a prior request" in message
        await other.change(create(record("a.example.net", "192.0.2.1")))
        finish.set()
        await first
        await busy.change(create(record("b.example.org", "192.0.2.1")))


class TestQuestionsAboutTheService:
    """What a name resolves to, and how full a quota is, can be asked of the API."""

    async def test_a_dns_answer_is_that_of_the_name_servers(self, aws: World) -> None:
        zone = await ZoneClient.create(aws)
        await zone.change(create(record("*.example.org", "192.0.2.1")))
        where = {"HostedZoneId": zone.id.removeprefix("/hostedzone/"), "RecordType": "A"}
        found = await aws.call("route53", "test_dns_answer", **where, RecordName="a.example.org")
        assert (found["ResponseCode"], found["RecordData"]) == ("NOERROR", ["192.0.2.1"])
        missing = await aws.call("route53", "test_dns_answer", **where, RecordName="example.org")
        assert (missing["ResponseCode"], missing["RecordData"]) == ("NOERROR", [])

    async def test_quotas_tell_their_size_and_use(self, aws: World) -> None:
        zone = await ZoneClient.create(aws)
        plain_id = zone.id.removeprefix("/hostedzone/")
        reply = await aws.call(
            "route53", "get_hosted_zone_limit", HostedZoneId=plain_id, Type="MAX_RRSETS_BY_ZONE"
        )
        assert (reply["Limit"]["Value"], reply["Count"]) == (10_000, 2)
        reply = await aws.call("route53", "get_account_limit", Type="MAX_HOSTED_ZONES_BY_OWNER")
        assert (reply["Limit"]["Value"], reply["Count"]) == (500, 1)
        assert (await aws.refusal("route53", "get_account_limit", Type="OTHER"))[0] == "InvalidInput"
