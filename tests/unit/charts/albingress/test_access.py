"""What the albingress chart grants: roles by namespace and setting, and the IAM policy in its notes."""

import json
from typing import Any

import pytest

from addons.albingress.aws.calls import OPERATIONS
from tests.support.charts import (
    CHARTS,
    Object,
    Values,
    is_hook,
    is_webhook,
    only,
    render,
    render_files,
    values,
)

CHART = CHARTS / "albingress"
Grants = set[tuple[str, str]]

READ = ("list", "watch")
OF_NAMESPACES = ("ingresses", "services", "endpointslices", "pods", "targetgroupbindings")
OF_THE_CLUSTER = ("ingressclasses", "ingressclassparams", "nodes", "namespaces")


def objects(*more: Values) -> list[Object]:
    """All that the chart renders."""
    return render(values(*more, chart="albingress"), CHART)


def granted(found: list[Object], kind: str, namespace: str = "", *, to_webhook: bool = False) -> Grants:
    """(verb, resource) of every rule of this kind of role, in one namespace."""
    return {
        (verb, resource)
        for role in found
        if role["kind"] == kind and role["metadata"].get("namespace", "") == namespace and not is_hook(role)
        if is_webhook(role) == to_webhook
        for rule in role["rules"]
        for verb in rule["verbs"]
        for resource in rule["resources"]
    }


def pairs(verbs: tuple[str, ...], resources: tuple[str, ...]) -> Grants:
    return {(verb, resource) for verb in verbs for resource in resources}


def reads(*resources: str) -> Grants:
    """The grants to keep a cache of these resources."""
    return pairs(READ, resources)


EVENTS = pairs(("create", "patch"), ("events",))
LEADS = pairs(("create", "get", "patch"), ("leases",))
WRITES = EVENTS | pairs(
    ("patch",),
    (
        "ingresses",
        "ingresses/status",
        "pods/status",
        "targetgroupbindings",
        "targetgroupbindings/status",
    ),
)


def test_it_reads_what_ingresses_lead_to_and_writes_statuses_finalizers_and_events() -> None:
    found = objects()
    read = reads(*OF_NAMESPACES, *OF_THE_CLUSTER)
    assert granted(found, "ClusterRole") == read | WRITES
    assert granted(found, "Role", "kube-system") == LEADS | EVENTS


def test_a_dry_run_may_write_nothing() -> None:
    found = objects({"config": {"dryRun": True}})
    assert granted(found, "ClusterRole") == reads(*OF_NAMESPACES, *OF_THE_CLUSTER)
    assert granted(found, "Role", "kube-system") == {("get", "leases")}


def test_in_one_namespace_only_classes_nodes_and_namespaces_are_read_beyond_it() -> None:
    found = objects({"config": {"watchNamespace": "shop"}})
    assert granted(found, "Role", "shop") == reads(*OF_NAMESPACES) | WRITES
    assert granted(found, "ClusterRole") == reads(*OF_THE_CLUSTER)


def test_no_secret_is_read_unless_it_is_named() -> None:
    named = objects({"secrets": {"names": {"shop": ["login"]}}})
    assert granted(named, "Role", "shop") == reads("secrets")
    (rule,) = next(o for o in named if o["metadata"]["name"] == "kube-system:aws-albingress-secrets")["rules"]
    assert rule["resourceNames"] == ["login"]
    assert not granted(named, "ClusterRole") & reads("secrets")
    assert granted(objects({"secrets": {"all": True}}), "ClusterRole") >= reads("secrets")


def test_the_lease_of_the_original_is_looked_at_where_it_is() -> None:
    found = objects({"original": {"leaseNamespace": "elsewhere"}})
    assert granted(found, "Role", "elsewhere") == {("get", "leases")}


def test_every_role_is_bound_to_the_service_account_of_the_pod() -> None:
    for given in ({}, {"config": {"watchNamespace": "shop"}}, {"secrets": {"names": {"shop": ["login"]}}}):
        found = [obj for obj in objects(given) if not is_hook(obj) and not is_webhook(obj)]
        account = only(found, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"]
        roles = {(o["kind"], o["metadata"]["name"]) for o in found if o["kind"].endswith("Role")}
        bindings = [obj for obj in found if obj["kind"].endswith("Binding")]
        assert {(b["roleRef"]["kind"], b["roleRef"]["name"]) for b in bindings} == roles
        subject = {"kind": "ServiceAccount", "name": account, "namespace": "kube-system"}
        assert all(binding["subjects"] == [subject] for binding in bindings)


def test_what_takes_finalizers_off_may_stop_one_deployment_and_patch_what_bears_them() -> None:
    hooks = [obj for obj in objects() if is_hook(obj, "pre-delete")]
    assert sorted({obj["kind"] for obj in hooks}) == [
        "ClusterRole",
        "ClusterRoleBinding",
        "Job",
        "Role",
        "RoleBinding",
        "ServiceAccount",
    ]
    rules = {tuple(rule["resources"]): rule for rule in only(hooks, "Role")["rules"]}
    named = [rule for name, rule in rules.items() if name != ("pods",)]
    assert all(rule["resourceNames"] == ["aws-albingress"] for rule in named)
    assert {name: rule["verbs"] for name, rule in rules.items()} == {
        ("deployments",): ["get"],
        ("deployments/scale",): ["patch"],
        ("pods",): ["list"],
    }
    (container,) = only(hooks, "Job")["spec"]["template"]["spec"]["containers"]
    assert container["args"] == [
        "albingress",
        "release",
        "--deployment=kube-system/aws-albingress",
        "--timeout=4m",
        "--cluster-name=example",
    ]


def test_finalizers_may_be_left_where_another_controller_follows() -> None:
    assert not [obj for obj in objects({"uninstall": {"release": False}}) if is_hook(obj, "pre-delete")]


def notes(*more: Values) -> str:
    """What Helm prints after an install."""
    return render_files(values(*more, chart="albingress"), CHART)["albingress/templates/NOTES.txt"]


def policy(*more: Values) -> dict[str, Any]:
    """The statements of the IAM policy in the notes, by their names."""
    text = notes(*more)
    found = json.loads(text[text.index("\n  {\n") : text.rindex("\n  }\n") + 4])
    return {statement.pop("Sid"): statement for statement in found["Statement"]}


def test_the_policy_is_the_file_of_the_chart_for_the_cluster_that_is_named() -> None:
    whole = json.loads((CHART / "files/iam-policy.json").read_text().replace('"example"', '"prod \\" 1"'))
    found = policy({"config": {"clusterName": 'prod"1'}})
    assert found.keys() == {statement["Sid"] for statement in whole["Statement"]}
    conditions = json.dumps([each.get("Condition") for each in found.values()])
    assert 'prod\\"1' in conditions
    assert "example" not in conditions


def test_the_policy_has_what_the_daemon_calls_and_what_aws_asks_for_besides() -> None:
    prefixes = {"elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tag"}
    calls = {
        f"{prefixes.get(service, service)}:{name}" for service in OPERATIONS for name in OPERATIONS[service]
    }
    actions = {action for statement in policy().values() for action in statement["Action"]}
    assert actions == calls | {"elasticloadbalancing:SetWebAcl"}


def test_the_policy_lets_nothing_be_removed_but_what_bears_the_tag_of_the_cluster() -> None:
    for name, statement in policy().items():
        removes = {action for action in statement["Action"] if ":Delete" in action and "Tags" not in action}
        if removes <= {"elasticloadbalancing:DeleteListener", "elasticloadbalancing:DeleteRule"}:
            continue
        (tag,) = statement["Condition"]["StringEquals"].items()
        assert tag == ("aws:ResourceTag/elbv2.k8s.aws/cluster", "example"), name


def test_the_policy_lets_no_listener_or_rule_be_changed_that_bears_the_tag_of_another_cluster() -> None:
    """The original has made some without tags: these may be changed, whoever made them."""
    changes = policy()["ChangeListenersAndRulesButThoseOfOtherClusters"]
    assert changes["Condition"] == {
        "StringEqualsIfExists": {"aws:ResourceTag/elbv2.k8s.aws/cluster": "example"}
    }


def test_web_acls_are_left_out_of_the_policy_where_none_are_attached() -> None:
    assert policy().keys() - policy({"config": {"enableWafv2": False}}).keys() == {"AttachWebAcls"}


def test_the_notes_say_what_is_served_and_what_is_unusual() -> None:
    assert notes().startswith("albingress ")
    assert 'gives Ingresses of cluster "example" load balancers.\n' in notes()
    shop = notes({"config": {"watchNamespace": "shop", "strict": True, "dryRun": True}})
    assert "those of namespace shop only.\n" in shop
    assert "config.strict is set" in shop
    assert "config.dryRun is set" in shop
    assert "these cannot be deleted" in notes({"uninstall": {"release": False}})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:r"}}},
            "The role arn:r needs",
        ),
        (
            {"podAnnotations": {"iam.amazonaws.com/role": "alb"}},
            "The role alb, which iamproxy gives the pods",
        ),
        ({}, "names no IAM role"),
    ],
)
def test_the_notes_say_whose_role_the_policy_is_for(given: Values, words: str) -> None:
    assert words in notes(given)
