"""What the dns chart has for itself: a Deployment whose pods need nothing of their node."""

from typing import Any

import pytest

from tests.support.charts import (
    MINIMUM,
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


def pod(*more: Values) -> Object:
    """The spec of the pod."""
    return pod_of(render(values(*more)))


def container(*more: Values) -> Object:
    """Its one container."""
    return container_of(render(values(*more)))


def test_it_meets_the_restricted_pod_security_standard() -> None:
    assert container()["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert pod()["securityContext"]["runAsUser"] == 65532
    assert "hostNetwork" not in pod()


def test_it_is_important_and_its_replicas_keep_apart() -> None:
    (term,) = pod()["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    labels = only(render(MINIMUM), "Deployment")["spec"]["selector"]
    assert term["podAffinityTerm"] == {"topologyKey": "kubernetes.io/hostname", "labelSelector": labels}
    assert pod()["priorityClassName"] == "system-cluster-critical"


def test_its_port_has_a_name_by_which_the_service_leads_there() -> None:
    objects = render(values({"port": 9000}))
    assert container_of(objects)["ports"] == [{"name": "http", "containerPort": 9000}]
    (port,) = only(objects, "Service")["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (9000, "http")


@pytest.mark.parametrize(("replicas", "budgets"), [(1, 0), (2, 1)])
def test_a_budget_stands_only_where_it_cannot_block_a_drain(replicas: int, budgets: int) -> None:
    kinds = [obj["kind"] for obj in render(values({"replicas": replicas}))]
    assert kinds.count("PodDisruptionBudget") == budgets


def test_the_network_policy_lets_in_whom_it_is_told_to_the_port_of_the_daemon() -> None:
    spec = only(render(cases("dns")["full"]), "NetworkPolicy")["spec"]
    ports: list[Any] = [{"protocol": "TCP", "port": "http"}]
    assert spec["ingress"] == [{"ports": ports, "from": [{"namespaceSelector": {}}]}]
    assert spec["policyTypes"] == ["Ingress", "Egress"]


def test_the_chart_decides_by_which_lease_one_replica_leads(tmp_path: Any) -> None:
    config = loaded(render(values({"port": 9000})), tmp_path)
    assert (config.listen, config.leader_elect) == (":9000", True)
    assert (config.leader_elect_name, config.leader_elect_namespace) == ("aws-dns", "kube-system")


def test_without_a_registry_no_owner_is_required(tmp_path: Any) -> None:
    given = values({"config": {"registry": "noop", "txtOwnerId": ""}})
    assert loaded(render(given), tmp_path).txt_owner_id == ""
