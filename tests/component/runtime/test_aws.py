"""Real botocore against the simulated AWS, and against servers that misbehave."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from addons.runtime.aws import AwsSession
from addons.runtime.bucket import Rate
from addons.runtime.errors import Denied, Invalid, NotFound, Throttled, Unavailable
from addons.sim.aws.server import AwsEndpoint
from addons.sim.imds import Imds
from tests.support.until import until

FAST = Rate(per_second=1000, burst=100)
ROLE = "arn:aws:iam::123456789012:role/records"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
async def endpoint() -> AsyncIterator[AwsEndpoint]:
    async with AwsEndpoint() as running:
        yield running


class Recorded(AwsSession):
    """A session that notes the operations it sends."""

    def __init__(self, url: str, rate: Rate = FAST, threads: int = 4) -> None:
        self.sent: Counter[str] = Counter()
        super().__init__(
            region="eu-central-1",
            endpoint_url=url,
            rates={"route53": rate},
            on_call=lambda service, operation: self.sent.update([f"{service}:{operation}"]),
            threads=threads,
        )


@pytest.fixture
async def aws(endpoint: AwsEndpoint) -> AsyncIterator[Recorded]:
    async with Recorded(endpoint.url) as session:
        yield session


@asynccontextmanager
async def server(handler: Handler) -> AsyncIterator[str]:
    """Run a server that answers everything with the handler; give its URL."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield "http://{}:{}".format(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()


async def zone_names(aws: AwsSession) -> list[str]:
    pages = aws.pages("route53", "list_hosted_zones", MaxItems="2")
    return [zone["Name"] async for page in pages for zone in page["HostedZones"]]


class TestCalls:
    async def test_a_reply_is_what_boto3_gives(self, endpoint: AwsEndpoint, aws: Recorded) -> None:
        zone_id = endpoint.route53.create_zone("example.org")
        reply = await aws.call("route53", "get_hosted_zone", Id=zone_id)
        assert reply["HostedZone"]["Name"] == "example.org."

    async def test_what_is_sent_is_recorded_as_a_policy_names_it(self, aws: Recorded) -> None:
        await aws.call("route53", "list_hosted_zones")
        await aws.call("elbv2", "describe_load_balancers")
        assert aws.sent == {
            "route53:ListHostedZones": 1,
            "elasticloadbalancing:DescribeLoadBalancers": 1,
        }

    async def test_errors_are_of_our_tree(self, aws: Recorded) -> None:
        with pytest.raises(NotFound) as caught:
            await aws.call("route53", "get_hosted_zone", Id="Z0000000000")
        assert (caught.value.code, caught.value.status) == ("NoSuchHostedZone", 404)

    async def test_all_that_is_wrong_with_a_batch_is_told(self, endpoint: AwsEndpoint, aws: Recorded) -> None:
        zone_id = endpoint.route53.create_zone("example.org")
        records = [
            {"Name": f"{name}.example.org", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "1.2.3.4"}]}
            for name in ("a", "b")
        ]
        changes = [{"Action": "DELETE", "ResourceRecordSet": record} for record in records]
        with pytest.raises(Invalid, match="InvalidChangeBatch") as caught:
            await aws.call(
                "route53",
                "change_resource_record_sets",
                HostedZoneId=zone_id,
                ChangeBatch={"Changes": changes},
            )
        assert "a.example.org" in caught.value.message
        assert "b.example.org" in caught.value.message

    async def test_bad_arguments_never_leave(self, aws: Recorded) -> None:
        with pytest.raises(Invalid, match="Missing required parameter"):
            await aws.call("route53", "get_hosted_zone")
        assert aws.sent == {}

    async def test_without_a_region_the_setting_is_missed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
        async with AwsSession() as session:
            with pytest.raises(Invalid, match="region"):
                await session.call("elbv2", "describe_load_balancers")

    async def test_what_takes_no_signature_is_called_without_a_look_for_credentials(
        self, endpoint: AwsEndpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        arguments: dict[str, Any] = {"RoleArn": ROLE, "RoleSessionName": "test", "WebIdentityToken": "token"}
        operation = ("sts", "assume_role_with_web_identity")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_EC2_METADATA_DISABLED"):
            monkeypatch.delenv(name)
        async with Imds() as imds, Recorded(endpoint.url) as aws:
            monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.url)
            with pytest.raises(Invalid, match="not a valid JWT"):
                await aws.call_unsigned(*operation, **arguments)
            assert imds.requests == []
            with pytest.raises(Invalid, match="not a valid JWT"):
                await aws.call(*operation, **arguments)
            assert len(imds.requests) > 0, "the control"


class TestRates:
    """AWS throttles groups of operations of some services apart from one another, and so are they paced."""

    async def test_operations_share_the_bucket_of_the_first_pattern_that_fits_else_of_their_service(
        self,
    ) -> None:
        rates = {"ec2:describe_*": Rate(50, 50), "ec2:*_tags": Rate(10, 10), "ec2": Rate(5, 5)}
        async with AwsSession(rates=rates) as aws:
            groups = {
                operation: aws._bucket("ec2", operation, "")
                for operation in ("describe_subnets", "describe_tags", "create_tags", "attach_volume")
            }
            assert groups["describe_subnets"] is groups["describe_tags"]
            assert [bucket.per_second for bucket in groups.values()] == [50, 50, 10, 5]
            assert aws._bucket("ec2", "create_tags", ROLE) is not groups["create_tags"], (
                "each role has its own"
            )
            assert aws._bucket("ec2", "create_tags", "") is groups["create_tags"]


class TestPages:
    async def test_a_listing_is_one_call_per_page(self, endpoint: AwsEndpoint, aws: Recorded) -> None:
        for number in range(5):
            endpoint.route53.create_zone(f"zone{number}.org")
        assert await zone_names(aws) == [f"zone{number}.org." for number in range(5)]
        assert aws.sent["route53:ListHostedZones"] == 3

    async def test_tokens_of_several_parts_lead_to_the_next_page(
        self, endpoint: AwsEndpoint, aws: Recorded
    ) -> None:
        zone_id = endpoint.route53.create_zone("example.org")
        changes = [
            {
                "Action": "CREATE",
                "ResourceRecordSet": {
                    "Name": "www.example.org",
                    "Type": "A",
                    "SetIdentifier": f"set{number}",
                    "Weight": 1,
                    "TTL": 60,
                    "ResourceRecords": [{"Value": f"10.0.0.{number}"}],
                },
            }
            for number in range(4)
        ]
        await aws.call(
            "route53", "change_resource_record_sets", HostedZoneId=zone_id, ChangeBatch={"Changes": changes}
        )
        pages = aws.pages(
            "route53",
            "list_resource_record_sets",
            HostedZoneId=zone_id,
            MaxItems="1",
            StartRecordName="www.example.org",
        )
        found = [record["SetIdentifier"] async for page in pages for record in page["ResourceRecordSets"]]
        assert found == ["set0", "set1", "set2", "set3"]

    async def test_a_throttled_page_is_asked_for_again_and_none_is_lost(
        self, endpoint: AwsEndpoint, aws: Recorded
    ) -> None:
        for number in range(6):
            endpoint.route53.create_zone(f"zone{number}.org")
        names = []
        async for page in aws.pages("route53", "list_hosted_zones", MaxItems="2"):
            names += [zone["Name"] for zone in page["HostedZones"]]
            if len(names) == 2:
                endpoint.faults.add(operation="ListHostedZones", code="Throttling", times=2)
        assert names == [f"zone{number}.org." for number in range(6)]

    async def test_what_has_no_pages_is_a_mistake_of_the_caller(self, aws: Recorded) -> None:
        with pytest.raises(ValueError, match="GetHostedZone"):
            await anext(aws.pages("route53", "get_hosted_zone"))

    async def test_an_endless_page_is_noticed(self) -> None:
        async def same(request: web.Request) -> web.Response:
            text = (
                '<ListHostedZonesResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><HostedZones/>'
                "<IsTruncated>true</IsTruncated><NextMarker>Z1</NextMarker><MaxItems>1</MaxItems>"
                "</ListHostedZonesResponse>"
            )
            return web.Response(text=text, content_type="text/xml")

        async with server(same) as url, Recorded(url) as aws:
            with pytest.raises(Unavailable, match="the same page came again"):
                await zone_names(aws)


class TestThrottling:
    @pytest.mark.parametrize("code", ["Throttling", "PriorRequestNotComplete"])
    async def test_a_throttled_call_is_made_again(
        self, endpoint: AwsEndpoint, aws: Recorded, code: str
    ) -> None:
        endpoint.faults.add(operation="ListHostedZones", code=code, times=2)
        assert (await aws.call("route53", "list_hosted_zones"))["HostedZones"] == []
        assert len(endpoint.calls) == 3

    async def test_a_call_that_stays_throttled_says_so_in_the_end(
        self, endpoint: AwsEndpoint, aws: Recorded
    ) -> None:
        endpoint.faults.add(operation="ListHostedZones", code="Throttling", times=None)
        with pytest.raises(Throttled):
            await aws.call("route53", "list_hosted_zones")
        assert len(endpoint.calls) == 5

    async def test_who_wants_to_know_at_once_has_it_made_once(self, endpoint: AwsEndpoint) -> None:
        endpoint.faults.add(operation="ListHostedZones", code="Throttling", times=None)
        async with Recorded(endpoint.url, Rate(per_second=1000, burst=100, tries=1)) as aws:
            with pytest.raises(Throttled):
                await aws.call("route53", "list_hosted_zones")
        assert len(endpoint.calls) == 1


class TestTransport:
    @pytest.mark.parametrize("text", ["", "<ListHostedZonesResponse><Hosted", "<html/>", "no XML"])
    async def test_an_answer_that_cannot_be_read_is_unavailable(self, text: str) -> None:
        async def odd(request: web.Request) -> web.Response:
            return web.Response(text=text, content_type="text/xml")

        async with server(odd) as url, Recorded(url) as aws:
            with pytest.raises(Unavailable):
                await aws.call("sts", "get_caller_identity")

    async def test_a_lost_answer_is_unavailable_and_the_call_not_made_twice(
        self, endpoint: AwsEndpoint, aws: Recorded
    ) -> None:
        endpoint.faults.add(operation="ListHostedZones", before=False)
        with pytest.raises(Unavailable):
            await aws.call("route53", "list_hosted_zones")
        assert len(endpoint.calls) == 1

    async def test_where_botocore_may_try_again_it_does(self, endpoint: AwsEndpoint) -> None:
        endpoint.faults.add(operation="ListHostedZones", before=False)
        async with Recorded(endpoint.url, rate=Rate(100, 100, attempts=2)) as aws:
            await aws.call("route53", "list_hosted_zones")
        assert len(endpoint.calls) == 2

    async def test_an_answer_that_is_no_xml_is_unavailable(self) -> None:
        async def proxy(request: web.Request) -> web.Response:
            return web.Response(text="<html>Bad Gateway</html>", status=502, content_type="text/html")

        async with server(proxy) as url, Recorded(url) as aws:
            with pytest.raises(Unavailable):
                await aws.call("route53", "list_hosted_zones")

    async def test_a_dead_port_is_unavailable(self) -> None:
        async def unused(request: web.Request) -> web.Response:
            raise AssertionError("nobody is there any more")

        async with server(unused) as url:
            pass
        async with Recorded(url) as aws:
            with pytest.raises(Unavailable, match="Could not connect"):
                await aws.call("route53", "list_hosted_zones")

    async def test_calls_that_hang_hold_up_none_that_have_a_rate_of_their_own(self) -> None:
        released = asyncio.Event()

        async def slow(request: web.Request) -> web.Response:
            if request.path.endswith("/hostedzone"):
                await released.wait()
            return web.Response(text="<GetHostedZoneCountResponse/>", content_type="application/xml")

        rates = {"route53:get_hosted_zone_count": FAST, "route53": FAST}
        async with (
            server(slow) as url,
            AwsSession(region="eu-central-1", endpoint_url=url, rates=rates, threads=2) as aws,
        ):
            hanging = [asyncio.ensure_future(aws.call("route53", "list_hosted_zones")) for _ in range(4)]
            await aws.call("route53", "get_hosted_zone_count")
            released.set()
            await asyncio.gather(*hanging)

    async def test_no_more_calls_than_threads_are_open_at_once(self) -> None:
        open_now, most = 0, 0

        async def slow(request: web.Request) -> web.Response:
            nonlocal open_now, most
            open_now, most = open_now + 1, max(most, open_now + 1)
            await asyncio.sleep(0.02)
            open_now -= 1
            return web.Response(text="<R><HostedZones/></R>", content_type="text/xml")

        async with server(slow) as url, Recorded(url, threads=2) as aws:
            await asyncio.gather(*(aws.call("route53", "list_hosted_zones") for _ in range(6)))
        assert most == 2


class TestClosing:
    async def test_a_call_without_an_answer_is_left_at_once_and_not_sent_again(self) -> None:
        requests = 0
        arrived, let_go = asyncio.Event(), asyncio.Event()

        async def silent(request: web.Request) -> web.Response:
            nonlocal requests
            requests += 1
            arrived.set()
            await let_go.wait()
            return web.Response(status=500)

        async with server(silent) as url:
            session = Recorded(url, rate=Rate(100, 100, attempts=4), threads=1)
            calls = [asyncio.create_task(session.call("route53", "list_hosted_zones")) for _ in range(9)]
            await arrived.wait()
            session.close()
            for call in calls:
                call.cancel()
            ended = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(end) for end in ended} == {asyncio.CancelledError}
            let_go.set()
            await until(
                lambda: not any(thread.name.startswith("aws-route53") for thread in threading.enumerate())
            )
            assert requests == 1


class TestRoles:
    @pytest.fixture(autouse=True)
    def role(self, endpoint: AwsEndpoint) -> None:
        """The role exists, and its account may assume it."""
        endpoint.sts.create_role(ROLE)

    async def test_a_role_is_assumed_once_and_signs_the_calls_made_for_it(
        self, endpoint: AwsEndpoint, aws: Recorded
    ) -> None:
        own = await aws.call("sts", "get_caller_identity")
        for _ in range(2):
            reply = await aws.call("sts", "get_caller_identity", role=ROLE, external_id="id")
            assert ":assumed-role/records/aws-addons" in reply["Arn"]
            await aws.call("route53", "list_hosted_zones", role=ROLE, external_id="id")
        assert own["Arn"] != reply["Arn"]
        assert aws.sent["sts:AssumeRole"] == 1

    async def test_another_external_id_is_another_role(self, aws: Recorded) -> None:
        for external_id in ("", "id"):
            await aws.call("route53", "list_hosted_zones", role=ROLE, external_id=external_id)
        assert aws.sent["sts:AssumeRole"] == 2

    async def test_a_role_that_may_not_be_assumed_is_denied(
        self, endpoint: AwsEndpoint, aws: Recorded
    ) -> None:
        endpoint.faults.add(operation="AssumeRole", code="AccessDenied", message="not you", status=403)
        with pytest.raises(Denied, match="AssumeRole: not you"):
            await aws.call("route53", "list_hosted_zones", role=ROLE)

    async def test_without_credentials_nothing_is_permitted(
        self, endpoint: AwsEndpoint, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        async with Recorded(endpoint.url) as aws:
            for role in ("", ROLE):
                with pytest.raises(Denied, match="credentials"):
                    await aws.call("route53", "list_hosted_zones", role=role)


class TestSecrets:
    async def test_no_secret_is_in_an_error(self, endpoint: AwsEndpoint, aws: Recorded) -> None:
        endpoint.faults.add(
            operation="ListHostedZones", code="SignatureDoesNotMatch", message="no", status=403
        )
        with pytest.raises(Denied) as caught:
            await aws.call("route53", "list_hosted_zones")
        assert "hunter2" not in repr(caught.value)
