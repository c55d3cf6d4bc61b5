"""What a pod requests in all."""

from collections.abc import Sequence
from typing import Any

import pytest
import yaml

from addons.autoscaler.desired.requests import requests_of, requests_of_template
from addons.autoscaler.model.pod_parts import PodStatus
from tests.support.as_manifests import pod

MI = 1 << 20


def requests(spec: str, status: str = "{}") -> dict[str, int]:
    read = pod(spec, status=yaml.safe_load(status))
    return requests_of(read.spec, read.status)


def asks(**amounts: str) -> dict[str, Any]:
    return {"resources": {"requests": amounts}}


def of(*, containers: list[Any], init: Sequence[Any] = (), **more: Any) -> dict[str, int]:
    read = pod({"containers": containers, "initContainers": list(init), **more})
    return requests_of(read.spec, PodStatus())


ALWAYS = {"restartPolicy": "Always"}


class TestContainers:
    def test_they_are_added_up(self) -> None:
        found = of(containers=[asks(cpu="100m", memory="64Mi"), asks(cpu="1")])
        assert found == {"cpu": 1100, "memory": 64 * MI, "pods": 1}

    def test_a_pod_that_requests_nothing_is_a_pod(self) -> None:
        assert of(containers=[{}]) == {"pods": 1}

    def test_limits_do_not_count(self) -> None:
        assert of(containers=[{"resources": {"limits": {"cpu": "1"}}}]) == {"pods": 1}

    def test_nothing_is_lost_by_rounding_in_between(self) -> None:
        assert of(containers=[asks(memory="1500m"), asks(memory="1500m")])["memory"] == 3

    def test_extended_resources_count(self) -> None:
        assert of(containers=[asks(**{"aws-addons.io/pod-ip": "1"})])["aws-addons.io/pod-ip"] == 1


@pytest.mark.parametrize(
    ("init", "cpu"),
    [
        ([asks(cpu="50m")], 100),
        ([asks(cpu="300m")], 300),
        ([asks(cpu="300m"), asks(cpu="200m")], 300),
        ([{**asks(cpu="200m"), **ALWAYS}], 300),
        ([{**asks(cpu="200m"), **ALWAYS}, asks(cpu="50m")], 300),
        ([{**asks(cpu="200m"), **ALWAYS}, asks(cpu="500m")], 700),
        ([asks(cpu="500m"), {**asks(cpu="200m"), **ALWAYS}], 500),
        ([{**asks(cpu="200m"), **ALWAYS}, {**asks(cpu="300m"), **ALWAYS}], 600),
    ],
)
def test_init_containers_beside_one_container_of_100m(init: list[Any], cpu: int) -> None:
    assert of(containers=[asks(cpu="100m")], init=init)["cpu"] == cpu


class TestThePodAsAWhole:
    def test_overhead_is_added(self) -> None:
        found = of(containers=[asks(cpu="100m")], overhead={"cpu": "50m", "memory": "8Mi"})
        assert found == {"cpu": 150, "memory": 8 * MI, "pods": 1}

    def test_what_the_pod_requests_stands_in_place_of_the_sum(self) -> None:
        whole: dict[str, Any] = {"resources": {"requests": {"cpu": "2"}}, "overhead": {"cpu": "50m"}}
        found = of(containers=[asks(cpu="100m", memory="1Mi")], **whole)
        assert found == {"cpu": 2050, "memory": MI, "pods": 1}

    def test_huge_pages_too_and_nothing_else(self) -> None:
        whole: dict[str, Any] = {"resources": {"requests": {"hugepages-2Mi": "4Mi", "nvidia.com/gpu": "1"}}}
        assert of(containers=[{}], **whole) == {"hugepages-2Mi": 4 * MI, "pods": 1}


RUNNING = """
containerStatuses:
- {name: web, allocatedResources: {cpu: 300m}, resources: {requests: {cpu: 200m}}}
"""
RESIZED = "containers: [{name: web, resources: {requests: {cpu: %s}}}]"


class TestAResize:
    @pytest.mark.parametrize(("asked", "cpu"), [("100m", 300), ("500m", 500)])
    def test_the_greatest_of_asked_promised_and_had_counts(self, asked: str, cpu: int) -> None:
        assert requests(RESIZED % asked, RUNNING)["cpu"] == cpu

    def test_what_cannot_be_had_does_not_count(self) -> None:
        infeasible = RUNNING + "conditions: [{type: PodResizePending, status: 'True', reason: Infeasible}]"
        assert requests(RESIZED % "9", infeasible)["cpu"] == 300

    def test_a_status_without_amounts_changes_nothing(self) -> None:
        assert requests(RESIZED % "1", "containerStatuses: [{name: web}]")["cpu"] == 1000


class TestATemplate:
    def test_limits_become_requests_that_are_not_said(self) -> None:
        limits = {"resources": {"limits": {"cpu": "1", "memory": "2Mi"}, "requests": {"cpu": "100m"}}}
        assert requests_of_template(pod({"containers": [limits]}).spec) == {
            "cpu": 100,
            "memory": 2 * MI,
            "pods": 1,
        }


def test_an_amount_that_is_none_is_named() -> None:
    with pytest.raises(ValueError, match="memory: 'much' is not an amount"):
        of(containers=[asks(memory="much")])
