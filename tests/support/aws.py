"""The simulated AWS as a boto3 client in a thread sees it: the vocabulary of the tests of addons.sim.aws."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from addons.sim.aws.server import AwsEndpoint

Reply = dict[str, Any]

SESSION = boto3.Session(aws_access_key_id="key", aws_secret_access_key="secret", region_name="eu-central-1")
CONFIG = Config(
    retries={"total_max_attempts": 1}, read_timeout=20, connect_timeout=5, parameter_validation=False
)


NEED_NO_RIGHT = frozenset({"sts:GetCallerIdentity"})
"""What AWS answers to everybody who has credentials, whatever the policies say."""


_PREFIXES = {"tagging": "tag"}
"""Where policies call a service by another name than signatures do."""


def rights_used(endpoint: AwsEndpoint) -> set[str]:
    """The actions that were asked for and that a policy has to permit."""
    used = {(_PREFIXES.get(call.service, call.service), call.operation) for call in endpoint.calls}
    return {f"{service}:{operation}" for service, operation in used} - NEED_NO_RIGHT


class World:
    """An endpoint and the clients for it; nothing is retried, nothing is checked before it is sent."""

    def __init__(self, endpoint: AwsEndpoint) -> None:
        self.endpoint = endpoint
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Give a boto3 client; call it in a thread."""
        if service not in self._clients:
            self._clients[service] = SESSION.client(service, endpoint_url=self.endpoint.url, config=CONFIG)
        return self._clients[service]

    async def call(self, service: str, operation: str, **arguments: Any) -> Reply:
        """Call an operation by its boto3 method name."""
        method = getattr(self.client(service), operation)
        reply: Reply = await asyncio.to_thread(partial(method, **arguments))
        return reply

    async def refusal(self, service: str, operation: str, **arguments: Any) -> tuple[str, str]:
        """Give code and message of the error that a call must meet."""
        try:
            reply = await self.call(service, operation, **arguments)
        except ClientError as error:
            return error.response["Error"]["Code"], error.response["Error"]["Message"]
        raise AssertionError(f"{operation} was accepted: {reply}")

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """Run an endpoint on a free port for a test."""
    async with AwsEndpoint() as endpoint:
        running = World(endpoint)
        try:
            yield running
        finally:
            running.close()


class ZoneClient:
    """One hosted zone through boto3; `name` is what records are made in."""

    def __init__(self, world: World, zone_id: str) -> None:
        self.world = world
        self.id = zone_id

    @classmethod
    async def create(cls, world: World, name: str = "example.org", reference: str = "") -> "ZoneClient":
        """Make a public zone over the API."""
        reply = await world.call(
            "route53", "create_hosted_zone", Name=name, CallerReference=reference or f"ref-{name}"
        )
        return cls(world, reply["HostedZone"]["Id"])

    async def change(self, *changes: Reply) -> Reply:
        """Apply a batch."""
        return await self.world.call("route53", "change_resource_record_sets", **self._batch(changes))

    async def refused(self, *changes: Reply, code: str = "InvalidChangeBatch") -> str:
        """Give the message of a batch that must be refused with the code."""
        found, message = await self.world.refusal(
            "route53", "change_resource_record_sets", **self._batch(changes)
        )
        assert found == code, message
        return message

    async def records(self, **arguments: Any) -> list[Reply]:
        """List one page of record sets, without the zone's own SOA and NS."""
        reply = await self.page(**arguments)
        return [item for item in reply["ResourceRecordSets"] if item["Type"] not in ("SOA", "NS")]

    async def page(self, **arguments: Any) -> Reply:
        """List one page of record sets, as the API gives it."""
        return await self.world.call(
            "route53", "list_resource_record_sets", HostedZoneId=self.id, **arguments
        )

    async def names(self) -> list[str]:
        """List the names of the records, in order."""
        return [item["Name"] for item in await self.records()]

    def _batch(self, changes: tuple[Reply, ...]) -> Reply:
        return {"HostedZoneId": self.id, "ChangeBatch": {"Changes": list(changes)}}


def record(name: str, *values: str, type: str = "A", ttl: int | None = 60, **more: Any) -> Reply:  # noqa: A002
    """Give a ResourceRecordSet; without values and TTL these fields are left out."""
    item: Reply = {"Name": name, "Type": type, **more}
    if ttl is not None:
        item["TTL"] = ttl
    if values:
        item["ResourceRecords"] = [{"Value": value} for value in values]
    return item


def alias(name: str, target: str, zone_id: str, *, type: str = "A", **more: Any) -> Reply:  # noqa: A002
    """Give an alias ResourceRecordSet."""
    to = {"HostedZoneId": zone_id, "DNSName": target, "EvaluateTargetHealth": False}
    return {"Name": name, "Type": type, "AliasTarget": to, **more}


def create(item: Reply) -> Reply:
    """Give a CREATE."""
    return {"Action": "CREATE", "ResourceRecordSet": item}


def delete(item: Reply) -> Reply:
    """Give a DELETE."""
    return {"Action": "DELETE", "ResourceRecordSet": item}


def upsert(item: Reply) -> Reply:
    """Give an UPSERT."""
    return {"Action": "UPSERT", "ResourceRecordSet": item}
