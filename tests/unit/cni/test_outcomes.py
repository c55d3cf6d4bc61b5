"""After which failures EC2 must be asked what is true."""

import pytest

from addons.cni.model.actions import AssignAddresses
from addons.cni.model.outcomes import Applied
from addons.runtime.errors import (
    Conflict,
    Denied,
    Exhausted,
    Invalid,
    NotFound,
    OutsideError,
    Throttled,
    Unavailable,
    Withheld,
)

ACTION = AssignAddresses(eni_id="eni-1", count=1, because="a pod waits")


@pytest.mark.parametrize(
    ("kind", "code", "must_observe"),
    [
        (Unavailable, "InternalError", True),
        (Invalid, "InvalidParameterValue", True),
        (Conflict, "IncorrectState", True),
        (NotFound, "InvalidNetworkInterfaceID.NotFound", True),
        (Exhausted, "PrivateIpAddressLimitExceeded", True),
        (Exhausted, "AttachmentLimitExceeded", True),
        (Exhausted, "InsufficientFreeAddressesInSubnet", False),
        (Exhausted, "InsufficientCidrBlocks", False),
        (Throttled, "RequestLimitExceeded", False),
        (Denied, "UnauthorizedOperation", False),
        (Withheld, "Stopping", False),
    ],
)
def test_an_error_shows_whether_our_view_may_be_wrong(
    kind: type[OutsideError], code: str, must_observe: bool
) -> None:
    assert Applied(ACTION, kind("ec2: no", code=code)).must_observe is must_observe


def test_what_succeeded_is_as_it_says() -> None:
    assert not Applied(ACTION).must_observe
