"""What the autoscaler chart has for itself: pods that no spot instance takes with it."""

from pathlib import Path
from typing import Any

import pytest

from addons.autoscaler.names import CAPACITY_TYPE_LABELS
from tests.support.charts import (
    CHARTS,
    Object,
    Values,
    cases,
    container_of,
    loaded,
    only,
    pod_of,
    render,
    values,
)

CHART = CHARTS / "autoscaler"


def objects(*more: Values) -> list[Object]:
    """All that the chart renders."""
    return render(values(*more, chart="autoscaler"), CHART)


def required(*more: Values) -> list[Object]:
    """What a node must be like."""
    affinity = pod_of(objects(*more))["affinity"]["nodeAffinity"]
    (term,) = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    return list(term["matchExpressions"])


def runs_on(labels: dict[str, str], *more: Values) -> bool:
    """Whether the scheduler may put the pods on a node; `NotIn` holds for a node without the label."""
    assert {each["operator"] for each in required(*more)} == {"NotIn"}
    return all(labels.get(each["key"]) not in each["values"] for each in required(*more))


@pytest.mark.parametrize("label", CAPACITY_TYPE_LABELS)
@pytest.mark.parametrize("value", ["spot", "SPOT", "Spot", "Ec2Spot"])
def test_it_never_runs_on_a_spot_node(label: str, value: str) -> None:
    assert not runs_on({label: value})


def test_it_runs_on_nodes_that_are_there_to_stay_and_on_those_that_say_nothing() -> None:
    assert runs_on({})
    assert runs_on({"eks.amazonaws.com/capacityType": "ON_DEMAND", "lifecycle": "normal"})


def test_the_labels_are_those_that_the_daemon_itself_looks_at() -> None:
    assert [each["key"] for each in required()] == list(CAPACITY_TYPE_LABELS)


def test_it_may_run_anywhere_when_that_is_asked_for() -> None:
    affinity = pod_of(render(cases("autoscaler")["spot"], CHART))["affinity"]
    assert affinity.keys() == {"podAntiAffinity"}


def test_its_replicas_keep_apart_and_are_important() -> None:
    pod = pod_of(objects())
    (term,) = pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    labels = only(objects(), "Deployment")["spec"]["selector"]
    assert term["podAffinityTerm"] == {"topologyKey": "kubernetes.io/hostname", "labelSelector": labels}
    assert pod["priorityClassName"] == "system-cluster-critical"
    assert only(objects(), "Deployment")["spec"]["replicas"] == 2


@pytest.mark.parametrize(("replicas", "budgets"), [(0, 0), (1, 0), (2, 1)])
def test_a_budget_stands_only_where_it_cannot_block_a_drain(replicas: int, budgets: int) -> None:
    kinds = [obj["kind"] for obj in objects({"replicas": replicas})]
    assert kinds.count("PodDisruptionBudget") == budgets


def test_it_meets_the_restricted_pod_security_standard() -> None:
    assert container_of(objects())["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod_of(objects())["securityContext"]["runAsNonRoot"] is True
    assert "hostNetwork" not in pod_of(objects())


def test_the_chart_decides_by_which_lease_one_replica_leads(tmp_path: Path) -> None:
    config: Any = loaded(objects({"port": 9000}), tmp_path)
    assert (config.listen, config.leader_elect) == (":9000", True)
    assert (config.leader_elect_name, config.leader_elect_namespace) == ("aws-autoscaler", "kube-system")


def test_helm_test_runs_the_check_with_the_settings_and_the_account_of_the_daemon() -> None:
    (pod,) = [obj for obj in objects() if obj["kind"] == "Pod"]
    (container,) = pod["spec"]["containers"]
    assert container["args"][:2] == ["autoscaler", "check"]
    assert pod["spec"]["serviceAccountName"] == pod_of(objects())["serviceAccountName"]
