"""How many addresses pods need."""

import json
from typing import Any

import pytest

from addons.cni.desired.demand import demand_of, requested_by
from addons.cni.model.assignments import PodId
from addons.cni.model.objects import Pod
from addons.runtime.decoding import decode


def pod(name: str, *, asks: str = "", **more: Any) -> Pod:
    resources = {"limits": {"aws-addons.io/pod-ip": asks}} if asks else {}
    value = {
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", **more.pop("metadata", {})},
        "spec": {"nodeName": "node-1", "containers": [{"resources": resources}], **more.pop("spec", {})},
        "status": {"phase": "Pending", **more},
    }
    return decode(json.dumps(value).encode(), Pod)


def uid(name: str) -> PodId:
    return PodId("shop", name, f"uid-{name}")


def waiting(*pods: Pod, has: tuple[PodId, ...] = (), asking: tuple[PodId, ...] = ()) -> int:
    return demand_of(pods, has, asking).waiting


class TestWaiting:
    def test_a_bound_pod_without_an_address_waits(self) -> None:
        assert waiting(pod("web")) == 1

    def test_one_that_has_its_address_does_not(self) -> None:
        assert waiting(pod("web"), has=(uid("web"),)) == 0

    def test_one_that_already_asks_is_counted_once(self) -> None:
        assert waiting(pod("web"), asking=(uid("web"),)) == 1

    def test_one_that_asks_and_is_not_known_yet_counts(self) -> None:
        assert waiting(asking=(uid("new"),)) == 1

    def test_one_of_the_hosts_network_needs_none(self) -> None:
        demand = demand_of([pod("proxy", spec={"hostNetwork": True})], ())
        assert (demand.waiting, demand.host_network) == (0, 1)

    @pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
    def test_one_that_ended_needs_none(self, phase: str) -> None:
        assert waiting(pod("job", phase=phase)) == 0

    def test_one_that_is_being_deleted_gets_none(self) -> None:
        assert waiting(pod("web", metadata={"deletionTimestamp": "2026-01-02T03:04:05Z"})) == 0

    def test_one_with_an_address_from_elsewhere_does_not_wait(self) -> None:
        assert waiting(pod("web", phase="Running", podIP="10.0.9.9")) == 0

    def test_a_successor_of_the_same_name_waits_for_its_own(self) -> None:
        assert waiting(pod("db-0"), has=(PodId("shop", "db-0", "uid-before"),)) == 1

    def test_a_static_pod_is_known_by_the_uid_of_its_file(self) -> None:
        mirror = pod("static", metadata={"annotations": {"kubernetes.io/config.mirror": "abc"}})
        assert waiting(mirror, has=(PodId("shop", "static", "abc"),)) == 0

    def test_a_runtime_without_uids_is_taken_at_the_name(self) -> None:
        assert waiting(pod("web"), has=(PodId("shop", "web"),)) == 0


class TestRequested:
    def test_pods_with_a_limit_are_counted_by_the_scheduler(self) -> None:
        demand = demand_of([pod("a", asks="1"), pod("b", asks="1"), pod("c")], [uid("a")])
        assert (demand.requested, demand.unrequested, demand.waiting) == (2, 1, 2)

    def test_addresses_of_pods_that_are_gone_are_nobodys(self) -> None:
        assert demand_of([], [uid("gone")]).unrequested == 1

    def test_a_second_address_of_a_pod_is_beyond_its_request(self) -> None:
        assert demand_of([pod("a", asks="1")], [uid("a"), uid("a")]).unrequested == 1

    def test_an_ended_pod_no_longer_counts_but_its_address_does(self) -> None:
        demand = demand_of([pod("job", asks="1", phase="Succeeded")], [uid("job")])
        assert (demand.requested, demand.unrequested) == (0, 1)

    @pytest.mark.parametrize(("asks", "number"), [("", 0), ("1", 1), ("2", 2), ("1k", 1000)])
    def test_quantities(self, asks: str, number: int) -> None:
        assert requested_by(pod("a", asks=asks)) == number

    def test_init_containers_count_as_the_scheduler_counts_them(self) -> None:
        ask = {"resources": {"requests": {"aws-addons.io/pod-ip": "3"}}}
        both = pod("a", asks="1", spec={"containers": [ask, ask], "initContainers": [ask]})
        assert requested_by(both) == 6
        assert requested_by(pod("b", asks="1", spec={"initContainers": [ask]})) == 3
