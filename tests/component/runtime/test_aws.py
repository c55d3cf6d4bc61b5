"""The door to AWS: a real boto3 against the simulated endpoint."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from addons.runtime.aws import AwsSession, Limits
from addons.runtime.bucket import Rate
from addons.runtime.errors import Denied, Invalid, NotFound, Throttled, Unavailable
from addons.sim.aws.route53.model import RecordSet
from addons.sim.aws.server import AwsEndpoint

REGION = "eu-central-1"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
async def endpoint() -> AsyncIterator[AwsEndpoint]:
    async with AwsEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
async def aws(endpoint: AwsEndpoint) -> AsyncIterator[AwsSession]:
    limits = {"route53": Limits(attempts=1)}
    async with AwsSession(region=REGION, endpoint_url=endpoint.url, limits=limits) as session:
        yield session


def fill(endpoint: AwsEndpoint, count: int) -> str:
    zone_id = endpoint.route53.create_zone("example.com")
    records = [RecordSet(f"n{n}.example.com", "A", ttl=60, values=("192.0.2.1",)) for n in range(count)]
    endpoint.route53.change(zone_id, [("CREATE", record) for record in records])
    return zone_id


class TestCalls:
    async def test_a_reply_is_what_boto3_gives(self, aws: AwsSession, endpoint: AwsEndpoint) -> None:
        endpoint.route53.create_zone("example.com")
        reply = await aws.call("route53", "list_hosted_zones")
        assert [zone["Name"] for zone in reply["HostedZones"]] == ["example.com."]

    async def test_pages_come_one_call_each_and_end(self, aws: AwsSession, endpoint: AwsEndpoint) -> None:
        zone_id = fill(endpoint, 700)
        sizes = [
            len(page["ResourceRecordSets"])
            async for page in aws.pages("route53", "list_resource_record_sets", HostedZoneId=zone_id)
        ]
        assert sizes == [300, 300, 102]
        assert endpoint.route53.calls["ListResourceRecordSets"] == 3

    async def test_calls_run_beside_each_other_up_to_the_threads_of_the_service(
        self, aws: AwsSession, endpoint: AwsEndpoint
    ) -> None:
        endpoint.route53.create_zone("example.com")
        replies = await asyncio.gather(*(aws.call("route53", "list_hosted_zones") for _ in range(20)))
        assert {len(reply["HostedZones"]) for reply in replies} == {1}

    async def test_every_call_is_told_to_the_recorder(self, endpoint: AwsEndpoint) -> None:
        told: list[tuple[str, str]] = []
        recorder = lambda service, operation: told.append((service, operation))  # noqa: E731
        async with AwsSession(region=REGION, endpoint_url=endpoint.url, recorder=recorder) as aws:
            await aws.call("route53", "list_hosted_zones")
            await aws.call("sts", "get_caller_identity")
        assert told == [("route53", "ListHostedZones"), ("sts", "GetCallerIdentity")]


class TestErrors:
    @pytest.mark.parametrize(
        ("code", "status", "expected"),
        [
            ("Throttling", 400, Throttled),
            ("PriorRequestNotComplete", 400, Throttled),
            ("AccessDenied", 403, Denied),
            ("InternalFailure", 500, Unavailable),
            ("", 0, Unavailable),
        ],
    )
    async def test_failures_have_a_type(
        self, aws: AwsSession, endpoint: AwsEndpoint, code: str, status: int, expected: type[Exception]
    ) -> None:
        endpoint.faults.add(operation="ListHostedZones", times=1, code=code, status=status or 400)
        with pytest.raises(expected, match="route53 list_hosted_zones"):
            await aws.call("route53", "list_hosted_zones")
        assert (await aws.call("route53", "list_hosted_zones"))["HostedZones"] == []

    async def test_a_zone_that_is_not_there_is_not_found(self, aws: AwsSession) -> None:
        with pytest.raises(NotFound):
            await aws.call("route53", "get_hosted_zone", Id="Z0000000000000000")

    async def test_a_refused_batch_keeps_the_words_of_route_53(
        self, aws: AwsSession, endpoint: AwsEndpoint
    ) -> None:
        zone_id = fill(endpoint, 1)
        record = {
            "Name": "n0.example.com",
            "Type": "A",
            "TTL": 1,
            "ResourceRecords": [{"Value": "192.0.2.9"}],
        }
        batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
        with pytest.raises(Invalid, match=r"n0\.example\.com.*already exists"):
            await aws.call("route53", "change_resource_record_sets", HostedZoneId=zone_id, ChangeBatch=batch)

    async def test_a_wrong_argument_is_invalid_and_sends_nothing(
        self, aws: AwsSession, endpoint: AwsEndpoint
    ) -> None:
        with pytest.raises(Invalid, match="Colour"):
            await aws.call("route53", "list_hosted_zones", Colour="green")
        assert endpoint.calls == []

    async def test_botocore_repeats_a_transient_failure_where_it_may(self, endpoint: AwsEndpoint) -> None:
        endpoint.faults.add(operation="GetCallerIdentity", times=1, code="ServiceUnavailable", status=503)
        async with AwsSession(region=REGION, endpoint_url=endpoint.url) as aws:
            assert (await aws.call("sts", "get_caller_identity"))["Account"]


class TestRates:
    async def test_a_throttled_service_is_called_more_slowly(self, endpoint: AwsEndpoint) -> None:
        limits = {"route53": Limits(rate=Rate(100.0, burst=5), attempts=1)}
        endpoint.faults.add(operation="ListHostedZones", times=1, code="Throttling")
        async with AwsSession(region=REGION, endpoint_url=endpoint.url, limits=limits) as aws:
            with pytest.raises(Throttled):
                await aws.call("route53", "list_hosted_zones")
            assert aws.rate("route53") == 50.0
            await aws.call("route53", "list_hosted_zones")
            assert aws.rate("route53") == 55.0


class TestRoles:
    async def test_a_role_is_assumed_once_for_many_calls(self, endpoint: AwsEndpoint) -> None:
        role = "arn:aws:iam::123456789012:role/dns"
        async with AwsSession(region=REGION, endpoint_url=endpoint.url) as aws:
            await asyncio.gather(
                *(aws.call("route53", "list_hosted_zones", role=role, external_id="shared") for _ in range(5))
            )
            identity = await aws.call("sts", "get_caller_identity", role=role, external_id="shared")
        assert sum(call.operation == "AssumeRole" for call in endpoint.calls) == 1
        assert identity["Arn"] == "arn:aws:sts::123456789012:assumed-role/dns/aws-cluster-addons"

    async def test_a_role_that_is_denied_is_denied(self, endpoint: AwsEndpoint) -> None:
        endpoint.faults.add(operation="AssumeRole", times=None, code="AccessDenied", status=403)
        async with AwsSession(region=REGION, endpoint_url=endpoint.url) as aws:
            with pytest.raises(Denied, match="AssumeRole"):
                await aws.call("route53", "list_hosted_zones", role="arn:aws:iam::123456789012:role/dns")
        assert {call.operation for call in endpoint.calls} == {"AssumeRole"}
