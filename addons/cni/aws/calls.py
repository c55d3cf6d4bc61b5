"""What the daemon calls of EC2, and how fast."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from addons.runtime.bucket import Rate
from addons.runtime.errors import Exhausted, Invalid

OPERATIONS: Final = {
    "ec2": (
        "AssignPrivateIpAddresses",
        "AttachNetworkInterface",
        "CreateNetworkInterface",
        "CreateTags",
        "DeleteNetworkInterface",
        "DescribeInstanceTypes",
        "DescribeNetworkInterfaces",
        "DescribeRouteTables",
        "DescribeSubnets",
        "DescribeVpcs",
        "DetachNetworkInterface",
        "GetManagedPrefixListEntries",
        "ModifyNetworkInterfaceAttribute",
        "UnassignPrivateIpAddresses",
    )
}
"""All that is ever called: what the session needs to know of EC2, and the policy to allow."""

RATES: Final = {
    "ec2:describe_*": Rate(per_second=5, burst=40),
    "ec2:assign_*": Rate(per_second=1, burst=10),
    "ec2": Rate(per_second=2, burst=20, attempts=1),
}
"""Calls of one node. An account has 20 describing and 5 changing ones a second for all its nodes.

Pods wait for addresses, so these do not queue behind the making of interfaces. botocore sends nothing twice:
an AssignPrivateIpAddresses whose answer was lost would take as many addresses again.
"""


def filters(wanted: Mapping[str, str | list[str]]) -> list[dict[str, str | list[str]]]:
    """What a listing is to be narrowed to, as EC2 takes it: by name one value or several."""
    return [
        {"Name": name, "Values": [value] if isinstance(value, str) else value}
        for name, value in wanted.items()
    ]


@contextmanager
def exhaustion_told() -> Iterator[None]:
    """Have a subnet that is full told as Exhausted.

    Of single addresses EC2 says InsufficientFreeAddressesInSubnet; of prefixes it says so only where there
    are enough addresses, but not in blocks, and calls it the caller's mistake where there are too few.
    """
    try:
        yield
    except Invalid as error:
        if "sufficient free ipv4 addresses" not in error.message.lower():
            raise
        raise Exhausted(error.message, code="InsufficientCidrBlocks", status=error.status) from error
