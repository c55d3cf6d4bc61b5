"""What a record set may say by itself: fields, values, names and routing policies."""

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


class TestFields:
    """A record set is plain, with TTL and values, or an alias with neither."""

    async def test_a_ttl_is_needed(self, zone: ZoneClient) -> None:
        item = record("a.example.org", "192.0.2.1", ttl=None)
        message = await zone.refused(create(item), code="InvalidInput")
        assert message == (
            "Invalid request: Missing field 'TTL' in Change with "
            "[Action=CREATE, Name=a.example.org., Type=A, SetIdentifier=null]"
        )

    async def test_values_are_needed(self, zone: ZoneClient) -> None:
        message = await zone.refused(create(record("a.example.org")), code="InvalidInput")
        assert "Missing field 'ResourceRecords'" in message

    async def test_something_is_needed(self, zone: ZoneClient) -> None:
        message = await zone.refused(create(record("a.example.org", ttl=None)), code="InvalidInput")
        assert "but found none" in message

    async def test_an_alias_has_no_ttl_and_no_values(self, zone: ZoneClient) -> None:
        both = alias("a.example.org", "lb.example.com", ELB_ZONE) | record("a.example.org", "192.0.2.1")
        assert "but found more than one" in await zone.refused(create(both), code="InvalidInput")

    @pytest.mark.parametrize("ttl", [-1, 2**31])
    async def test_a_ttl_has_31_bits(self, zone: ZoneClient, ttl: int) -> None:
        item = record("a.example.org", "192.0.2.1", ttl=ttl)
        message = await zone.refused(create(item), code="InvalidInput")
        assert f"'{ttl}'" in message

    async def test_the_type_must_be_known(self, zone: ZoneClient) -> None:
        message = await zone.refused(create(record("a.example.org", "x", type="ALIAS")), code="InvalidInput")
        assert "'ALIAS'" in message

    async def test_the_action_must_be_known(self, zone: ZoneClient) -> None:
        change = {"Action": "REPLACE", "ResourceRecordSet": record("a.example.org", "192.0.2.1")}
        assert "'REPLACE'" in await zone.refused(change, code="InvalidInput")


VALID = [
    ("A", "192.0.2.1"),
    ("AAAA", "2001:db8::1"),
    ("TXT", '"one"'),
    ("TXT", '"one" "two \\" \\\\ \\101"'),
    ("TXT", '"' + "x" * 255 + '" "' + "y" * 255 + '"'),
    ("CNAME", "b.example.org"),
    ("CNAME", "_x.b.example.org."),
    ("SRV", "1 10 5269 xmpp.example.org."),
    ("MX", "10 mail.example.org"),
    ("NS", "ns1.example.com."),
    ("PTR", "host.example.org"),
    ("CAA", '0 issue "ca.example.net"'),
    ("SPF", '"v=spf1 -all"'),
    ("TLSA", "3 1 1 " + "d2AB" * 16),
]
INVALID = [
    ("A", "192.0.2.256", "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)"),
    ("A", "lb.example.com", "ARRDATAIllegalIPv4Address"),
    ("A", "", "ARRDATAIllegalIPv4Address"),
    ("AAAA", "192.0.2.1", "AAAARRDATAIllegalIPv6Address"),
    ("AAAA", "fe80::1%eth0", "AAAARRDATAIllegalIPv6Address"),
    ("TXT", "bare", "InvalidCharacterString (Value should be enclosed in quotation marks)"),
    ("TXT", '"open', "InvalidCharacterString"),
    ("TXT", '"one" two', "InvalidCharacterString"),
    ("TXT", '"' + "x" * 256 + '"', "CharacterStringTooLong (Value is too long)"),
    ("TXT", '"grüße"', "UnsupportedCharacter"),
    ("CNAME", "", "DomainNameEmpty"),
    ("CNAME", "a..example.org", "DomainLabelEmpty"),
    ("CNAME", "x" * 64 + ".example.org", "DomainLabelTooLong"),
    ("CNAME", "two names", "UnsupportedCharacter"),
    ("SRV", "1 10 xmpp.example.org", "SRVRRDATAIllegalNumberOfFields"),
    ("SRV", "1 10 70000 xmpp.example.org", "SRVRRDATAIllegalNumber"),
    ("MX", "mail.example.org", "MXRRDATAIllegalNumberOfFields"),
    ("MX", "ten mail.example.org", "MXRRDATAIllegalNumber"),
    ("CAA", "0 issue ca.example.net", "CAARRDATAMalformed"),
    ("CAA", '256 issue "ca.example.net"', "CAARRDATAMalformed"),
    ("TLSA", "3 1 " + "d2ab" * 16, "TLSARRDATAIllegalNumberOfFields"),
    ("TLSA", "3 1 256 " + "d2ab" * 16, "TLSARRDATAIllegalNumber"),
    ("TLSA", "3 1 1 d2a", "TLSARRDATAIllegalHexadecimal"),
    ("TLSA", "3 1 1 d2xy", "TLSARRDATAIllegalHexadecimal"),
    ("NS", "a..b", "DomainLabelEmpty"),
    ("PTR", "", "DomainNameEmpty"),
]


class TestValues:
    """Each type has a syntax; a value that breaks it is quoted in the refusal."""

    @pytest.mark.parametrize(("type_", "value"), VALID)
    async def test_good_values_come_back_as_given(self, zone: ZoneClient, type_: str, value: str) -> None:
        await zone.change(create(record("v.example.org", value, type=type_)))
        reply = await zone.page(StartRecordName="v.example.org")
        assert reply["ResourceRecordSets"][0]["ResourceRecords"] == [{"Value": value}]

    @pytest.mark.parametrize(("type_", "value", "problem"), INVALID)
    async def test_bad_values_are_refused(
        self, zone: ZoneClient, type_: str, value: str, problem: str
    ) -> None:
        message = await zone.refused(create(record("v.example.org", value, type=type_)))
        assert message.startswith("[Invalid Resource Record: 'FATAL problem: ")
        assert problem in message

    async def test_a_value_stands_once(self, zone: ZoneClient) -> None:
        twice = record("a.example.org", "192.0.2.1", "192.0.2.2", "192.0.2.1")
        assert await zone.refused(create(twice)) == "[Duplicate Resource Record: '192.0.2.1']"

    async def test_a_record_set_has_400_values(self, zone: ZoneClient) -> None:
        many = [f"10.0.{n // 250}.{n % 250}" for n in range(401)]
        assert "more than 400" in await zone.refused(create(record("a.example.org", *many)))
        await zone.change(create(record("a.example.org", *many[1:])))


class TestNames:
    """One spelling per name: lower case, absolute, odd characters escaped."""

    @pytest.mark.parametrize(
        ("given", "stored"),
        [
            ("*.example.org", "\\052.example.org."),
            ("\\052.example.org.", "\\052.example.org."),
            ("WWW.Example.ORG", "www.example.org."),
            ("_srv._tcp.example.org", "_srv._tcp.example.org."),
            ("a b!.example.org", "a\\040b\\041.example.org."),
            ("x\\344.example.org", "x\\344.example.org."),
        ],
    )
    async def test_it_comes_back_in_that_spelling(self, zone: ZoneClient, given: str, stored: str) -> None:
        await zone.change(create(record(given, "192.0.2.1")))
        assert await zone.names() == [stored]

    async def test_all_spellings_are_one_record(self, zone: ZoneClient) -> None:
        await zone.change(create(record("*.example.org", "192.0.2.1")))
        assert "already exists" in await zone.refused(create(record("\\052.EXAMPLE.org.", "192.0.2.1")))
        await zone.change(delete(record("\\052.Example.org", "192.0.2.1")))
        assert await zone.names() == []

    @pytest.mark.parametrize(
        ("name", "problem"),
        [
            ("x" * 64 + ".example.org", "DomainLabelTooLong"),
            (".".join(["x" * 60] * 4) + ".example.org", "DomainNameTooLong"),
            ("a..example.org", "DomainLabelEmpty"),
            ("münchen.example.org", "UnsupportedCharacter"),
        ],
    )
    async def test_no_name_is_refused(self, zone: ZoneClient, name: str, problem: str) -> None:
        assert problem in await zone.refused(create(record(name, "192.0.2.1")))

    async def test_63_characters_make_a_label(self, zone: ZoneClient) -> None:
        await zone.change(create(record("x" * 63 + ".example.org", "192.0.2.1")))


def routed(set_id: str | None, value: str = "192.0.2.1", ttl: int = 60, **policy: Any) -> dict[str, Any]:
    more = policy if set_id is None else {"SetIdentifier": set_id, **policy}
    return record("w.example.org", value, ttl=ttl, **more)


POLICIES: list[dict[str, Any]] = [
    {"Weight": 0},
    {"Weight": 255},
    {"Region": "eu-central-1"},
    {"Failover": "PRIMARY"},
    {"MultiValueAnswer": True},
    {"GeoLocation": {"CountryCode": "US", "SubdivisionCode": "CA"}},
    {"GeoLocation": {"ContinentCode": "EU"}},
    {"GeoProximityLocation": {"AWSRegion": "eu-central-1", "Bias": -10}},
    {"GeoProximityLocation": {"Coordinates": {"Latitude": "49.22", "Longitude": "-74.01"}}},
    {"CidrRoutingConfig": {"CollectionId": "c8c02a84-aaaa-bbbb-e0d0-d833a2f80106", "LocationName": "*"}},
]


class TestRouting:
    """A routing policy and a set identifier come together; siblings have the same policy."""

    @pytest.mark.parametrize("policy", POLICIES, ids=str)
    async def test_every_policy_comes_back_whole(self, zone: ZoneClient, policy: dict[str, Any]) -> None:
        item = routed("one", **policy)
        await zone.change(create(item))
        assert await zone.records() == [item | {"Name": "w.example.org."}]
        await zone.change(delete(item))
        assert await zone.records() == []

    async def test_siblings_live_side_by_side(self, zone: ZoneClient) -> None:
        await zone.change(create(routed("b", Weight=1)), create(routed("a", Weight=2)))
        assert [item["SetIdentifier"] for item in await zone.records()] == ["a", "b"]
        assert await zone.refused(create(routed("a", Weight=3))) == (
            "[Tried to create resource record set [name='w.example.org.', type='A', set identifier='a'] "
            "but it already exists]"
        )

    @pytest.mark.parametrize(
        ("item", "problem"),
        [
            (routed("one"), "but found none"),
            (routed("one", Weight=1, Region="eu-west-1"), "but found more than one"),
            (routed(None, Weight=1), "Missing field 'SetIdentifier'"),
            (routed("one", Weight=256), "'256'"),
            (routed("one", Weight=-1), "'-1'"),
            (routed("", Weight=1), "1 to 128 characters"),
            (routed("x" * 129, Weight=1), "1 to 128 characters"),
            (routed("one", Failover="THIRD"), "'THIRD'"),
            (routed("one", GeoLocation={"ContinentCode": "EU", "CountryCode": "DE"}), "either"),
            (routed("one", GeoProximityLocation={"AWSRegion": "eu-west-1", "Bias": 100}), "'100'"),
        ],
    )
    async def test_a_broken_policy_is_refused(
        self, zone: ZoneClient, item: dict[str, Any], problem: str
    ) -> None:
        assert problem in await zone.refused(create(item), code="InvalidInput")

    async def test_a_plain_record_cannot_join_routed_ones(self, zone: ZoneClient) -> None:
        await zone.change(create(routed("a", Weight=1)))
        assert await zone.refused(create(routed(None))) == (
            "[RRSet with DNS name w.example.org., type A cannot be created as other RRSets exist with "
            "the same name and type.]"
        )

    async def test_a_routed_record_cannot_join_a_plain_one(self, zone: ZoneClient) -> None:
        await zone.change(create(routed(None)))
        assert await zone.refused(upsert(routed("a", Weight=1))) == (
            "[RRSet with DNS name w.example.org., type A, SetIdentifier a cannot be created as a "
            "non-weighted set exists with the same name and type.]"
        )

    async def test_policies_do_not_mix(self, zone: ZoneClient) -> None:
        await zone.change(create(routed("a", Weight=1)))
        assert "non-latency set exists" in await zone.refused(create(routed("b", Region="eu-west-1")))
        await zone.change(delete(routed("a", Weight=1)), create(routed("b", Region="eu-west-1")))

    @pytest.mark.parametrize(
        "policy", [{"Region": "eu-west-1"}, {"Failover": "PRIMARY"}, {"GeoLocation": {"CountryCode": "DE"}}]
    )
    async def test_a_place_in_the_routing_is_taken_once(
        self, zone: ZoneClient, policy: dict[str, Any]
    ) -> None:
        await zone.change(create(routed("a", **policy)))
        assert "same place in the routing" in await zone.refused(create(routed("b", **policy)))

    async def test_weighted_siblings_share_a_ttl(self, zone: ZoneClient) -> None:
        await zone.change(create(routed("a", Weight=1)))
        message = await zone.refused(create(routed("b", ttl=61, Weight=1)))
        assert "weighted sets must contain the same TTL" in message

    async def test_a_multivalue_answer_is_no_alias(self, zone: ZoneClient) -> None:
        policy: dict[str, Any] = {"SetIdentifier": "a", "MultiValueAnswer": True}
        item = alias("m.example.org", "lb.example.com", ELB_ZONE, **policy)
        assert "cannot be a multivalue answer" in await zone.refused(create(item))
