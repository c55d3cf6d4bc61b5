"""The same calls, to our Route 53 and to moto's: where moto is right, both say the same.

Left out is what moto gets wrong, for which the other test_route53 files hold the real behaviour.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
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


@dataclass
class Script:
    """A sequence of calls and what they were answered."""

    client: Any
    replies: list[Any] = field(default_factory=list)

    def call(self, method: str, **arguments: Any) -> Any:
        reply = getattr(self.client, method)(**arguments)
        self.replies.append(comparable(reply))
        return reply

    def change(self, zone: str, *changes: Any) -> None:
        self.call("change_resource_record_sets", HostedZoneId=zone, ChangeBatch={"Changes": list(changes)})

    def list(self, zone: str, **arguments: str) -> None:
        """List record sets without SOA and NS, whose values differ."""
        reply = self.client.list_resource_record_sets(HostedZoneId=zone, **arguments)
        found = [item for item in reply["ResourceRecordSets"] if item["Type"] not in ("SOA", "NS")]
        self.replies.append((comparable(found), reply["IsTruncated"], reply.get("NextRecordName")))

    def list_tags(self, where: dict[str, str]) -> None:
        """List tags; moto gives the zone's id in another form."""
        found = self.client.list_tags_for_resource(**where)["ResourceTagSet"]
        self.replies.append((found["ResourceType"], found["Tags"]))


def happy_path(client: Any) -> list[Any]:
    """Make a zone, change it in every way, list it, and take it down; give all replies."""
    script = Script(client)
    zone = script.call("create_hosted_zone", Name="example.org", CallerReference="1")["HostedZone"]["Id"]
    play_records(script, zone)
    script.call("list_hosted_zones")
    script.call("get_hosted_zone", Id=zone)
    script.call("get_hosted_zone_count")
    where = {"ResourceType": "hostedzone", "ResourceId": zone.removeprefix("/hostedzone/")}
    script.call("change_tags_for_resource", **where, AddTags=[{"Key": "a", "Value": "1"}])
    script.list_tags(where)
    script.call("delete_hosted_zone", Id=zone)
    script.call("list_hosted_zones")
    return script.replies


def play_records(script: Script, zone: str) -> None:
    plain = record("a.example.org", "192.0.2.1")
    changed = record("a.example.org", "192.0.2.2", "192.0.2.3", ttl=5)
    text = record("a.example.org", '"heritage=x"', type="TXT", ttl=300)
    pointer = alias("b.example.org", "lb.example.com.", ELB_ZONE)
    weighted = [record("w.example.org", "192.0.2.1", SetIdentifier=s, Weight=n) for n, s in enumerate("xy")]
    located = record("g.example.org", "192.0.2.1", SetIdentifier="eu", GeoLocation={"ContinentCode": "EU"})
    script.change(zone, *map(create, [plain, text, pointer, *weighted, located]))
    script.list(zone)
    script.list(zone, MaxItems="2")
    script.list(zone, StartRecordName="b.example.org")
    script.list(zone, StartRecordName="a.example.org", StartRecordType="TXT")
    script.change(zone, upsert(changed), upsert(pointer))
    script.list(zone)
    script.change(zone, *map(delete, [changed, text, pointer]))
    script.change(zone, *map(delete, [*weighted, located]))
    script.list(zone)


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
