"""Why a launch failed, by AWS's words."""

from datetime import UTC, datetime
from typing import Any

import pytest

from addons.autoscaler.aws.activities import settled_until
from addons.autoscaler.aws.failed_launches import Activity, activity_from_api, code_of

WORDS = {
    "OutOfCapacity": [
        "We currently do not have sufficient m5.large capacity in the Availability Zone you requested "
        "(us-east-1a). Launching EC2 instance failed.",
        "Could not launch Spot Instances. InsufficientInstanceCapacity - There is no Spot capacity available "
        "that matches your request.",
        "Could not launch Spot Instances. UnfulfillableCapacity - Unable to fulfill capacity due to your "
        "request configuration.",
        "Could not launch Spot Instances. SpotMaxPriceTooLow - Your Spot request price of 0.01 is lower than "
        "the minimum required Spot request fulfillment price of 0.02.",
    ],
    "SubnetFull": [
        "InsufficientFreeAddressesInSubnet - There are not enough free addresses in subnet 'subnet-1' to "
        "satisfy the requested number of instances.",
    ],
    "QuotaExceeded": [
        "Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity "
        "than your current vCPU limit of 32 allows for the instance bucket.",
        "Could not launch Spot Instances. MaxSpotInstanceCountExceeded - Max spot instance count exceeded.",
        "Your quota allows for 0 more running instance(s). InstanceLimitExceeded",
    ],
    "LaunchTemplateInvalid": [
        "The image id '[ami-0]' does not exist. Launching EC2 instance failed.",
        "The security group 'sg-1' does not exist in VPC 'vpc-1'.",
        "Client.InternalError: Client error on launch.",
        "Invalid IamInstanceProfile: web",
        "You must use a valid fully-formed launch template. The key pair 'x' does not exist.",
        "Your requested instance type (m5.large) is not supported in your requested Availability Zone.",
    ],
    "Other": ["Instance became unhealthy while waiting for instance to be in InService state.", "?"],
}
BEGAN = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "words"), [(code, words) for code, listed in WORDS.items() for words in listed]
)
def test_words_have_a_code(code: str, words: str) -> None:
    assert code_of(words) == code


def activity(**more: Any) -> dict[str, Any]:
    """An activity as the API has it."""
    return {
        "ActivityId": "1",
        "Description": "Launching a new EC2 instance.  Status Reason: sorry",
        "StartTime": BEGAN,
        "StatusCode": "Failed",
        "StatusMessage": "no  sufficient\ncapacity",
        **more,
    }


def test_a_failure_has_its_words_on_one_line_and_its_zone() -> None:
    failure = activity_from_api(activity(Details='{"Availability Zone": "x-1a"}')).failure
    assert failure
    assert (failure.message, failure.zone, failure.at) == (
        "no sufficient capacity",
        "x-1a",
        BEGAN.timestamp(),
    )


@pytest.mark.parametrize("details", ["", "{", "[]", '{"Availability Zone": 5}', None])
def test_odd_details_have_no_zone(details: object) -> None:
    failure = activity_from_api(activity(Details=details)).failure
    assert failure
    assert failure.zone == ""


@pytest.mark.parametrize(
    "more",
    [
        {"StatusCode": "Successful"},
        {"StatusCode": "InProgress"},
        {"Description": "Terminating EC2 instance: i-1"},
    ],
)
def test_what_did_not_fail_to_launch_is_no_failure(more: dict[str, str]) -> None:
    assert activity_from_api(activity(**more)).failure is None


def test_what_is_under_way_is_read_again_until_it_has_ended() -> None:
    ended, running = Activity("1", 50.0, True), Activity("2", 40.0, False)
    assert settled_until([ended, running], 10.0) == 40.0
    assert settled_until([ended], 10.0) == 50.0
    assert settled_until([], 10.0) == 10.0
