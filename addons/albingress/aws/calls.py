"""What the daemon calls of AWS, and how fast."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

from addons.runtime.bucket import Rate

T = TypeVar("T")

OPERATIONS: Final = {
    "acm": ("DescribeCertificate", "ListCertificates"),
    "ec2": (
        "AuthorizeSecurityGroupIngress",
        "CreateSecurityGroup",
        "CreateTags",
        "DeleteSecurityGroup",
        "DeleteTags",
        "DescribeAvailabilityZones",
        "DescribeNetworkInterfaces",
        "DescribeRouteTables",
        "DescribeSecurityGroups",
        "DescribeSubnets",
        "DescribeVpcs",
        "RevokeSecurityGroupIngress",
    ),
    "elbv2": (
        "AddListenerCertificates",
        "AddTags",
        "CreateListener",
        "CreateLoadBalancer",
        "CreateRule",
        "CreateTargetGroup",
        "DeleteListener",
        "DeleteLoadBalancer",
        "DeleteRule",
        "DeleteTargetGroup",
        "DeregisterTargets",
        "DescribeAccountLimits",
        "DescribeListenerAttributes",
        "DescribeListenerCertificates",
        "DescribeListeners",
        "DescribeLoadBalancerAttributes",
        "DescribeLoadBalancers",
        "DescribeRules",
        "DescribeTags",
        "DescribeTargetGroupAttributes",
        "DescribeTargetGroups",
        "DescribeTargetHealth",
        "ModifyListener",
        "ModifyListenerAttributes",
        "ModifyLoadBalancerAttributes",
        "ModifyRule",
        "ModifyTargetGroup",
        "ModifyTargetGroupAttributes",
        "RegisterTargets",
        "RemoveListenerCertificates",
        "RemoveTags",
        "SetIpAddressType",
        "SetRulePriorities",
        "SetSecurityGroups",
        "SetSubnets",
    ),
    "resourcegroupstaggingapi": ("GetResources",),
    "wafv2": ("AssociateWebACL", "DisassociateWebACL", "GetWebACLForResource"),
}
"""All that is ever called: what the session needs to know of AWS, and the policy to allow."""

RATES: Final = {
    "elbv2:register_targets": Rate(per_second=10, burst=60),
    "elbv2:deregister_targets": Rate(per_second=10, burst=60),
    "elbv2:describe_target_health": Rate(per_second=5, burst=20),
    "elbv2:describe_*": Rate(per_second=10, burst=40),
    "elbv2:create_*": Rate(per_second=10, burst=120),
    "elbv2": Rate(per_second=10, burst=60),
    "ec2:describe_*": Rate(per_second=10, burst=40),
    "ec2": Rate(per_second=5, burst=50),
    "acm": Rate(per_second=5, burst=20),
    "resourcegroupstaggingapi": Rate(per_second=5, burst=10),
    "wafv2": Rate(per_second=1, burst=5),
}
"""Targets wait for nothing but other targets. AWS documents 40 calls at once and 10 a second for all that
describes; where the account has less left of it or of the others, the buckets give way."""

AUDIT_RATE: Final = Rate(per_second=2, burst=2)
"""What an audit may take of it."""

MOST_ARNS: Final = 20
"""In one DescribeTags, DescribeLoadBalancers and so on."""


def chunks(values: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """The values in order, in parts of so many."""
    listed = list(values)
    for start in range(0, len(listed), size):
        yield listed[start : start + size]
