"""What is known of a pod besides its class."""

from typing import Any

import pytest

from addons.autoscaler import names
from addons.autoscaler.desired.classes import Classes
from addons.autoscaler.desired.pods import claims_of, kept, pod_of
from addons.autoscaler.model.pods import Pod
from tests.support.as_manifests import AT, pod

LATER = "2026-11-01T12:00:30Z"


def made(spec: str | dict[str, Any] = "{}", *, status: dict[str, Any] | None = None, **meta: Any) -> Pod:
    return pod_of(pod(spec, status=status, **meta), Classes())


def noted(**annotations: str) -> Pod:
    return made(annotations={getattr(names, key): text for key, text in annotations.items()})


def condition(type_: str, status: str, **more: str) -> dict[str, Any]:
    return {"conditions": [{"type": type_, "status": status, "lastTransitionTime": LATER, **more}]}


def owned(kind: str, version: str) -> dict[str, Any]:
    reference = {"kind": kind, "name": "o", "uid": "u-o", "apiVersion": version, "controller": True}
    return {"ownerReferences": [{"kind": "Other", "uid": "x"}, reference]}


class TestAPodThatWaits:
    def test_since_when_the_scheduler_refuses_it_and_why(self) -> None:
        found = made(status=condition("PodScheduled", "False", reason="Unschedulable", message="0/1 nodes"))
        assert (found.unschedulable_since, found.scheduler_message) == (AT + 30, "0/1 nodes")

    @pytest.mark.parametrize(
        "status",
        [
            {},
            condition("PodScheduled", "False", reason="SchedulingGated"),
            condition("PodScheduled", "True", reason="Unschedulable"),
            condition("Ready", "False", reason="Unschedulable"),
        ],
    )
    def test_another_is_not_called_unschedulable(self, status: dict[str, Any]) -> None:
        assert made(status=status).unschedulable_since is None

    def test_one_that_has_a_node_is_not(self) -> None:
        refused = condition("PodScheduled", "False", reason="Unschedulable")
        assert made("{nodeName: n}", status=refused).unschedulable_since is None

    def test_a_gate_a_nomination_and_a_priority(self) -> None:
        found = made("{schedulingGates: [{name: g}], priority: -20}", status={"nominatedNodeName": "n-2"})
        assert (found.is_gated, found.nominated_node, found.priority) == (True, "n-2", -20)


class TestAPodThatRuns:
    def test_where_since_when_and_how(self) -> None:
        found = made("{nodeName: n-1}", status={"phase": "Running", **condition("Ready", "True")})
        assert (found.node, found.phase, found.is_ready, found.created) == ("n-1", "Running", True, AT)

    def test_when_it_ends(self) -> None:
        found = made("{terminationGracePeriodSeconds: 90}", deletionTimestamp=LATER)
        assert (found.delete_at, found.grace_seconds) == (AT + 30, 90)

    @pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
    def test_nothing_is_kept_of_one_that_has_ended(self, phase: str) -> None:
        assert kept(pod(status={"phase": phase}), Classes()) is None


class TestItsController:
    @pytest.mark.parametrize(
        ("kind", "version", "is_native"),
        [
            ("ReplicaSet", "apps/v1", True),
            ("Job", "batch/v1", True),
            ("ReplicationController", "v1", True),
            ("Node", "v1", True),
            ("StatefulSet", "apps.kruise.io/v1", False),
            ("Workflow", "argoproj.io/v1", False),
        ],
    )
    def test_whether_it_is_of_kubernetes(self, kind: str, version: str, is_native: bool) -> None:
        owner = made(**owned(kind, version)).owner
        assert owner is not None
        assert (owner.kind, owner.name, owner.uid, owner.is_native) == (kind, "o", "u-o", is_native)

    def test_an_owner_that_does_not_manage_it_is_none(self) -> None:
        assert made(ownerReferences=[{"kind": "ReplicaSet", "uid": "x"}]).owner is None

    def test_pods_of_daemonsets_by_their_owner_or_their_word(self) -> None:
        assert made(**owned("DaemonSet", "apps/v1")).is_daemon
        assert noted(DAEMONSET_POD="true").is_daemon
        assert not noted(DAEMONSET_POD="false").is_daemon


class TestAnnotations:
    def test_a_static_pod(self) -> None:
        assert noted(MIRROR="x").is_mirror

    @pytest.mark.parametrize("text", ["true", "false", "on-completion"])
    def test_whether_it_may_be_evicted(self, text: str) -> None:
        assert noted(SAFE_TO_EVICT=text).safe_to_evict == text

    @pytest.mark.parametrize(("text", "seconds"), [("90s", 90.0), ("1h30m", 5400.0), ("soon", 0.0)])
    def test_how_long_it_waits_for_nodes(self, text: str, seconds: float) -> None:
        assert noted(SCALE_UP_DELAY=text).scale_up_delay == seconds

    @pytest.mark.parametrize(("text", "allows"), [("true", True), ("false", False), ("perhaps", None)])
    def test_whether_a_daemonset_pod_is_evicted(self, text: str, allows: bool | None) -> None:
        assert noted(EVICT_DAEMONSET_POD=text).allows_daemonset_eviction is allows


class TestVolumesOnTheNode:
    SPEC = """
    volumes:
    - {name: scratch, emptyDir: {}}
    - {name: memory, emptyDir: {medium: Memory}}
    - {name: logs, hostPath: {path: /var/log}}
    - {name: settings, configMap: {name: c}}
    - {name: data, persistentVolumeClaim: {claimName: data-1}}
    - {name: cache, ephemeral: {volumeClaimTemplate: {}}}
    """

    def test_those_with_data_keep_it(self) -> None:
        assert made(self.SPEC).local_volumes == ("scratch", "logs")

    def test_but_not_those_that_are_called_safe(self) -> None:
        assert made(self.SPEC, annotations={names.SAFE_TO_EVICT_VOLUMES: "logs, scratch"}).local_volumes == ()

    def test_its_claims(self) -> None:
        assert claims_of("web-1", pod(self.SPEC).spec) == ("data-1", "web-1-cache")


def test_what_is_kept_has_no_more_than_is_needed() -> None:
    found = kept(pod("{nodeName: n}", labels={"a": "b"}, resourceVersion="7"), Classes())
    assert found is not None
    assert found.pod.labels == {"a": "b"}
    assert found.metadata.resource_version == "7"
    assert not found.metadata.labels
    assert found.spec.node_name == ""
