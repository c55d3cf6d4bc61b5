"""botocore's descriptions without prose say the same as those with it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.session import Session

from addons.runtime.aws_models import SERVICES, use_lean_models

CALLS = {
    "acm": "list_certificates",
    "autoscaling": "describe_auto_scaling_groups",
    "elbv2": "describe_load_balancers",
    "route53": "list_hosted_zones",
    "sqs": "list_queues",
    "sts": "get_caller_identity",
}


@pytest.fixture(scope="module")
def full() -> Session:
    return Session()


@pytest.fixture(scope="module")
def lean() -> Session:
    session = Session()
    use_lean_models(session)
    return session


def signed(session: Session, service: str, region: str) -> tuple[str, str]:
    """Where a call goes, and for which region and service it is signed."""
    client = session.create_client(
        service, region_name=region, aws_access_key_id="key", aws_secret_access_key="secret"
    )
    url = urlsplit(client.generate_presigned_url(CALLS[service]))
    client.close()
    scope = parse_qs(url.query)["X-Amz-Credential"][0].split("/")
    return url.netloc, "/".join((scope[0], *scope[2:]))


@pytest.mark.parametrize("region", ["eu-central-1", "cn-north-1", "us-gov-west-1"])
@pytest.mark.parametrize("service", CALLS)
def test_calls_go_to_the_same_host_and_are_signed_alike(
    full: Session, lean: Session, service: str, region: str
) -> None:
    assert signed(lean, service, region) == signed(full, service, region)


@pytest.mark.parametrize("service", ["route53", "sts"])
def test_operations_and_shapes_are_the_same_but_for_their_documentation(
    full: Session, lean: Session, service: str
) -> None:
    model = full.get_component("data_loader").load_service_model(service, "service-2")
    assert lean.get_component("data_loader").load_service_model(service, "service-2") == _without(model)


def test_only_the_endpoints_of_our_services_are_kept(lean: Session) -> None:
    kept = lean.get_component("data_loader").load_data("endpoints")["partitions"]
    assert {name for partition in kept for name in partition["services"]} == set(SERVICES)


EC2_CALLS = ("CreateNetworkInterface", "DescribeNetworkInterfaces")


@pytest.fixture(scope="module")
def cut() -> Session:
    session = Session()
    use_lean_models(session, {"ec2": EC2_CALLS})
    return session


def test_a_service_that_is_cut_has_the_named_operations_alone(cut: Session) -> None:
    assert cut.get_service_model("ec2").operation_names == list(EC2_CALLS)


@pytest.mark.parametrize("operation", EC2_CALLS)
def test_an_operation_that_is_kept_takes_and_gives_all_that_it_did(
    lean: Session, cut: Session, operation: str
) -> None:
    assert _signature(cut, operation) == _signature(lean, operation)


def test_the_rest_of_a_cut_service_and_its_listings_stay(lean: Session, cut: Session) -> None:
    listing = "DescribeNetworkInterfaces"
    assert cut.get_service_model("ec2").metadata == lean.get_service_model("ec2").metadata
    paging, whole = (session.get_paginator_model("ec2").get_paginator(listing) for session in (cut, lean))
    assert paging == whole


def test_shapes_that_nobody_needs_any_more_are_gone(lean: Session, cut: Session) -> None:
    kept, all_of_them = (len(session.get_service_model("ec2").shape_names) for session in (cut, lean))
    assert 10 * kept < all_of_them


def test_other_services_are_whole(lean: Session, cut: Session) -> None:
    assert cut.get_service_model("sts").operation_names == lean.get_service_model("sts").operation_names


def test_an_operation_that_the_service_does_not_have_is_named() -> None:
    session = Session()
    use_lean_models(session, {"ec2": ["DescribeSubnets", "DescribeSubnet"]})
    with pytest.raises(LookupError, match=r"^no such operations: DescribeSubnet$"):
        session.get_service_model("ec2")


def _signature(session: Session, operation: str) -> tuple[object, ...]:
    model = session.get_service_model("ec2").operation_model(operation)
    return model.http, _spelled(model.input_shape, ()), _spelled(model.output_shape, ())


def _spelled(shape: Any, above: tuple[str, ...]) -> object:
    """All that a shape says, down to the last member; what contains itself ends there."""
    if shape.name in above:
        return shape.name
    below = (*above, shape.name)
    if shape.type_name == "structure":
        return {name: _spelled(member, below) for name, member in shape.members.items()}
    if shape.type_name == "list":
        return [_spelled(shape.member, below)]
    return (shape.type_name, shape.serialization)


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: "" if name == "documentation" and isinstance(item, str) else _without(item)
            for name, item in value.items()
        }
    return [_without(item) for item in value] if isinstance(value, list) else value
