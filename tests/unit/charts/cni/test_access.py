"""What the cni chart grants: no more than its settings need, and writes to the own node only."""

from typing import Any

from tests.support.charts import CHARTS, Object, Values, installed, is_webhook, only, render, values

Grants = set[tuple[str, str]]


def objects(**settings: Any) -> list[Object]:
    """What an install with these settings makes."""
    return installed(render(values({"config": settings}, chart="cni"), CHARTS / "cni"))


def granted(found: list[Object], kind: str = "ClusterRole", *, to_webhook: bool = False) -> Grants:
    """(verb, resource) of every rule of a kind of role."""
    return {
        (verb, resource)
        for role in found
        if role["kind"] == kind and is_webhook(role) == to_webhook
        for rule in role["rules"]
        for verb in rule["verbs"]
        for resource in rule["resources"]
    }


READS: Grants = {("get", "pods")} | {(verb, kind) for verb in ("list", "watch") for kind in ("pods", "nodes")}
EVENTS: Grants = {("create", "events"), ("patch", "events")}
STATUS: Grants = {("patch", "nodes/status")}
TAINT: Grants = {("patch", "nodes")}


def test_it_reads_pods_and_nodes_and_tells_what_it_knows() -> None:
    assert granted(objects()) == READS | EVENTS | STATUS | TAINT


def test_what_is_not_told_to_the_scheduler_needs_no_right() -> None:
    webhook: Values = {"webhook": {"enabled": False}}
    silent: Values = {"config": {"capacity": "none", "exhaustionTaint": False}}
    found = installed(render(values(webhook, silent, chart="cni"), CHARTS / "cni"))
    assert granted(found) == READS | EVENTS


def test_eni_configs_are_read_only_where_they_count() -> None:
    assert ("watch", "eniconfigs") in granted(objects(customNetworkCfg=True))
    assert ("watch", "eniconfigs") not in granted(objects())


def test_who_sweeps_needs_the_lease_of_its_settings() -> None:
    lease = {("create", "leases"), ("get", "leases"), ("patch", "leases")}
    assert granted(objects(), "Role") == lease
    (name,) = only(objects(), "Role")["rules"][1]["resourceNames"]
    text = only(objects(), "ConfigMap")["data"]["config.yaml"]
    assert f"leaseName: {name}\n" in text
    assert f"leaseNamespace: {only(objects(), 'Role')['metadata']['namespace']}\n" in text
    assert granted(objects(disableLeakedEniCleanup=True), "Role") == set()


def test_the_webhook_may_change_its_own_configuration_and_its_own_secret() -> None:
    found = objects()
    own = {"mutatingwebhookconfigurations", "secrets"}
    rules = [
        rule for obj in found if obj["kind"].endswith("Role") and is_webhook(obj) for rule in obj["rules"]
    ]
    assert {resource for rule in rules for resource in rule["resources"]} == own
    assert [rule["verbs"] for rule in rules if "resourceNames" not in rule] == [["create"]]
    names = {name for rule in rules for name in rule.get("resourceNames", ())}
    assert names == {"aws-cni-webhook", "aws-cni-webhook.kube-system"}


def test_a_daemon_may_write_to_the_node_of_its_token_and_to_no_other() -> None:
    policy, account = (
        only(objects(), "ValidatingAdmissionPolicy"),
        only(objects(), "ServiceAccount")["metadata"],
    )
    (condition,) = policy["spec"]["matchConditions"]
    who = f"system:serviceaccount:{account['namespace']}:{account['name']}"
    assert condition["expression"] == f'request.userInfo.username == "{who}"'
    (validation,) = policy["spec"]["validations"]
    assert "authentication.kubernetes.io/node-name" in validation["expression"]
    assert policy["spec"]["failurePolicy"] == "Fail"
    binding = only(objects(), "ValidatingAdmissionPolicyBinding")["spec"]
    assert binding == {"policyName": policy["metadata"]["name"], "validationActions": ["Deny"]}
