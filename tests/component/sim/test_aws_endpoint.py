"""One endpoint for all services: who is called, what is recorded, how calls fail on order."""

import socket
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest
from botocore.exceptions import BotoCoreError

from addons.sim.aws.server import Call
from tests.support.aws import World, ZoneClient, create, record, world
from tests.support.processes import output_of


@pytest.fixture
async def aws() -> AsyncIterator[World]:
    async with world() as running:
        yield running


class TestServices:
    """Route 53 and STS are ours, every other service is moto's, whatever protocol it speaks."""

    @pytest.mark.parametrize(
        ("service", "method", "signed_as", "operation"),
        [
            ("sts", "get_caller_identity", "sts", "GetCallerIdentity"),
            ("iam", "list_roles", "iam", "ListRoles"),
            ("elbv2", "describe_load_balancers", "elasticloadbalancing", "DescribeLoadBalancers"),
            ("autoscaling", "describe_auto_scaling_groups", "autoscaling", "DescribeAutoScalingGroups"),
            ("acm", "list_certificates", "acm", "ListCertificates"),
            ("eks", "list_clusters", "eks", "ListClusters"),
            ("shield", "list_protections", "shield", "ListProtections"),
        ],
    )
    async def test_each_call_is_answered_and_recorded(
        self, aws: World, service: str, method: str, signed_as: str, operation: str
    ) -> None:
        await aws.call(service, method)
        assert aws.endpoint.calls == [Call(signed_as, operation, 200)]

    async def test_a_call_without_a_signature_is_one_for_credentials(self, aws: World) -> None:
        code, _ = await aws.refusal(
            "sts",
            "assume_role_with_web_identity",
            RoleArn="arn:aws:iam::123456789012:role/example",
            RoleSessionName="session",
            WebIdentityToken="token",
        )
        assert aws.endpoint.calls == [Call("sts", "AssumeRoleWithWebIdentity", 400, code)]

    async def test_an_error_of_a_service_is_recorded_with_its_code(self, aws: World) -> None:
        code, _ = await aws.refusal("iam", "get_role", RoleName="missing")
        assert aws.endpoint.calls == [Call("iam", "GetRole", 404, code)]
        code, _ = await aws.refusal("acm", "describe_certificate", CertificateArn="arn:missing")
        assert aws.endpoint.calls[-1] == Call("acm", "DescribeCertificate", 400, code)

    async def test_every_endpoint_starts_empty(self, aws: World) -> None:
        await aws.call("iam", "create_user", UserName="first")
        async with world() as other:
            assert (await other.call("iam", "list_users"))["Users"] == []

    async def test_one_more_socket_leads_to_the_same_services(self, aws: World) -> None:
        url = await aws.endpoint.listen(socket.create_server(("127.0.0.1", 0)))
        assert url != aws.endpoint.url
        async with aiohttp.ClientSession() as http, http.get(f"{url}/2013-04-01/hostedzone") as reply:
            assert "<Code>" in await reply.text()
        assert len(aws.endpoint.calls) == 1

    async def test_an_endpoint_that_comes_back_knows_what_it_knew(self, aws: World) -> None:
        await aws.call("iam", "create_user", UserName="first")
        zone = await ZoneClient.create(aws)
        port = int(aws.endpoint.url.rpartition(":")[2])
        await aws.endpoint.stop()
        with pytest.raises(BotoCoreError):
            await zone.records()
        await aws.endpoint.start(port=port)
        assert await zone.records() == []
        assert len((await aws.call("iam", "list_users"))["Users"]) == 1

    async def test_a_refused_change_is_recorded(self, aws: World) -> None:
        zone = await ZoneClient.create(aws)
        await zone.refused(create(record("a.example.com", "192.0.2.1")))
        assert aws.endpoint.calls[1:] == [
            Call("route53", "ChangeResourceRecordSets", 400, "InvalidChangeBatch")
        ]
        assert aws.endpoint.route53.calls == {"CreateHostedZone": 1, "ChangeResourceRecordSets": 1}

    async def test_an_operation_that_is_not_there_is_not_found(self, aws: World) -> None:
        code, _ = await aws.refusal("route53", "list_traffic_policies")
        assert code == "UnknownOperation"

    async def test_a_body_that_is_no_xml_is_refused(self, aws: World) -> None:
        scope = "Credential=key/20260101/us-east-1/route53/aws4_request"
        async with aiohttp.ClientSession(headers={"Authorization": f"AWS4-HMAC-SHA256 {scope}"}) as client:
            for body in (b"", b"<broken", b"<Other/>"):
                url = f"{aws.endpoint.url}/2013-04-01/hostedzone"
                async with client.post(url, data=body) as reply:
                    assert reply.status == 400
                    assert "<Code>InvalidInput</Code>" in await reply.text()


class TestFaults:
    """The next N calls of an operation fail as ordered."""

    async def test_a_refused_call_has_no_effect(self, aws: World) -> None:
        zone = await ZoneClient.create(aws)
        aws.endpoint.faults.add(
            operation="ChangeResourceRecordSets", times=2, code="Throttling", message="Rate exceeded"
        )
        change = create(record("a.example.org", "192.0.2.1"))
        for _ in range(2):
            assert await zone.refused(change, code="Throttling") == "Rate exceeded"
        assert await zone.records() == []
        await zone.change(change)

    async def test_a_lost_answer_leaves_the_change_behind(self, aws: World) -> None:
        zone = await ZoneClient.create(aws)
        aws.endpoint.faults.add(
            operation="ChangeResourceRecordSets", code="InternalFailure", status=500, before=False
        )
        change = create(record("a.example.org", "192.0.2.1"))
        await zone.refused(change, code="InternalFailure")
        assert await zone.names() == ["a.example.org."]
        assert aws.endpoint.calls[1] == Call("route53", "ChangeResourceRecordSets", 500, "InternalFailure")

    async def test_without_a_code_the_connection_breaks(self, aws: World) -> None:
        aws.endpoint.faults.add(operation="ListHostedZones")
        with pytest.raises(BotoCoreError):
            await aws.call("route53", "list_hosted_zones")
        await aws.call("route53", "list_hosted_zones")

    async def test_a_fault_lasts_until_it_is_cleared(self, aws: World) -> None:
        aws.endpoint.faults.add(operation="ListHostedZones", times=None, code="AccessDenied", status=403)
        for _ in range(3):
            assert (await aws.refusal("route53", "list_hosted_zones"))[0] == "AccessDenied"
        aws.endpoint.faults.clear()
        await aws.call("route53", "list_hosted_zones")

    @pytest.mark.parametrize(
        ("service", "method", "operation"),
        [
            ("ec2", "describe_vpcs", "DescribeVpcs"),
            ("elbv2", "describe_load_balancers", "DescribeLoadBalancers"),
            ("acm", "list_certificates", "ListCertificates"),
            ("eks", "list_clusters", "ListClusters"),
            ("shield", "list_protections", "ListProtections"),
            ("route53", "list_hosted_zones", "ListHostedZones"),
        ],
    )
    async def test_every_protocol_carries_the_error(
        self, aws: World, service: str, method: str, operation: str
    ) -> None:
        aws.endpoint.faults.add(operation=operation, code="Broken", message="a < b & c", status=503)
        assert await aws.refusal(service, method) == ("Broken", "a < b & c")

    async def test_a_service_narrows_the_order(self, aws: World) -> None:
        aws.endpoint.faults.add(operation="ListHostedZones", service="other", code="Broken")
        await aws.call("route53", "list_hosted_zones")


def test_dns_alone_starts_without_moto() -> None:
    script = "import sys, addons.sim.aws.server, addons.sim.nameserver; print('moto' in sys.modules)"
    assert output_of(sys.executable, "-c", script) == "False\n"
