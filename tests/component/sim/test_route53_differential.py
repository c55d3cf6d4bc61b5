"""The same calls, to our Route 53 and to moto's: where moto is right, both say the same.

Left out is what moto gets wrong, for which the other test_route53 files hold the real behaviour.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.support.aws import CONFIG, World, alias, create, delete, record, upsert, world

ELB_ZONE = "Z215JYRZR1TBD5"
MADE_UP = (
    "ResponseMetadata",
    "Id",
    "HostedZoneId",
    "NameServers",
    "SubmittedAt",
    "Location",
    "CallerReference",
)


def comparable(reply: Any) -> Any:
    """Leave out what each implementation makes up: ids, times, the name servers."""
    if isinstance(reply, dict):
        return {key: comparable(value) for key, value in reply.items() if key not in MADE_UP}
    return [comparable(item) for item in reply] if isinstance(reply, list) else reply


def happy_path(client: Any) -> list[Any]:
    """Make a zone, change it in every way, list it, and take it down; give all replies."""
    replies: list[Any] = []

    def call(method: str, **arguments: Any) -> Any:
        replies.append(comparable(reply := getattr(client, method)(**arguments)))
        return reply

    zone = call("create_hosted_zone", Name="example.org", CallerReference="1")["HostedZone"]["Id"]
    plain_id = zone.removeprefix("/hostedzone/")

    def change(*changes: Any) -> None:
        call("change_resource_record_sets", HostedZoneId=zone, ChangeBatch={"Changes": list(changes)})

    def listed(**arguments: str) -> None:
        reply = client.list_resource_record_sets(HostedZoneId=zone, **arguments)
        reply["ResourceRecordSets"] = [
            item for item in reply["ResourceRecordSets"] if item["Type"] not in ("SOA", "NS")
        ]
        replies.append(comparable(reply))

    plain = record("a.example.org", "192.0.2.1")
    text = record("a.example.org", '"heritage=x"', type="TXT", ttl=300)
    pointer = alias("b.example.org", "lb.example.com.", ELB_ZONE)
    weighted = [record("w.example.org", "192.0.2.1", SetIdentifier=s, Weight=n) for n, s in enumerate("xy")]
    located = record("g.example.org", "192.0.2.1", SetIdentifier="eu", GeoLocation={"ContinentCode": "EU"})
    change(create(plain), create(text), create(pointer), *map(create, weighted), create(located))
    listed()
    listed(MaxItems="2")
    listed(StartRecordName="b.example.org")
    listed(StartRecordName="a.example.org", StartRecordType="TXT")
    change(upsert(record("a.example.org", "192.0.2.2", "192.0.2.3", ttl=5)), upsert(pointer))
    listed()
    call("list_hosted_zones")
    call("get_hosted_zone", Id=zone)
    call("get_hosted_zone_count")
    where = {"ResourceType": "hostedzone", "ResourceId": plain_id}
    call("change_tags_for_resource", **where, AddTags=[{"Key": "a", "Value": "1"}])
    tags = client.list_tags_for_resource(**where)["ResourceTagSet"]
    replies.append((tags["ResourceType"], tags["Tags"]))
    change(delete(record("a.example.org", "192.0.2.2", "192.0.2.3", ttl=5)), delete(text), delete(pointer))
    change(*map(delete, weighted), delete(located))
    listed()
    call("delete_hosted_zone", Id=zone)
    call("list_hosted_zones")
    return replies


@pytest.fixture
async def aws() -> AsyncIterator[World]:
    async with world() as running:
        yield running


@pytest.fixture
def moto_replies() -> list[Any]:
    with mock_aws():
        session = boto3.Session(
            aws_access_key_id="key", aws_secret_access_key="secret", region_name="eu-central-1"
        )
        return happy_path(session.client("route53", config=CONFIG))


async def test_both_answer_the_happy_path_alike(moto_replies: list[Any], aws: World) -> None:
    ours = await asyncio.to_thread(happy_path, aws.client("route53"))
    for step, (here, there) in enumerate(zip(ours, moto_replies, strict=True)):
        assert here == there, f"step {step}"
