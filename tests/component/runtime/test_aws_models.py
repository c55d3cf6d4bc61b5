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


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: "" if name == "documentation" and isinstance(item, str) else _without(item)
            for name, item in value.items()
        }
    return [_without(item) for item in value] if isinstance(value, list) else value
