"""The webhook of the albingress chart: which pods the API server asks it about, and what it may do."""

from typing import Any

import pytest

from addons.albingress.config import ENV_PREFIXES, Config
from addons.albingress.names import GATE_INJECTION_LABEL, GATE_WEBHOOK
from addons.runtime.settings import load
from tests.support.charts import CHARTS, Object, Values, helm, installed, is_webhook, only, render, values

CHART = CHARTS / "albingress"
NAME = "aws-albingress-webhook"


def objects(*more: Values) -> list[Object]:
    """What an install makes for the webhook."""
    return [each for each in installed(render(values(*more, chart="albingress"), CHART)) if is_webhook(each)]


def the(kind: str, *more: Values) -> Object:
    """The one object of a kind."""
    (found,) = [each for each in objects(*more) if each["kind"] == kind]
    return found


def hook(*more: Values) -> Object:
    """What the API server is told."""
    (found,) = the("MutatingWebhookConfiguration", *more)["webhooks"]
    return dict(found)


def test_it_is_asked_about_new_pods_of_namespaces_with_the_label_but_never_about_our_own() -> None:
    assert hook()["name"] == GATE_WEBHOOK
    assert hook()["namespaceSelector"] == {"matchLabels": {GATE_INJECTION_LABEL: "enabled"}}
    (rule,) = hook()["rules"]
    assert (rule["operations"], rule["resources"]) == (["CREATE"], ["pods"])
    (term,) = hook()["objectSelector"]["matchExpressions"]
    assert (term["key"], term["operator"]) == ("app.kubernetes.io/name", "NotIn")
    rendered = installed(render(values(chart="albingress"), CHART))
    own = [
        each["spec"]["template"]["metadata"]["labels"] for each in rendered if each["kind"] == "Deployment"
    ]
    assert {each[term["key"]] for each in own} == set(term["values"])


def test_no_pod_waits_long_for_it_nor_is_refused() -> None:
    assert (hook()["failurePolicy"], hook()["timeoutSeconds"], hook()["sideEffects"]) == ("Ignore", 2, "None")


def test_both_selectors_are_the_users_to_choose() -> None:
    chosen: Values = {
        "webhook": {
            "namespaceSelector": {"matchLabels": {"gated": "yes"}},
            "objectSelector": {"matchExpressions": [], "matchLabels": {"gated": "yes"}},
        }
    }
    assert hook(chosen)["namespaceSelector"]["matchLabels"]["gated"] == "yes"
    assert hook(chosen)["objectSelector"]["matchLabels"] == {"gated": "yes"}


def test_the_names_in_its_settings_are_those_of_its_objects() -> None:
    rendered = installed(render(values(chart="albingress"), CHART))
    (text,) = [each["data"]["config.yaml"] for each in rendered if each["kind"] == "ConfigMap"]
    assert f"webhookName: {NAME}\n" in text
    assert {each["metadata"]["name"] for each in objects() if each["kind"] in ("Service", "Deployment")} == {
        NAME
    }
    assert the("MutatingWebhookConfiguration")["metadata"]["name"] == f"{NAME}.kube-system"
    service = hook()["clientConfig"]["service"]
    assert (service["name"], service["namespace"]) == (NAME, "kube-system")


def test_two_pods_answer_where_their_service_leads_and_none_of_the_daemon() -> None:
    deployment, service = the("Deployment"), the("Service")
    assert deployment["spec"]["replicas"] == 2
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()
    rendered = [each for each in installed(render(values(chart="albingress"), CHART)) if not is_webhook(each)]
    daemon = only(rendered, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert not service["spec"]["selector"].items() <= daemon.items()
    assert not only(rendered, "Service")["spec"]["selector"].items() <= labels.items()


READ = {
    (verb, resource)
    for verb in ("list", "watch")
    for resource in ("ingresses", "services", "targetgroupbindings")
}
READ_BEYOND = {
    (verb, resource)
    for verb in ("list", "watch")
    for resource in ("ingressclasses", "ingressclassparams", "namespaces")
}
OWN = {("get", "mutatingwebhookconfigurations"), ("patch", "mutatingwebhookconfigurations")}


def granted(found: list[Object], kind: str, namespace: str = "") -> set[tuple[str, str]]:
    """(verb, resource) of every rule of this kind of role, in one namespace."""
    roles = [each for each in found if each["kind"] == kind]
    return {
        (verb, resource)
        for role in roles
        if role["metadata"].get("namespace", "") == namespace
        for rule in role["rules"]
        for verb in rule["verbs"]
        for resource in rule["resources"]
    }


def test_it_reads_what_it_answers_from_and_writes_its_own_secret_and_configuration_only() -> None:
    assert granted(objects(), "ClusterRole") == READ | READ_BEYOND | OWN
    secret = {(verb, "secrets") for verb in ("create", "get", "patch")}
    assert granted(objects(), "Role", "kube-system") == secret
    rules = [rule for each in objects() if each["kind"].endswith("Role") for rule in each["rules"]]
    named = [rule["resourceNames"] for rule in rules if {"get", "patch"} == set(rule["verbs"])]
    assert sorted(named) == [[NAME], [f"{NAME}.kube-system"]]


def test_in_one_namespace_ingresses_of_that_alone_are_read() -> None:
    shop: Values = {"config": {"watchNamespace": "shop"}}
    assert granted(objects(shop), "ClusterRole") == READ_BEYOND | OWN
    assert granted(objects(shop), "Role", "shop") == READ


@pytest.mark.parametrize("given", [{}, {"config": {"watchNamespace": "shop"}}])
def test_every_role_is_bound_to_its_own_account(given: Values) -> None:
    found = objects(given)
    account = the("Deployment", given)["spec"]["template"]["spec"]["serviceAccountName"]
    assert account == the("ServiceAccount", given)["metadata"]["name"] == NAME
    bindings = [each for each in found if each["kind"].endswith("RoleBinding")]
    roles = {(each["kind"], each["metadata"]["name"]) for each in found if each["kind"].endswith("Role")}
    assert {(each["roleRef"]["kind"], each["roleRef"]["name"]) for each in bindings} == roles
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": "kube-system"}
    assert [each["subjects"] for each in bindings] == [[subject]] * len(bindings)


@pytest.mark.parametrize(
    "given",
    [
        {"webhook": {"enabled": False}},
        {"config": {"dryRun": True}},
        {"config": {"enablePodReadinessGateInject": False}},
    ],
)
def test_where_nobody_would_meet_the_gates_there_is_no_webhook(given: Values) -> None:
    assert objects(given) == []


def test_a_port_of_its_own_is_asked_for_in_words() -> None:
    with pytest.raises(helm.HelmRenderError, match=r"port and webhook\.port are both 8080"):
        objects({"webhook": {"port": 8080}})


def test_it_starts_with_the_settings_of_the_daemon() -> None:
    (container,) = the("Deployment")["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["albingress", "webhook", "--config=/etc/aws-addons/config.yaml"]
    flags: Any = ["--cluster-name=prod", "--webhook-listen=:9443", f"--webhook-name={NAME}"]
    assert load(Config, flags, {}, env_prefixes=ENV_PREFIXES).enable_pod_readiness_gate_inject
