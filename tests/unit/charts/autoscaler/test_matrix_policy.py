"""The IAM policy of the Job of an ASG matrix: what its commands call, and what CloudFormation does then."""

import json
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from addons.autoscaler.aws.stack_calls import OPERATIONS
from addons.autoscaler.matrix.names import name_of
from addons.autoscaler.matrix.spec import spec_of
from addons.autoscaler.matrix.template import template_of
from tests.support.as_matrix import base, example
from tests.support.charts import CHARTS, Values, render_files, values

CHART = CHARTS / "autoscaler"
WHOLE = json.loads((CHART / "files/iam-policy-matrix.json").read_text())["Statement"]
ALLOWED = {action for statement in WHOLE for action in statement["Action"]}
CALLED = {f"{service}:{name}" for service, names in OPERATIONS.items() for name in names}
FILE: Values = {"matrix": {"existingConfigMap": "groups"}}
APPLY: Values = {"matrix": {"command": "apply"}}
PRUNE: Values = {"matrix": {"command": "apply", "prune": {"enabled": True}}}
ROLL: Values = {"matrix": {"command": "apply", "roll": {"enabled": True}}}
ALL: Values = {"matrix": {"command": "apply", "roll": {"enabled": True}, "prune": {"enabled": True}}}

OF_OTHERS = {
    "autoscaling:*MetricsCollection": "MetricsCollection",
    "cloudwatch:PutMetricAlarm": "MetricsCollection",
    "autoscaling:*NotificationConfiguration": "NotificationConfigurations",
    "autoscaling:*LoadBalancers": "LoadBalancerNames",
    "autoscaling:*LoadBalancerTargetGroups": "TargetGroupARNs",
    "elasticloadbalancing:*": "TargetGroupARNs",
    "autoscaling:*TrafficSources": "TrafficSources",
    "vpc-lattice:*": "TrafficSources",
    "ec2:Get*": "MixedInstancesPolicy",
    "managed-fleets:*": "ManagedFleet",
    "autoscaling:*InstanceRefresh": "UpdatePolicy",
    "autoscaling:ResumeProcesses": "UpdatePolicy",
}
"""What CloudFormation may need for a kind of resource, and of which part: no template of ours has it."""


def permits(action: str, of: set[str]) -> bool:
    """Whether some action, or one that a pattern such as ssm:Get* stands for, is among others."""
    return any(fnmatchcase(action, each) or fnmatchcase(each, action) for each in of)


def handled(kind: str) -> set[str]:
    """The permissions that CloudFormation names for making, changing and deleting a kind of resource."""
    schema: Any = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-central-1", kind)
    handlers = schema.schema["handlers"]
    return set(chain.from_iterable(handlers[each]["permissions"] for each in ("create", "update", "delete")))


def resources() -> list[dict[str, Any]]:
    """All resources of all templates of two matrices."""
    cells = [*example().cells, *base().cells]
    return [each for cell in cells for each in template_of(cell, spec_of(cell).launch)["Resources"].values()]


KINDS = sorted({each["Type"] for each in resources()})


def notes(*more: Values) -> str:
    """What Helm prints after an install."""
    return render_files(values(FILE, *more, chart="autoscaler"), CHART)["autoscaler/templates/NOTES.txt"]


def policy(*more: Values) -> dict[str, Any]:
    """The statements of the policy of the Job in the notes, by their names."""
    text = notes(*more)
    found = json.loads(text[text.rindex("\n  {\n") : text.rindex("\n  }\n") + 4])
    return {statement.pop("Sid"): statement for statement in found["Statement"]}


def actions(*more: Values) -> set[str]:
    return {action for statement in policy(*more).values() for action in statement["Action"]}


def test_all_that_the_commands_call_is_allowed() -> None:
    assert {each for each in CALLED if not permits(each, ALLOWED)} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_cloudformation_may_do_what_it_needs_for_each_kind_of_resource(kind: str) -> None:
    missing = {each for each in handled(kind) if not permits(each, ALLOWED)}
    assert {each for each in missing if not permits(each, set(OF_OTHERS))} == set()


def test_no_template_has_a_part_whose_permissions_are_left_out() -> None:
    parts = {part for each in resources() for part in [*each, *each["Properties"]]}
    assert parts & set(OF_OTHERS.values()) == set()


def test_nothing_is_allowed_that_nobody_needs() -> None:
    needed = CALLED.union(*(handled(kind) for kind in KINDS)) | {"cloudformation:TagResource"}
    assert {each for each in ALLOWED if not permits(each, needed)} == set()


def test_a_plan_may_only_read() -> None:
    assert actions() == {"cloudformation:DescribeStacks", "ssm:GetParameters"}


def test_apply_may_end_no_instance_and_prune_may() -> None:
    ends = "autoscaling:TerminateInstanceInAutoScalingGroup"
    assert ends not in actions(APPLY)
    assert "autoscaling:CreateAutoScalingGroup" in actions(APPLY)
    assert actions(ALL) == ALLOWED


def test_roll_and_prune_have_what_each_of_them_needs() -> None:
    assert policy(ROLL).keys() - policy(APPLY).keys() == {"EmptyGroups", "RollGroups"}
    assert policy(PRUNE).keys() ^ policy(ROLL).keys() == {"RollGroups", "ReadStacks"}


def test_a_dry_run_may_only_read() -> None:
    given = policy(ALL, {"config": {"dryRun": True}})
    assert given.keys() == {"Plan", "LookAtGroups"}


def test_the_policy_is_the_file_of_the_chart() -> None:
    assert policy(ALL) == {
        each["Sid"]: {key: value for key, value in each.items() if key != "Sid"} for each in WHOLE
    }


def test_only_named_roles_are_handed_over_and_only_to_instances() -> None:
    role = "arn:aws:iam::123456789012:role/node"
    found = policy(APPLY, {"matrix": {"nodeRoles": [role]}})["HandOverRolesOfNodes"]
    assert found["Resource"] == [role]
    assert found["Condition"] == {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}


@pytest.mark.parametrize("cluster", ["example", "My_Cluster.1", "2024", "x" * 100])
def test_what_is_changed_is_of_the_cluster_by_its_name(cluster: str) -> None:
    found = policy(ALL, {"config": {"clusterName": cluster}})
    stack = name_of(cluster, "web", "m5.large", "spot", "eu-central-1a")
    for sid, place in (
        ("ChangeStacks", f"arn:aws:cloudformation:r:1:stack/{stack}/id"),
        ("ReadStacks", f"arn:aws:cloudformation:r:1:stack/{stack}/id"),
        ("ChangeGroups", f"arn:aws:autoscaling:r:1:autoScalingGroup:id:autoScalingGroupName/{stack}"),
        ("RollGroups", f"arn:aws:autoscaling:r:1:autoScalingGroup:id:autoScalingGroupName/{stack}"),
        ("EmptyGroups", f"arn:aws:autoscaling:r:1:autoScalingGroup:id:autoScalingGroupName/{stack}"),
    ):
        (pattern,) = found[sid]["Resource"]
        assert fnmatchcase(place, pattern)
        assert not fnmatchcase(place.replace(stack, f"other-{stack}"), pattern)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:r"}}},
            "Its role arn:r needs",
        ),
        (
            {"podAnnotations": {"iam.amazonaws.com/role": "asg"}},
            "Its role asg, which iamproxy gives its pods",
        ),
        ({}, "matrix.serviceAccount.annotations names no IAM role"),
    ],
)
def test_the_notes_say_whose_role_the_policy_is_for(given: Values, words: str) -> None:
    assert words in notes({"matrix": given})
