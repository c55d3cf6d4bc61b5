"""Certificates of the simulated ACM, as boto3 sees them."""

from collections.abc import AsyncIterator

import pytest

from tests.support.elbv2 import ElbWorld, elb_world


@pytest.fixture
async def world() -> AsyncIterator[ElbWorld]:
    async with elb_world() as running:
        yield running


async def test_certificates_are_listed_in_pages(world: ElbWorld) -> None:
    made = [world.acm.issue(f"{number}.example.com").arn for number in range(3)]
    aws = world.world.aws
    first = await aws.call("acm", "list_certificates", MaxItems=2)
    rest = await aws.call("acm", "list_certificates", MaxItems=2, NextToken=first["NextToken"])
    found = first["CertificateSummaryList"] + rest["CertificateSummaryList"]
    assert [each["CertificateArn"] for each in found] == made
    assert "NextToken" not in rest


async def test_only_those_of_a_status_are_listed(world: ElbWorld) -> None:
    world.acm.issue("a.example.com", status="PENDING_VALIDATION")
    issued = world.acm.issue("b.example.com").arn
    reply = await world.world.aws.call("acm", "list_certificates", CertificateStatuses=["ISSUED"])
    assert [each["CertificateArn"] for each in reply["CertificateSummaryList"]] == [issued]


async def test_a_certificate_tells_all_its_names(world: ElbWorld) -> None:
    arn = world.acm.issue("example.com", "*.example.com").arn
    reply = await world.world.aws.call("acm", "describe_certificate", CertificateArn=arn)
    assert reply["Certificate"]["SubjectAlternativeNames"] == ["example.com", "*.example.com"]


async def test_one_that_is_gone_is_not_found(world: ElbWorld) -> None:
    arn = world.acm.issue("example.com").arn
    world.acm.delete(arn)
    refusal = await world.world.aws.refusal("acm", "describe_certificate", CertificateArn=arn)
    assert refusal == ("ResourceNotFoundException", f"Could not find certificate {arn}.")
