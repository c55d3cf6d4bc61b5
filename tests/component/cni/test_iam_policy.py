"""The policy that the chart shows permits all that the daemon calls, and nothing else."""

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from botocore import xform_name

from addons.cni.aws.calls import OPERATIONS, RATES

ROOT = Path(__file__).parents[3]
POLICY = json.loads((ROOT / "charts/cni/files/iam-policy.json").read_text())
CLUSTER = "aws:ResourceTag/cluster.k8s.amazonaws.com/name"
DESTRUCTIVE = {
    "ec2:DeleteNetworkInterface",
    "ec2:DetachNetworkInterface",
    "ec2:ModifyNetworkInterfaceAttribute",
}


def statements(action: str) -> list[dict[str, Any]]:
    return [each for each in POLICY["Statement"] if action in each["Action"]]


def test_every_operation_is_permitted_and_no_other_one() -> None:
    permitted = {action for each in POLICY["Statement"] for action in each["Action"]}
    assert permitted == {f"ec2:{operation}" for operation in OPERATIONS["ec2"]}


def test_every_operation_is_called_somewhere_and_no_other_one() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "addons/cni").rglob("*.py"))
    called = set(re.findall(r'"ec2",\s*"([a-z_]+)"', sources))
    assert called == {xform_name(operation) for operation in OPERATIONS["ec2"]}


def test_what_changes_anything_names_the_kind_of_resource() -> None:
    wide = {action for each in POLICY["Statement"] if "*" in each["Resource"] for action in each["Action"]}
    assert all(action.startswith(("ec2:Describe", "ec2:Get")) for action in wide)


def test_interfaces_of_other_clusters_are_out_of_reach() -> None:
    for action in DESTRUCTIVE:
        for statement in statements(action):
            if "arn:aws:ec2:*:*:network-interface/*" in statement["Resource"]:
                assert statement["Condition"] == {"StringEquals": {CLUSTER: "example"}}


def test_every_operation_has_a_rate_and_changes_do_not_wait_for_looks() -> None:
    groups = {
        operation: next(
            key for key in RATES if fnmatchcase(f"ec2:{xform_name(operation)}", key) or key == "ec2"
        )
        for operation in OPERATIONS["ec2"]
    }
    assert groups["DescribeSubnets"] == groups["DescribeNetworkInterfaces"] == "ec2:describe_*"
    assert groups["AssignPrivateIpAddresses"] == "ec2:assign_*"
    assert groups["CreateNetworkInterface"] == groups["DeleteNetworkInterface"] == "ec2"


def test_nothing_is_sent_twice_by_botocore() -> None:
    assert RATES["ec2"].attempts == 1
