"""What is known of a node; budgets; controllers."""

from typing import Any

import pytest

from addons.autoscaler import names
from addons.autoscaler.config import Config
from addons.autoscaler.desired.budgets import budget_of
from addons.autoscaler.desired.nodes import node_of
from addons.autoscaler.desired.owners import with_controller
from addons.autoscaler.desired.taints import TaintRules
from addons.autoscaler.model import objects
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.pods import PodOwner, Requirement, Taint
from addons.runtime.unread_objects import stand_in
from tests.support.as_manifests import AT, node, read


def made(*, csi: objects.CSINode | None = None, rules: TaintRules | None = None, **parts: Any) -> Node:
    return node_of(node(**parts), csi, rules or TaintRules())


def tainted(*taints: str, rules: TaintRules | None = None) -> Node:
    """A node with taints as kubectl writes them."""
    parted = [each.rpartition(":") for each in taints]
    written = [
        f"{{key: {pair.partition('=')[0]}, value: '{pair.partition('=')[2]}', effect: {effect}}}"
        for pair, _, effect in parted
    ]
    return made(spec=f"taints: [{', '.join(written)}]", rules=rules)


class TestANode:
    def test_its_instance_and_zone(self) -> None:
        found = made(spec="providerID: aws:///eu-central-1a/i-0abc")
        assert (found.instance, found.zone) == ("i-0abc", "eu-central-1a")

    @pytest.mark.parametrize("provider", ["", "kind://docker/x/y", "aws:///eu-central-1a/fargate-ip-1"])
    def test_another_machine_has_no_instance(self, provider: str) -> None:
        assert made(spec=f"providerID: '{provider}'").instance == ""

    def test_its_label_tells_the_zone_first(self) -> None:
        assert made(labels={names.ZONE: "a"}, spec="providerID: aws:///b/i-1").zone == "a"

    def test_what_it_offers(self) -> None:
        found = made(status="{capacity: {cpu: 2, memory: 8Gi}, allocatable: {cpu: 1930m, pods: 29}}")
        assert found.allocatable == {"cpu": 1930, "pods": 29}
        assert found.capacity == {"cpu": 2000, "memory": 8 << 30}

    def test_an_amount_that_cannot_be_read_is_not_there_and_the_node_stays(self) -> None:
        found = made(status="{allocatable: {cpu: lots, pods: 29}}")
        assert (found.allocatable, found.scale_down_disabled) == ({"pods": 29}, True)

    def test_how_many_volumes_it_takes(self) -> None:
        drivers = "[{name: ebs, allocatable: {count: 25}}, {name: x}, {name: y, allocatable: {}}]"
        csi = read(objects.CSINode, f"spec: {{drivers: {drivers}}}")
        assert made(csi=csi).volume_limits == {"ebs": 25}

    def test_its_annotations(self) -> None:
        found = made(
            annotations={
                names.SCALE_DOWN_DISABLED: "true",
                names.DELAY_DELETION + "backup": "true",
                names.DRAIN: "{}",
            }
        )
        assert (found.scale_down_disabled, found.delays_deletion, found.drain) == (True, True, "{}")


class TestWhetherItIsReady:
    def test_it_is(self) -> None:
        found = made()
        assert found.is_ready
        assert found.ready_changed == AT

    @pytest.mark.parametrize(
        ("condition", "why"),
        [
            ("{type: Ready, status: 'False', reason: KubeletNotReady, message: cni}", "KubeletNotReady: cni"),
            (
                "{type: Ready, status: Unknown, reason: NodeStatusUnknown}",
                "its kubelet is silent (NodeStatusUnknown)",
            ),
            ("{type: Ready, status: 'False'}", "its kubelet says so"),
            ("{type: Other, status: 'True'}", "its kubelet has told nothing yet"),
        ],
    )
    def test_why_it_is_not(self, condition: str, why: str) -> None:
        assert made(status=f"conditions: [{condition}]").not_ready_why == why


class TestTaints:
    def test_since_when_it_goes_or_is_not_needed(self) -> None:
        found = tainted(
            f"{names.TO_BE_DELETED}=100:NoSchedule", f"{names.DELETION_CANDIDATE}=50:PreferNoSchedule"
        )
        assert (found.to_be_deleted_since, found.candidate_since) == (100.0, 50.0)

    def test_a_time_that_cannot_be_read_never_makes_it_go_sooner(self) -> None:
        found = tainted(
            f"{names.TO_BE_DELETED}=x:NoSchedule", f"{names.DELETION_CANDIDATE}=y:PreferNoSchedule"
        )
        assert (found.to_be_deleted_since, found.candidate_since) == (0.0, None)

    @pytest.mark.parametrize(
        "key",
        [
            "startup-taint.cluster-autoscaler.kubernetes.io/x",
            "ignore-taint.cluster-autoscaler.kubernetes.io/x",
            "agent-not-ready",
            "old",
            "example.org/starting-disk",
            "node.cloudprovider.kubernetes.io/uninitialized",
            "node.kubernetes.io/not-ready",
        ],
    )
    def test_with_one_of_starting_nodes_it_is_starting(self, key: str) -> None:
        config = Config(
            startup_taint=("agent-not-ready",),
            startup_taint_prefix=("example.org/starting-",),
            ignore_taint=("old",),
        )
        found = tainted(f"{key}:NoSchedule", rules=TaintRules.of(config))
        assert found.starting_why == f"it still has the taint {key}"

    def test_with_others_it_is_not(self) -> None:
        assert (
            tainted("team=a:NoSchedule", "node.kubernetes.io/memory-pressure:NoSchedule").starting_why == ""
        )

    def test_those_that_last(self) -> None:
        rules = TaintRules.of(Config(status_taint=("busy",), status_taint_prefix=("state/",)))
        passing = (
            "busy",
            "state/x",
            names.NO_POD_IPS,
            "status-taint.cluster-autoscaler.kubernetes.io/x",
            "startup-taint.cluster-autoscaler.kubernetes.io/x",
            names.TO_BE_DELETED,
            names.DELETION_CANDIDATE,
            *names.NODE_CONDITION_TAINTS,
        )
        assert rules.lasting([*map(Taint, passing), Taint("b"), Taint("a", "v", "NoExecute")]) == (
            Taint("a", "v", "NoExecute"),
            Taint("b"),
        )


class TestABudget:
    MANIFEST = """
    metadata: {name: web, namespace: shop, generation: 3}
    spec: {selector: {matchLabels: {app: web}}, unhealthyPodEvictionPolicy: %s}
    status: {disruptionsAllowed: %d, observedGeneration: %d}
    """

    def test_what_it_permits(self) -> None:
        found = budget_of(read(objects.PodDisruptionBudget, self.MANIFEST % ("AlwaysAllow", 2, 3)))
        assert (found.allowed, found.evicts_unhealthy, found.is_current) == (2, True, True)
        assert found.selector == (Requirement("app", "In", ("web",)),)

    def test_a_change_that_nobody_has_looked_at(self) -> None:
        found = budget_of(read(objects.PodDisruptionBudget, self.MANIFEST % ("IfHealthyBudget", 2, 2)))
        assert (found.evicts_unhealthy, found.is_current) == (False, False)

    @pytest.mark.parametrize(("healthy", "needed", "may_go"), [(2, 2, True), (1, 2, False), (0, 0, False)])
    def test_pods_that_are_not_ready_may_go_while_enough_others_are(
        self, healthy: int, needed: int, may_go: bool
    ) -> None:
        status = f"status: {{currentHealthy: {healthy}, desiredHealthy: {needed}}}"
        assert budget_of(read(objects.PodDisruptionBudget, status)).evicts_unhealthy is may_go

    def test_without_a_selector_it_protects_nobody(self) -> None:
        assert budget_of(read(objects.PodDisruptionBudget, "spec: {}")).selector is None

    def test_one_that_cannot_be_read_lets_nobody_go(self) -> None:
        unread = read(objects.PodDisruptionBudget, self.MANIFEST % ("x", 9, 9))
        found = budget_of(stand_in(objects.PodDisruptionBudget, unread.metadata, "spec is a number"))
        assert (found.selector, found.allowed, found.is_current) == ((), 0, False)


class TestAController:
    TOLD = PodOwner("ReplicaSet", "web", "u-1", is_known=False)

    def test_how_many_pods_it_wants(self) -> None:
        found = read(objects.ReplicaSet, "{metadata: {uid: u-1}, spec: {replicas: 3}}")
        assert with_controller(self.TOLD, found) == PodOwner("ReplicaSet", "web", "u-1", 3)

    def test_a_job_runs_so_many_at_once(self) -> None:
        found = read(objects.Job, "{metadata: {uid: u-1}, spec: {parallelism: 4}}")
        assert with_controller(PodOwner("Job", "web", "u-1"), found).replicas == 4

    def test_a_daemonset_wants_no_number(self) -> None:
        found = with_controller(
            PodOwner("DaemonSet", "web", "u-1"), read(objects.DaemonSet, "metadata: {uid: u-1}")
        )
        assert (found.replicas, found.is_known) == (None, True)

    def test_another_of_the_same_name_is_not_it(self) -> None:
        found = read(objects.ReplicaSet, "{metadata: {uid: u-2}, spec: {replicas: 3}}")
        assert with_controller(self.TOLD, found) == self.TOLD

    def test_one_that_is_gone_is_not_known(self) -> None:
        assert with_controller(PodOwner("ReplicaSet", "web", "u-1", 3), None) == self.TOLD
