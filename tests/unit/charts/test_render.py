"""What the dns chart renders, whatever its values: valid, stable and deterministic."""

import copy
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.support.charts import (
    CHARTS,
    MINIMUM,
    NEWEST,
    OLDEST,
    Object,
    Values,
    check_schema,
    helm,
    only,
    parse,
    render,
    render_files,
    values,
)

MONITORING = ("ServiceMonitor", "PrometheusRule")
"""Kinds of the Prometheus operator: Kubernetes has no schema for them."""

EVERYTHING: Values = {
    "fullnameOverride": "names",
    "commonLabels": {"team": "network", "app.kubernetes.io/name": "other"},
    "image": {"digest": "sha256:" + "0" * 64, "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "replicas": 3,
    "port": 9000,
    "serviceAccount": {
        "name": "dns",
        "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/dns"},
    },
    "podLabels": {"app.kubernetes.io/instance": "other", "color": "blue"},
    "podAnnotations": {"note": "yes", "checksum/config": "mine"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "topologySpreadConstraints": [
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {}}
    ],
    "networkPolicy": {
        "enabled": True,
        "from": [{"namespaceSelector": {}}],
        "egress": [{"ports": [{"port": 443, "protocol": "TCP"}]}],
    },
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}, "interval": "30s"},
    "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    "extraArgs": ["--log-level=debug"],
    "extraEnv": [{"name": "AWS_REGION", "value": "eu-central-1"}],
    "extraEnvFrom": [{"secretRef": {"name": "more"}}],
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca"}],
    "extraObjects": [
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "{{ .Release.Name }}-more"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "second"}},
    ],
    "config": {"namespace": "shop", "domainFilter": ["example.org"], "policy": "sync"},
}

MATRIX: dict[str, Values] = {
    "minimum": {},
    "everything": EVERYTHING,
    "one replica": {"replicas": 1},
    "no replica": {"replicas": 0},
    "no access of its own": {"rbac": {"create": False}, "serviceAccount": {"create": False, "name": "given"}},
    "ingresses only": {"config": {"source": ["ingress"]}},
    "one namespace": {"config": {"namespace": "shop"}},
    "ingresses of one namespace": {"config": {"namespace": "shop", "source": ["ingress"]}},
    "network policy": {"networkPolicy": {"enabled": True}},
    "monitoring": {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}},
    "dry run": {"config": {"dryRun": True}, "prometheusRule": {"enabled": True}},
    "custom resources": {"crds": {"install": True}, "config": {"source": ["crd"]}},
    "no scheduling": {"priorityClassName": "", "nodeSelector": {"kubernetes.io/os": None}},
}

every_case = pytest.mark.parametrize("case", MATRIX)


@every_case
@pytest.mark.parametrize("minor", [OLDEST, NEWEST])
def test_every_object_is_known_to_the_oldest_and_the_newest_kubernetes(case: str, minor: str) -> None:
    objects = [obj for obj in render(values(MATRIX[case])) if obj["kind"] not in MONITORING]
    assert objects
    for obj in objects:
        check_schema(obj, minor)


def test_an_unknown_field_would_be_found() -> None:
    deployment = only(render(MINIMUM), "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["imagePolicy"] = "Always"
    with pytest.raises(jsonschema.ValidationError, match="imagePolicy"):
        check_schema(deployment, NEWEST)


def test_a_key_that_stands_twice_would_be_found() -> None:
    with pytest.raises(ValueError, match="a stands twice"):
        list(parse("a: 1\na: 2"))


@every_case
def test_lint_has_nothing_to_say(case: str) -> None:
    report = helm.lint(CHARTS / "dns", values(MATRIX[case]), strict=True, kube_version=f"v{OLDEST}.0")
    assert (report["messages"], report["errors"]) == ([], [])


@every_case
def test_equal_values_render_equal_bytes(case: str) -> None:
    given = values(MATRIX[case])
    assert render_files(given) == render_files(copy.deepcopy(given))


@every_case
def test_no_value_changes_a_selector(case: str) -> None:
    selector = {"app.kubernetes.io/name": "dns", "app.kubernetes.io/instance": "aws"}
    objects = render(values(MATRIX[case]))
    found = [(obj["kind"], labels) for obj in objects for labels in selectors(obj)]
    assert {kind for kind, _ in found} >= {"Deployment", "Service"}
    assert [labels for _, labels in found] == [selector] * len(found)
    pod = only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]
    assert selector.items() <= pod.items()


def selectors(obj: Object) -> list[Object]:
    """The labels by which an object finds the pods."""
    spec = obj.get("spec", {})
    match obj["kind"]:
        case "Service":
            return [spec["selector"]]
        case "Deployment" | "PodDisruptionBudget" | "ServiceMonitor":
            return [spec["selector"]["matchLabels"]]
        case "NetworkPolicy":
            return [spec["podSelector"]["matchLabels"]]
    return []


@every_case
def test_every_object_of_the_chart_says_whose_it_is(case: str) -> None:
    given = values(MATRIX[case], {"extraObjects": []})
    for obj in render(given):
        labels = obj["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == "dns"
        assert labels["app.kubernetes.io/instance"] == "aws"
        assert labels["app.kubernetes.io/part-of"] == "aws-addons"


@every_case
def test_names_are_those_of_the_release(case: str) -> None:
    given = values(
        MATRIX[case], {"extraObjects": [], "fullnameOverride": "", "serviceAccount": {"name": "x"}}
    )
    names = {
        obj["metadata"]["name"]
        for obj in render(given, name="release")
        if obj["kind"] not in ("ServiceAccount", "CustomResourceDefinition")
    }
    assert all("release-dns" in name for name in names), names


def test_two_releases_of_one_name_share_no_cluster_wide_object() -> None:
    names = [obj["metadata"]["name"] for obj in render(MINIMUM) if "namespace" not in obj["metadata"]]
    assert set(names) == {"kube-system:aws-dns"}


def test_extra_objects_are_rendered_as_templates() -> None:
    found = [obj["metadata"]["name"] for obj in render(values(EVERYTHING)) if obj["kind"] == "Secret"]
    assert found == ["aws-more", "second"]


@pytest.mark.parametrize(("replicas", "budgets"), [(1, 0), (2, 1)])
def test_a_budget_stands_only_where_it_cannot_block_a_drain(replicas: int, budgets: int) -> None:
    kinds = [obj["kind"] for obj in render(values({"replicas": replicas}))]
    assert kinds.count("PodDisruptionBudget") == budgets


def test_the_network_policy_lets_in_whom_it_is_told_to_the_port_of_the_daemon() -> None:
    spec = only(render(values(EVERYTHING)), "NetworkPolicy")["spec"]
    ports: list[Any] = [{"protocol": "TCP", "port": "http"}]
    assert spec["ingress"] == [{"ports": ports, "from": [{"namespaceSelector": {}}]}]
    assert spec["policyTypes"] == ["Ingress", "Egress"]


def test_the_service_monitor_scrapes_the_service_of_the_chart() -> None:
    objects = render(values({"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}}))
    monitor, service = only(objects, "ServiceMonitor"), only(objects, "Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": [service["metadata"]["namespace"]]}
    assert monitor["spec"]["endpoints"] == [{"port": service["spec"]["ports"][0]["name"], "path": "/metrics"}]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
