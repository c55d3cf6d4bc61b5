"""docs/iam.md has every permission of the policies that the charts bring, and calls that AWS knows."""

import json
import re
from pathlib import Path

import boto3
import pytest

from addons.registry import daemons

ROOT = Path(__file__).parents[2]
SERVICES = {"elasticloadbalancing": "elbv2", "tag": "resourcegroupstaggingapi"}
"""What boto3 calls the services whose permissions have another name."""

WITHOUT_A_CALL = {"elasticloadbalancing:SetWebAcl", "sts:TagSession"}
"""AWS asks for them when another call attaches a web ACL, or names tags of a session."""


def permitted(daemon: str) -> set[str]:
    """The permissions in the policy of a chart."""
    policy = json.loads((ROOT / "charts" / daemon / "files" / "iam-policy.json").read_text())
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def told(daemon: str) -> set[str]:
    """The permissions in the rows of a daemon's table."""
    page = (ROOT / "docs" / "iam.md").read_text()
    section = page.partition(f"\n## {daemon}\n")[2].partition("\n## ")[0]
    first_cells = re.findall(r"^\| (.+?) \|", section, re.MULTILINE)
    return set(re.findall(r"`([a-z0-9]+:[A-Z]\w+)`", " ".join(first_cells)))


@pytest.mark.parametrize("daemon", daemons())
def test_every_permission_of_the_policy_is_told(daemon: str) -> None:
    assert permitted(daemon)
    assert permitted(daemon) - told(daemon) == set()


@pytest.mark.parametrize("daemon", daemons())
def test_what_is_told_is_a_call_of_aws(daemon: str) -> None:
    for permission in told(daemon) - WITHOUT_A_CALL:
        service, _, operation = permission.partition(":")
        name = SERVICES.get(service, service)
        client = boto3.client(name, region_name="eu-central-1")
        assert operation in client.meta.service_model.operation_names, permission
