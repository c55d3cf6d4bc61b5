"""How much of a node is used: by what its pods request."""

import pytest

from addons.autoscaler.model.groups import GroupOptions
from addons.autoscaler.model.nodes import Node
from addons.autoscaler.model.pods import Pod, PodClass
from addons.autoscaler.plan.shrink_options import ShrinkOptions
from addons.autoscaler.plan.utilization import Utilization, Utilizations, threshold, utilization
from tests.support.as_shrink import GIB, NOW, daemon, node, pod, pod_class

HALF = pod_class(1000)


def used(*pods: Pod, of: Node | None = None, ignores: bool = False, **shrink: object) -> Utilization:
    options = GroupOptions(ignores_daemonsets=ignores)
    return utilization(
        of or node("n1"),
        pods,
        options,
        shrink=ShrinkOptions(**shrink),  # type: ignore[arg-type]
        now=NOW,
    )


class TestShare:
    def test_a_node_without_pods_is_not_used(self) -> None:
        assert used().share == 0

    def test_it_is_what_is_requested_of_what_is_allocatable(self) -> None:
        assert used(pod("a", cpu=500), pod("b", cpu=300)) == Utilization(0.4, "cpu")

    def test_the_scarcer_of_cpu_and_memory_counts(self) -> None:
        assert used(pod("a", cls=pod_class(100, 6 * GIB))) == Utilization(0.75, "memory")

    def test_pods_of_a_daemonset_count(self) -> None:
        assert used(daemon("d", cpu=500)).share == 0.25

    def test_pods_of_a_daemonset_are_taken_from_the_node_where_the_group_says_so(self) -> None:
        assert used(daemon("d", cpu=1000), pod("a", cpu=500), ignores=True).share == 0.5

    def test_static_pods_are_taken_from_the_node_where_the_settings_say_so(self) -> None:
        static = pod("s", cpu=1000, is_mirror=True)
        assert used(static).share == 0.5
        assert used(static, pod("a", cpu=500), ignores_mirror_pods=True).share == 0.5

    def test_a_pod_that_hangs_does_not_count(self) -> None:
        assert used(pod("a", cls=HALF, delete_at=NOW - 31)).share == 0
        assert used(pod("a", cls=HALF, delete_at=NOW - 29)).share == 0.5

    def test_an_expendable_pod_does_not_count(self) -> None:
        assert used(pod("a", cls=HALF, priority=-11)).share == 0
        assert used(pod("a", cls=HALF, priority=-10)).share == 0.5

    def test_a_node_that_offers_nothing_counts_as_full(self) -> None:
        assert used(of=node("n1", allocatable={})).share == 1


class TestGpu:
    """Of a node with GPUs only these count."""

    GPU = node("n1", allocatable={"cpu": 2000, "memory": GIB, "pods": 9, "nvidia.com/gpu": 4})

    def gpu_class(self) -> PodClass:
        requests = {"cpu": 2000, "nvidia.com/gpu": 1, "pods": 1}
        return PodClass(digest="gpu", namespace="shop", labels={}, requests=requests)

    def test_cpu_is_no_matter(self) -> None:
        assert used(pod("a", cls=self.gpu_class()), of=self.GPU) == Utilization(0.25, "nvidia.com/gpu")

    def test_it_has_a_threshold_of_its_own(self) -> None:
        options = GroupOptions(utilization_threshold=0.5, gpu_utilization_threshold=0.2)
        assert (threshold(node("n1"), options), threshold(self.GPU, options)) == (0.5, 0.2)


class TestKept:
    """What was summed up is kept while node and pods are the same records."""

    def ask(self, kept: Utilizations, pods: tuple[Pod, ...], *, of: Node, now: float = NOW) -> float:
        return kept.of(of, pods, GroupOptions(), shrink=ShrinkOptions(), now=now).share

    def test_the_same_pods_are_not_summed_up_again(self) -> None:
        kept, here, pods = Utilizations(), node("n1"), (pod("a", cpu=500),)
        assert self.ask(kept, pods, of=here) == 0.25
        pods[0].cls.requests["cpu"] = 1000  # type: ignore[index]
        try:
            assert self.ask(kept, pods, of=here) == 0.25
        finally:
            pods[0].cls.requests["cpu"] = 500  # type: ignore[index]

    @pytest.mark.parametrize("cpu", [500, 1000])
    def test_other_pods_are(self, cpu: int) -> None:
        kept, here = Utilizations(), node("n1")
        self.ask(kept, (pod("a", cpu=100),), of=here)
        assert self.ask(kept, (pod("a", cpu=cpu),), of=here) == cpu / 2000

    def test_another_state_of_the_node_is(self) -> None:
        kept, pods = Utilizations(), (pod("a", cpu=500),)
        self.ask(kept, pods, of=node("n1"))
        assert self.ask(kept, pods, of=node("n1", cpu=4000)) == 0.125

    def test_a_pod_that_begins_to_hang_is_noticed(self) -> None:
        kept, here, pods = Utilizations(), node("n1"), (pod("a", cpu=500, delete_at=NOW),)
        assert self.ask(kept, pods, of=here) == 0.25
        assert self.ask(kept, pods, of=here, now=NOW + 31) == 0
