"""What a change batch does to a zone, and what is refused, through a real boto3 client."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.aws import World, ZoneClient, alias, create, delete, record, upsert, world

ELB_ZONE = "Z215JYRZR1TBD5"


@pytest.fixture
async def aws() -> AsyncIterator[World]:
    async with world() as running:
        yield running


@pytest.fixture
async def zone(aws: World) -> ZoneClient:
    return await ZoneClient.create(aws)


class TestExistence:
    """A batch meets the zone as it is now, not as it once was."""

    async def test_creating_what_exists_is_refused_whatever_its_values(self, zone: ZoneClient) -> None:
        await zone.change(create(record("a.example.org", "192.0.2.1")))
        assert await zone.refused(create(record("a.example.org", "192.0.2.2"))) == (
            "[Tried to create resource record set [name='a.example.org.', type='A'] but it already exists]"
        )

    async def test_a_deleted_record_can_be_created_again(self, zone: ZoneClient) -> None:
        item = record("a.example.org", "192.0.2.1")
        await zone.change(create(item), create(record("z.example.org", "192.0.2.9")))
        await zone.change(delete(item))
        await zone.change(create(item))
        assert await zone.names() == ["a.example.org.", "z.example.org."]

    async def test_deleting_what_is_not_there_is_refused(self, zone: ZoneClient) -> None:
        item = record("a.example.org", "192.0.2.1")
        await zone.change(create(item))
        await zone.change(delete(item))
        assert await zone.refused(delete(item)) == (
            "[Tried to delete resource record set [name='a.example.org.', type='A'] but it was not found]"
        )

    async def test_upsert_creates_and_then_replaces(self, zone: ZoneClient) -> None:
        await zone.change(upsert(record("a.example.org", "192.0.2.1")))
        await zone.change(upsert(record("a.example.org", "192.0.2.2", ttl=5)))
        (item,) = await zone.records()
        assert (item["TTL"], item["ResourceRecords"]) == (5, [{"Value": "192.0.2.2"}])

    async def test_an_upsert_turns_a_record_into_an_alias_and_back(self, zone: ZoneClient) -> None:
        await zone.change(create(record("a.example.org", "192.0.2.1")))
        await zone.change(upsert(alias("a.example.org", "lb.example.com", ELB_ZONE)))
        (item,) = await zone.records()
        assert "TTL" not in item
        await zone.change(upsert(record("a.example.org", "192.0.2.1")))
        (item,) = await zone.records()
        assert "AliasTarget" not in item


class TestExactDelete:
    """A DELETE must say what is there, in full; the order of the values alone is free."""

    MISMATCH = "but the values provided do not match the current values"

    async def test_the_order_of_values_is_free(self, zone: ZoneClient) -> None:
        await zone.change(create(record("a.example.org", "192.0.2.1", "192.0.2.2")))
        await zone.change(delete(record("a.example.org", "192.0.2.2", "192.0.2.1")))
        assert await zone.records() == []

    async def test_values_it_once_had_do_not_match(self, zone: ZoneClient) -> None:
        await zone.change(create(record("a.example.org", "192.0.2.1")))
        await zone.change(upsert(record("a.example.org", "192.0.2.2")))
        assert self.MISMATCH in await zone.refused(delete(record("a.example.org", "192.0.2.1")))
        assert await zone.names() == ["a.example.org."]

    async def test_another_ttl_does_not_match(self, zone: ZoneClient) -> None:
        await zone.change(create(record("a.example.org", "192.0.2.1", ttl=60)))
        assert self.MISMATCH in await zone.refused(delete(record("a.example.org", "192.0.2.1", ttl=61)))

    async def test_another_alias_target_does_not_match(self, zone: ZoneClient) -> None:
        await zone.change(create(alias("a.example.org", "one.example.com", ELB_ZONE)))
        stale = alias("a.example.org", "two.example.com", ELB_ZONE)
        assert self.MISMATCH in await zone.refused(delete(stale))

    @pytest.mark.parametrize(
        ("there", "told"),
        [
            ({"Weight": 1}, {"Weight": 2}),
            ({"Region": "eu-west-1"}, {"Region": "eu-west-2"}),
            ({"Weight": 1}, {"Weight": 1, "HealthCheckId": "abc"}),
        ],
    )
    async def test_another_routing_does_not_match(
        self, zone: ZoneClient, there: dict[str, Any], told: dict[str, Any]
    ) -> None:
        def item(more: dict[str, Any]) -> dict[str, Any]:
            return record("a.example.org", "192.0.2.1", SetIdentifier="one", **more)

        await zone.change(create(item(there)))
        assert self.MISMATCH in await zone.refused(delete(item(told)))

    async def test_a_set_identifier_names_one_record_set_of_one_name(self, zone: ZoneClient) -> None:
        ours = [record(f"{name}.example.org", "192.0.2.1", SetIdentifier="s", Weight=1) for name in "abc"]
        await zone.change(*map(create, ours))
        await zone.change(delete(ours[0]))
        assert await zone.names() == ["b.example.org.", "c.example.org."]

    async def test_the_soa_and_ns_of_the_zone_stay(self, zone: ZoneClient) -> None:
        ns, soa = (await zone.page())["ResourceRecordSets"]
        message = await zone.refused(delete(ns), delete(soa))
        assert "at least one NS record" in message
        assert "exactly one SOA record" in message


class TestAtomicBatch:
    """All changes of a batch happen, or none; the answer names every one at fault."""

    async def test_a_fault_leaves_the_zone_untouched(self, zone: ZoneClient) -> None:
        await zone.refused(
            create(record("a.example.org", "192.0.2.1")), create(record("a.example.com", "192.0.2.1"))
        )
        assert await zone.records() == []

    async def test_every_fault_is_named(self, zone: ZoneClient) -> None:
        await zone.change(create(record("a.example.org", "192.0.2.1")))
        assert await zone.refused(
            create(record("a.example.org", "192.0.2.1")), delete(record("b.example.org", "192.0.2.1"))
        ) == (
            "[Tried to create resource record set [name='a.example.org.', type='A'] but it already exists, "
            "Tried to delete resource record set [name='b.example.org.', type='A'] but it was not found]"
        )

    async def test_delete_and_create_of_one_record_is_compare_and_swap(self, zone: ZoneClient) -> None:
        old, new = record("a.example.org", "192.0.2.1"), record("a.example.org", "192.0.2.2")
        await zone.change(create(old))
        await zone.change(delete(old), create(new))
        await zone.refused(delete(old), create(new))
        assert (await zone.records())[0]["ResourceRecords"] == [{"Value": "192.0.2.2"}]

    async def test_a_type_may_be_swapped_within_a_batch(self, zone: ZoneClient) -> None:
        old = record("a.example.org", "192.0.2.1")
        await zone.change(create(old))
        await zone.change(delete(old), create(record("a.example.org", "b.example.org", type="CNAME")))
        assert [item["Type"] for item in await zone.records()] == ["CNAME"]

    async def test_one_record_set_twice_is_refused(self, zone: ZoneClient) -> None:
        item = record("a.example.org", "192.0.2.1")
        assert await zone.refused(upsert(item), upsert(item)) == (
            "[The request contains an invalid set of changes for a resource record set 'A a.example.org.']"
        )

    async def test_an_empty_batch_is_refused(self, zone: ZoneClient) -> None:
        await zone.refused(code="InvalidInput")


class TestBatchLimits:
    """1,000 records and 32,000 characters of values; an UPSERT counts twice."""

    TOO_MANY = "[Number of records limit of 1000 exceeded.]"

    @staticmethod
    def items(count: int) -> list[dict[str, Any]]:
        return [record(f"r{n}.example.org", f"10.0.{n // 250}.{n % 250}") for n in range(count)]

    async def test_a_thousand_creates_fit(self, zone: ZoneClient) -> None:
        await zone.change(*map(create, self.items(1000)))
        assert zone.world.endpoint.route53.zones()[0].page("", 2000)[-1].name.startswith("r9")

    async def test_one_more_does_not(self, zone: ZoneClient) -> None:
        assert await zone.refused(*map(create, self.items(1001))) == self.TOO_MANY

    async def test_five_hundred_upserts_fit_and_one_more_does_not(self, zone: ZoneClient) -> None:
        await zone.change(*map(upsert, self.items(500)))
        assert await zone.refused(*map(upsert, self.items(501))) == self.TOO_MANY

    async def test_aliases_count_though_they_have_no_values(self, zone: ZoneClient) -> None:
        aliases = [alias(f"r{n}.example.org", "lb.example.com", ELB_ZONE) for n in range(1001)]
        assert await zone.refused(*map(create, aliases)) == self.TOO_MANY

    async def test_values_have_32000_characters_together(self, zone: ZoneClient) -> None:
        full = [record(f"t{n}.example.org", '"' + "x" * 198 + '"', type="TXT") for n in range(160)]
        await zone.change(*map(create, full))
        one_more = create(record("u.example.org", '"x"', type="TXT"))
        message = "[RDATA character limit of 32000 exceeded.]"
        assert await zone.refused(*map(delete, full), one_more) == message
        assert await zone.refused(*map(upsert, full[:81])) == message

    async def test_a_zone_has_a_quota_when_told(self, zone: ZoneClient, aws: World) -> None:
        aws.endpoint.route53.knobs.record_sets_per_zone = 3
        first, second = self.items(2)
        await zone.change(create(first))
        assert "Exceeded limit MAX_RRSETS_BY_ZONE" in await zone.refused(create(second))
        await zone.change(delete(first), create(second))


class TestZoneMembership:
    """A name belongs to a zone at a label boundary."""

    @pytest.mark.parametrize("name", ["notexample.org", "example.com", "org", "a.example.org.example.com"])
    async def test_names_outside_are_refused(self, zone: ZoneClient, name: str) -> None:
        assert await zone.refused(create(record(name, "192.0.2.1"))) == (
            f"[RRSet with DNS name {name}. is not permitted in zone example.org.]"
        )

    async def test_the_apex_is_inside(self, zone: ZoneClient) -> None:
        await zone.change(create(record("example.org", "192.0.2.1")))


class TestCname:
    """A CNAME stands alone, has one value and is no apex."""

    async def test_it_cannot_join_other_records(self, zone: ZoneClient) -> None:
        await zone.change(create(record("a.example.org", '"x"', type="TXT")))
        assert await zone.refused(create(record("a.example.org", "b.example.org", type="CNAME"))) == (
            "[RRSet of type CNAME with DNS name a.example.org. is not permitted as it conflicts with other "
            "records with the same DNS name in zone example.org.]"
        )

    async def test_other_records_cannot_join_it(self, zone: ZoneClient) -> None:
        await zone.change(create(record("a.example.org", "b.example.org", type="CNAME")))
        assert await zone.refused(create(record("a.example.org", "192.0.2.1"))) == (
            "[RRSet of type A with DNS name a.example.org. is not permitted because a conflicting RRSet of "
            "type CNAME with the same DNS name already exists in zone example.org.]"
        )

    async def test_it_cannot_stand_at_the_apex(self, zone: ZoneClient) -> None:
        assert await zone.refused(create(record("example.org", "b.example.org", type="CNAME"))) == (
            "[RRSet of type CNAME with DNS name example.org. is not permitted at apex in zone example.org.]"
        )

    async def test_it_has_one_value(self, zone: ZoneClient) -> None:
        two = record("a.example.org", "b.example.org", "c.example.org", type="CNAME")
        assert "cannot have more than one resource record" in await zone.refused(create(two))


class TestAlias:
    """An alias into this account's zones needs a target there; foreign zone ids are taken on trust."""

    async def test_a_target_in_the_zone_must_exist_with_the_type(self, zone: ZoneClient) -> None:
        plain_id = zone.id.removeprefix("/hostedzone/")
        assert await zone.refused(create(alias("a.example.org", "b.example.org", plain_id))) == (
            f"[Tried to create an alias that targets b.example.org., type A in zone {plain_id}, "
            "but that target was not found]"
        )
        await zone.change(create(record("b.example.org", "192.0.2.1")))
        await zone.change(create(alias("a.example.org", "B.example.org", zone.id)))
        assert "not found" in await zone.refused(
            create(alias("c.example.org", "b.example.org", plain_id, type="AAAA"))
        )

    async def test_a_target_made_earlier_in_the_batch_counts(self, zone: ZoneClient) -> None:
        target, pointer = (
            record("z.example.org", "192.0.2.1"),
            alias("a.example.org", "z.example.org", zone.id),
        )
        assert "not found" in await zone.refused(create(pointer), create(target))
        await zone.change(create(target), create(pointer))

    async def test_a_target_beyond_the_named_zone_is_refused(self, zone: ZoneClient) -> None:
        message = await zone.refused(create(alias("a.example.org", "lb.example.com", zone.id)))
        assert "the alias target name does not lie within the target zone" in message

    async def test_another_zone_of_the_account_is_refused(self, zone: ZoneClient, aws: World) -> None:
        other = await ZoneClient.create(aws, "example.net")
        await other.change(create(record("b.example.net", "192.0.2.1")))
        message = await zone.refused(create(alias("a.example.org", "b.example.net", other.id)))
        assert "does not lie within the target zone" in message

    async def test_the_id_of_an_aws_service_is_taken(self, zone: ZoneClient) -> None:
        await zone.change(create(alias("a.example.org", "LB.eu-central-1.elb.amazonaws.com", ELB_ZONE)))
        (item,) = await zone.records()
        assert item["AliasTarget"] == {
            "HostedZoneId": ELB_ZONE,
            "DNSName": "lb.eu-central-1.elb.amazonaws.com.",
            "EvaluateTargetHealth": False,
        }

    async def test_an_id_that_is_none_is_refused(self, zone: ZoneClient) -> None:
        message = await zone.refused(create(alias("a.example.org", "lb.example.com", "not-an-id")))
        assert "hosted zone id 'not-an-id'" in message


class TestHealthChecks:
    """Which health checks exist is unknown, unless the test says so."""

    async def test_an_unknown_one_is_refused_when_told(self, zone: ZoneClient, aws: World) -> None:
        checked = record("a.example.org", "192.0.2.1", HealthCheckId="abc")
        aws.endpoint.route53.knobs.known_health_checks = frozenset({"def"})
        assert "abc" in await zone.refused(create(checked), code="NoSuchHealthCheck")
        aws.endpoint.route53.knobs.known_health_checks = frozenset({"abc"})
        await zone.change(create(checked))
        assert (await zone.records())[0]["HealthCheckId"] == "abc"
