"""Calls of the simulated EC2 as such: repeated, dry, throttled, refused on order, counted, and quick."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from addons.sim.aws.ec2.account import USUAL_RATE_LIMITS, RateLimit
from addons.sim.aws.ec2.api import Ec2Api
from addons.sim.aws.ec2.errors import Ec2Error
from addons.sim.aws.ec2.state import Ec2
from addons.sim.aws.server import Call
from tests.support.aws import World
from tests.support.aws import world as bare_world
from tests.support.ec2 import Ec2World, ec2_world


@pytest.fixture
async def world() -> AsyncIterator[Ec2World]:
    async with ec2_world() as running:
        yield running


class TestTokens:
    """A call that is repeated with its client token is answered, and carried out once."""

    async def test_a_repeated_call_makes_nothing_new(self, world: Ec2World) -> None:
        first = await world.create(ClientToken="once", SecondaryPrivateIpAddressCount=2)
        again = await world.create(ClientToken="once", SecondaryPrivateIpAddressCount=2)
        assert (again, await world.found()) == (first, [first])
        assert await world.free() == 251 - 3

    async def test_another_token_makes_another_one(self, world: Ec2World) -> None:
        assert await world.create(ClientToken="a") != await world.create(ClientToken="b")
        assert await world.create() != await world.create()

    async def test_a_token_is_for_one_wish(self, world: Ec2World) -> None:
        await world.create(ClientToken="once")
        code, _ = await world.refusal(
            "create_network_interface", SubnetId=world.subnet.id, ClientToken="once", Description="other"
        )
        assert code == "IdempotentParameterMismatch"

    async def test_a_refused_call_may_be_tried_again(self, world: Ec2World) -> None:
        arguments = {
            "SubnetId": world.subnet.id,
            "ClientToken": "once",
            "SecondaryPrivateIpAddressCount": 100,
        }
        blocking = await world.create(SecondaryPrivateIpAddressCount=200)
        assert (await world.refusal("create_network_interface", **arguments))[0].startswith("Insufficient")
        await world.call("delete_network_interface", NetworkInterfaceId=blocking)
        await world.call("create_network_interface", **arguments)

    async def test_a_lost_answer_is_given_again(self, world: Ec2World) -> None:
        world.aws.endpoint.faults.add(
            operation="CreateNetworkInterface", code="InternalError", status=500, before=False
        )
        arguments = {"SubnetId": world.subnet.id, "ClientToken": "once"}
        assert (await world.refusal("create_network_interface", **arguments))[0] == "InternalError"
        (made,) = await world.found()
        assert await world.create(ClientToken="once") == made


class TestThrottling:
    async def test_nothing_is_throttled_unless_it_is_asked_for(self, world: Ec2World) -> None:
        for _ in range(120):
            await world.found()

    async def test_each_operation_has_a_bucket_of_its_own(self, world: Ec2World) -> None:
        world.ec2.knobs.rate_limits = {"Describe*": RateLimit(0.001, 2)}
        for operation in ("describe_vpcs", "describe_subnets"):
            await world.call(operation)
            await world.call(operation)
            assert await world.refusal(operation) == ("RequestLimitExceeded", "Request limit exceeded.")
        await world.create()

    async def test_the_refusal_is_an_answer_with_an_id(self, world: Ec2World) -> None:
        world.ec2.knobs.rate_limits = {"*": RateLimit(0.001, 0)}
        client = world.aws.client("ec2")
        with pytest.raises(client.exceptions.ClientError) as caught:
            await world.call("describe_vpcs")
        metadata = caught.value.response["ResponseMetadata"]
        assert (metadata["HTTPStatusCode"], len(metadata["RequestId"])) == (503, 36)

    async def test_a_bucket_fills_again(self) -> None:
        ec2, now = Ec2(), [0.0]
        ec2.network.create_vpc("10.0.0.0/16")
        ec2.knobs.rate_limits = {"*": RateLimit(rate=2, burst=1)}
        api = Ec2Api(ec2, monotonic=lambda: now[0])
        await api.answer("DescribeVpcs", "Action=DescribeVpcs", "id")
        now[0] = 0.4
        with pytest.raises(Ec2Error, match="RequestLimitExceeded"):
            await api.answer("DescribeVpcs", "Action=DescribeVpcs", "id")
        now[0] = 0.5
        await api.answer("DescribeVpcs", "Action=DescribeVpcs", "id")

    async def test_the_usual_limits_stop_a_storm(self, world: Ec2World) -> None:
        world.ec2.knobs.rate_limits = USUAL_RATE_LIMITS
        eni, refused = await world.create(), 0
        for _ in range(300):
            try:
                await world.assign(eni, 0)
            except world.aws.client("ec2").exceptions.ClientError as error:
                refused += error.response["Error"]["Code"] == "RequestLimitExceeded"
        assert refused > 100


class TestDryRun:
    async def test_it_says_that_it_would_and_does_not(self, world: Ec2World) -> None:
        arguments = {"SubnetId": world.subnet.id, "DryRun": True}
        assert await world.refusal("create_network_interface", **arguments) == (
            "DryRunOperation",
            "Request would have succeeded, but DryRun flag is set.",
        )
        assert await world.found() == []

    async def test_who_may_not_is_told(self, world: Ec2World) -> None:
        world.aws.endpoint.faults.add(
            operation="DescribeRouteTables",
            times=None,
            code="UnauthorizedOperation",
            message="You are not authorized to perform this operation.",
            status=403,
        )
        assert (await world.refusal("describe_route_tables"))[0] == "UnauthorizedOperation"


class TestForm:
    @pytest.mark.parametrize(
        ("operation", "arguments", "code"),
        [
            ("attach_network_interface", {"NetworkInterfaceId": "eni-1"}, "MissingParameter"),
            ("create_network_interface", {}, "MissingParameter"),
            ("delete_network_interface", {}, "MissingParameter"),
            ("modify_network_interface_attribute", {"Groups": ["sg-1"]}, "MissingParameter"),
        ],
    )
    async def test_what_is_needed_must_be_given(
        self, world: Ec2World, operation: str, arguments: dict[str, Any], code: str
    ) -> None:
        assert (await world.refusal(operation, **arguments))[0] == code

    async def test_one_attribute_is_changed_at_a_time(self, world: Ec2World) -> None:
        eni = await world.create()
        for wrong in ({}, {"Description": {"Value": "a"}, "SourceDestCheck": {"Value": False}}):
            code, _ = await world.refusal(
                "modify_network_interface_attribute", NetworkInterfaceId=eni, **wrong
            )
            assert code == "InvalidParameterCombination"
        await world.call(
            "modify_network_interface_attribute", NetworkInterfaceId=eni, SourceDestCheck={"Value": False}
        )
        await world.call(
            "modify_network_interface_attribute", NetworkInterfaceId=eni, Description={"Value": "new <&>"}
        )
        described = await world.describe(eni)
        assert (described["SourceDestCheck"], described["Description"]) == (False, "new <&>")

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("Action=DescribeVpcs&Colour=red", "UnknownParameter"),
            ("Action=DescribeVpcs&MaxResults=many", "InvalidParameterValue"),
            ("Action=DescribeVpcs&DryRun=perhaps", "InvalidParameterValue"),
            ("Action=DescribeVpcs&MaxResults.1=5", "UnknownParameter"),
            ("Action=DescribeVpcs&MaxResults=5&MaxResults.1=5", "UnknownParameter"),
            ("Action=DescribeVpcs&Filter=x", "UnknownParameter"),
            ("Action=DescribeVpcs&Filter.x.Name=state", "UnknownParameter"),
        ],
    )
    async def test_what_no_client_sends_is_refused(self, world: Ec2World, query: str, code: str) -> None:
        scope = "AWS4-HMAC-SHA256 Credential=key/20260101/eu-central-1/ec2/aws4_request"
        headers = {"Authorization": scope, "Content-Type": "application/x-www-form-urlencoded"}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.post(world.aws.endpoint.url, data=query) as reply,
        ):
            assert (reply.status, f"<Code>{code}</Code>" in await reply.text()) == (400, True)


class TestEndpoint:
    async def test_calls_are_recorded_and_counted(self, world: Ec2World) -> None:
        await world.create()
        await world.refusal("delete_network_interface", NetworkInterfaceId="eni-0")
        assert world.aws.endpoint.calls == [
            Call("ec2", "CreateNetworkInterface", 200),
            Call("ec2", "DeleteNetworkInterface", 400, "InvalidNetworkInterfaceID.NotFound"),
        ]
        assert world.ec2.calls == {"CreateNetworkInterface": 1, "DeleteNetworkInterface": 1}

    async def test_the_connection_breaks_on_order_and_the_work_is_done(self, world: Ec2World) -> None:
        world.aws.endpoint.faults.add(operation="CreateNetworkInterface", before=False)
        with pytest.raises(Exception, match=r"closed|reset|aborted"):
            await world.create()
        assert len(await world.found()) == 1

    async def test_without_a_vpc_of_ours_all_of_it_is_moto_s(self) -> None:
        async with bare_world() as aws:
            assert await self.default_vpcs(aws) == 1
            aws.endpoint.ec2.network.create_vpc("10.0.0.0/16")
            assert await self.default_vpcs(aws) == 0

    async def default_vpcs(self, aws: World) -> int:
        vpcs = (await aws.call("ec2", "describe_vpcs"))["Vpcs"]
        return sum(vpc["IsDefault"] for vpc in vpcs)

    async def test_what_is_not_ours_is_moto_s(self, world: Ec2World) -> None:
        assert (await world.call("describe_availability_zones"))["AvailabilityZones"]

    async def test_calls_take_as_long_as_told(self, world: Ec2World) -> None:
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        world.ec2.sleep, world.ec2.knobs.latency_seconds = sleep, 0.2
        await world.found()
        assert slept == [0.2]
