"""What the autoscaler chart lets the daemon do in the cluster, and the policy and notes that it prints."""

import json
from typing import Any

import pytest

from tests.support.charts import CHARTS, Object, Values, cases, installed, render, render_files, values

CHART = CHARTS / "autoscaler"
READ = ("list", "watch")
SEEN = (
    *("namespaces", "nodes", "persistentvolumeclaims", "persistentvolumes", "pods"),
    *("replicationcontrollers", "daemonsets", "replicasets", "statefulsets", "jobs"),
    *("poddisruptionbudgets", "csinodes", "storageclasses"),
)
Grants = set[tuple[str, str]]


def objects(*more: Values) -> list[Object]:
    """All that an install makes."""
    return installed(render(values(*more, chart="autoscaler"), CHART))


def granted(found: list[Object], kind: str, namespace: str = "") -> Grants:
    """(verb, resource) of every rule of this kind of role, in one namespace."""
    return {
        (verb, resource)
        for role in found
        if role["kind"] == kind and role["metadata"].get("namespace", "") == namespace
        for rule in role["rules"]
        for verb in rule["verbs"]
        for resource in rule["resources"]
    }


def pairs(verbs: tuple[str, ...], *resources: str) -> Grants:
    return {(verb, resource) for verb in verbs for resource in resources}


EVENTS = pairs(("create", "patch"), "events")
LEADS = pairs(("create", "get", "patch"), "leases")
REMEMBERS = pairs(("create", "get", "list", "patch", "watch"), "configmaps")
WRITES = EVENTS | {("get", "nodes"), ("patch", "nodes"), ("create", "pods/eviction")}


def test_it_reads_what_a_scheduler_reads_patches_nodes_and_evicts_pods_and_deletes_nothing() -> None:
    found = objects()
    assert granted(found, "ClusterRole") == pairs(READ, *SEEN) | WRITES
    assert granted(found, "Role", "kube-system") == LEADS | EVENTS | REMEMBERS
    every = {
        verb for role in found if role["kind"].endswith("Role") for r in role["rules"] for verb in r["verbs"]
    }
    assert every == {"create", "get", "list", "patch", "watch"}


def test_a_dry_run_may_write_nothing() -> None:
    found = objects({"config": {"dryRun": True}})
    assert granted(found, "ClusterRole") == pairs(READ, *SEEN)
    assert granted(found, "Role", "kube-system") == pairs((*READ, "get"), "configmaps") | {("get", "leases")}


def test_config_maps_are_read_and_patched_by_their_names_alone() -> None:
    found = objects({"config": {"statusConfigMapName": "mine"}})
    (role,) = [obj for obj in found if obj["kind"] == "Role" and obj["metadata"]["name"].endswith("-memory")]
    named = {tuple(rule.get("resourceNames", ())): rule["verbs"] for rule in role["rules"]}
    assert named == {
        ("aws-autoscaler-intents", "mine"): ["get", "patch"],
        ("aws-addons-autoscaler-rolls",): ["list", "watch"],
        (): ["create"],
    }


def test_priorities_are_read_only_where_the_expander_goes_by_them() -> None:
    found = objects({"config": {"expander": ["priority", "least-waste"]}})
    (role,) = [obj for obj in found if obj["kind"] == "Role" and obj["metadata"]["name"].endswith("-memory")]
    watched = [rule["resourceNames"] for rule in role["rules"] if rule["verbs"] == ["list", "watch"]]
    assert watched == [["aws-addons-autoscaler-rolls"], ["cluster-autoscaler-priority-expander"]]


def test_config_maps_may_be_kept_in_another_namespace() -> None:
    found = render(cases("autoscaler")["other-namespace"], CHART)
    assert granted(found, "Role", "operations") == REMEMBERS
    assert granted(found, "Role", "kube-system") == LEADS | EVENTS


def test_the_lease_of_the_original_is_looked_at_and_not_touched() -> None:
    found = render(values(chart="autoscaler"), CHART, namespace="tools")
    assert granted(found, "Role", "kube-system") == {("get", "leases")}
    (role,) = [
        obj for obj in found if obj["kind"] == "Role" and obj["metadata"]["namespace"] == "kube-system"
    ]
    assert role["rules"][0]["resourceNames"] == ["cluster-autoscaler"]


def notes(*more: Values) -> str:
    """What Helm prints after an install."""
    return render_files(values(*more, chart="autoscaler"), CHART)["autoscaler/templates/NOTES.txt"]


def policy(*more: Values) -> dict[str, Any]:
    """The statements of the IAM policy in the notes, by their names."""
    text = notes(*more)
    found = json.loads(text[text.index("\n  {\n") : text.rindex("\n  }\n") + 4])
    return {statement.pop("Sid"): statement for statement in found["Statement"]}


QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/example-interruptions"
CHANGES = {"autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"}
ANSWERS = {"autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat"}


def discovered(*specs: str) -> Values:
    """Values with groups by tags."""
    return {"config": {"nodeGroupAutoDiscovery": list(specs)}}


def test_the_policy_is_the_file_of_the_chart_for_the_groups_that_are_chosen() -> None:
    whole = json.loads((CHART / "files/iam-policy.json").read_text())["Statement"]
    found = policy({"config": {"interruptionQueue": QUEUE}})
    assert found.keys() == {statement["Sid"] for statement in whole}
    for statement in whole:
        given = found[statement.pop("Sid")]
        assert set(given["Action"]) == set(statement["Action"])
        if given.get("Condition"):
            assert given == {**statement, "Action": given["Action"]}


def test_only_groups_with_all_tags_of_a_spec_may_be_changed() -> None:
    found = policy(discovered("asg:tag=a,b=c=d", "asg:tag=team=web,owner="))
    assert found["ChangeGroupsByTag"]["Condition"] == {
        "Null": {"aws:ResourceTag/a": "false"},
        "StringEquals": {"aws:ResourceTag/b": "c=d"},
    }
    assert found["ChangeGroupsByTag2"]["Condition"] == {
        "StringEquals": {"aws:ResourceTag/team": "web", "aws:ResourceTag/owner": ""}
    }
    assert set(found["ChangeGroupsByTag"]["Action"]) == CHANGES


def test_groups_by_name_may_be_changed_by_their_names() -> None:
    found = policy(discovered(), {"config": {"nodes": ["0:10:web", "1:5:a:b"]}})
    assert found.keys() == {"Look", "ChangeGroupsByName"}
    assert [
        arn.rpartition("autoScalingGroupName/")[2] for arn in found["ChangeGroupsByName"]["Resource"]
    ] == [
        "web",
        "a:b",
    ]


def test_a_queue_may_be_read_only_where_one_is_named() -> None:
    assert "ReadInterruptions" not in policy()
    found = policy({"config": {"interruptionQueue": QUEUE}})
    assert found["ReadInterruptions"]["Resource"] == [
        "arn:aws:sqs:eu-central-1:123456789012:example-interruptions"
    ]
    assert set(found["ChangeGroupsByTag"]["Action"]) == CHANGES | ANSWERS
    elsewhere = policy({"config": {"interruptionQueue": "http://localhost:4566/queue/example"}})
    assert elsewhere["ReadInterruptions"]["Resource"] == ["arn:aws:sqs:*:*:example"]


def test_nothing_of_a_group_is_changed_without_a_condition_or_a_name() -> None:
    for name, statement in policy({"config": {"nodes": ["0:1:web"], "interruptionQueue": QUEUE}}).items():
        reads = all(":Describe" in each or ":Get" in each for each in statement["Action"])
        assert reads or "Condition" in statement or statement["Resource"] != ["*"], name


def test_the_notes_say_what_is_looked_after_and_what_is_unusual() -> None:
    assert notes().startswith("autoscaler ")
    assert "every group with the tags k8s.io/cluster-autoscaler/enabled, k8s.io/" in notes()
    more = notes(
        {"config": {"nodes": ["0:10:web"], "dryRun": True, "scaleDownEnabled": False, "allowSpot": True}}
    )
    assert "group web, 0 to 10 nodes\n" in more
    assert "config.dryRun is set" in more
    assert "config.scaleDownEnabled is false" in more
    assert "config.allowSpot is set" in more


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:r"}}},
            "The role arn:r needs",
        ),
        (
            {"podAnnotations": {"iam.amazonaws.com/role": "asg"}},
            "The role asg, which iamproxy gives the pods",
        ),
        ({}, "names no IAM role"),
    ],
)
def test_the_notes_say_whose_role_the_policy_is_for(given: Values, words: str) -> None:
    assert words in notes(given)
