"""What the next node of a group is expected to be like."""

from dataclasses import replace
from typing import Any

import pytest

from addons.autoscaler import names
from addons.autoscaler.config import Config
from addons.autoscaler.desired.classes import Classes
from addons.autoscaler.desired.daemons import Daemon, daemon_of
from addons.autoscaler.desired.nodes import node_of
from addons.autoscaler.desired.pods import pod_of
from addons.autoscaler.desired.reserved import allocatable_of, reserved_cores
from addons.autoscaler.desired.tags import node_tags_of
from addons.autoscaler.desired.taints import TaintRules
from addons.autoscaler.desired.templates import Example, Surroundings, TemplateRules, pick, template_of
from addons.autoscaler.model.groups import Group, Instance, InstanceType
from addons.autoscaler.model.nodes import Node, Template
from addons.autoscaler.model.pods import Taint
from addons.runtime.unread_objects import stand_in
from tests.support.as_manifests import daemon_set, node, pod

MIB, GIB = 1 << 20, 1 << 30
LARGE = InstanceType("m5.large", {"cpu": 2000, "memory": 8 * GIB}, pod_limit=29)
XLARGE = InstanceType("m5.xlarge", {"cpu": 4000, "memory": 16 * GIB}, pod_limit=58)
TYPES = {each.name: each for each in (LARGE, XLARGE)}
CLASSES = Classes()


def group(**parts: Any) -> Group:
    tags = {names.TAG_PREFIX + "node-template/" + key: text for key, text in parts.pop("tagged", {}).items()}
    known = {"zones": ("eu-central-1a",), "types": ("m5.large",), "tags": parts.pop("tags", {}) | tags}
    return Group(name="web", min_size=0, max_size=9, desired=0, **known | parts)


def foretold(
    wanted: Group, *daemons: Daemon, around: Surroundings | None = None, kept: Any = None
) -> Template:
    rules = TemplateRules(kept=kept or {})
    found = template_of(wanted, TYPES, around or Surroundings(daemons), rules)
    assert isinstance(found, Template)
    return found


def real(status: str = "{allocatable: {cpu: 1930m, memory: 7Gi, pods: 29}}", **parts: Any) -> Node:
    labels = {names.ZONE: "eu-central-1a", names.INSTANCE_TYPE: "m5.large", **parts.pop("labels", {})}
    made = {"spec": "{providerID: aws:///eu-central-1a/i-1}", **parts}
    return node_of(node("ip-10-0-0-1", status=status, labels=labels, **made), None, TaintRules())


def learnt(wanted: Group, example: Node, **more: Any) -> Template:
    found = template_of(wanted, TYPES, Surroundings(), TemplateRules(), Example(example, **more))
    assert isinstance(found, Template)
    return found


class TestWhatIsForetold:
    def test_labels_of_both_generations(self) -> None:
        labels = foretold(group()).labels
        assert labels == {
            names.HOSTNAME: "next-node-of-web",
            names.ARCH: "amd64",
            "beta.kubernetes.io/arch": "amd64",
            names.OS: "linux",
            "beta.kubernetes.io/os": "linux",
            names.INSTANCE_TYPE: "m5.large",
            names.OLD_INSTANCE_TYPE: "m5.large",
            names.ZONE: "eu-central-1a",
            names.OLD_ZONE: "eu-central-1a",
            names.EBS_ZONE: "eu-central-1a",
            names.REGION: "eu-central-1",
            names.OLD_REGION: "eu-central-1",
        }

    def test_labels_of_tags_count_more(self) -> None:
        labels = foretold(group(tagged={"label/team": "a", f"label/{names.ARCH}": "arm64"})).labels
        assert (labels["team"], labels[names.ARCH]) == ("a", "arm64")

    def test_labels_of_the_groups_of_eks(self) -> None:
        labels = foretold(group(tags={"eks:nodegroup-name": "workers"}, capacity_type="spot")).labels
        assert labels["eks.amazonaws.com/nodegroup"] == "workers"
        assert labels["eks.amazonaws.com/capacityType"] == "SPOT"
        assert labels["nodegroup-name"] == "workers"

    def test_taints_but_not_those_that_pass(self) -> None:
        tagged = {
            "taint/team": "a:NoExecute",
            "taint/startup-taint.cluster-autoscaler.kubernetes.io/x": ":NoSchedule",
        }
        assert foretold(group(tagged=tagged)).taints == (Taint("team", "a", "NoExecute"),)

    def test_the_zone_with_the_fewest_instances_is_next(self) -> None:
        there = (Instance("i-1", "eu-central-1a"), Instance("i-2", "eu-central-1b", state="Terminating"))
        found = foretold(group(zones=("eu-central-1b", "eu-central-1a"), instances=there))
        assert (found.zone, found.labels[names.ZONE]) == ("eu-central-1b", "eu-central-1b")

    def test_a_local_zone_is_of_its_region(self) -> None:
        assert foretold(group(zones=("us-west-2-lax-1a",))).labels[names.REGION] == "us-west-2"

    def test_of_several_types_the_smallest_counts(self) -> None:
        found = foretold(group(types=("m5.xlarge", "m5.large")))
        assert found.labels[names.INSTANCE_TYPE] == found.smallest_type == "m5.large"
        assert found.allocatable == foretold(group()).allocatable
        assert foretold(group()).smallest_type == ""

    def test_types_that_nobody_knows_are_left_out_of_several(self) -> None:
        assert foretold(group(types=("x9.huge", "m5.large"))).allocatable["cpu"] == 1930

    def test_without_types_what_each_has_at_least_counts(self) -> None:
        found = foretold(group(types=(), floor={"cpu": 4000, "memory": 8 * GIB}))
        assert found.allocatable["cpu"] == 3920
        assert names.INSTANCE_TYPE not in found.labels

    @pytest.mark.parametrize(
        ("types", "why"),
        [
            ((), "no type of instance is known: neither its launch template nor its policy tells one"),
            (("x9.huge", "x8.huge"), "nothing is known of its type of instance: x8.huge, x9.huge"),
        ],
    )
    def test_or_why_nothing_is(self, types: tuple[str, ...], why: str) -> None:
        assert template_of(group(types=types), TYPES, Surroundings(), TemplateRules()) == why

    def test_why_it_cannot_be_read_what_a_group_launches_is_why_there_is_none(self) -> None:
        denied = group(types=(), degraded="ec2 DescribeLaunchTemplateVersions: not authorized")
        assert template_of(denied, TYPES, Surroundings(), TemplateRules()) == denied.degraded

    def test_volumes_as_on_other_nodes_of_the_type(self) -> None:
        limits = {"m5.large": {"ebs": 25}, "": {"ebs": 20}}
        around = Surroundings(volume_limits=limits)
        assert foretold(group(), around=around).volume_limits == {"ebs": 25}
        assert foretold(group(types=("m5.xlarge",)), around=around).volume_limits == {"ebs": 20}


class TestWhatItOffers:
    def test_what_the_images_of_eks_leave(self) -> None:
        system = int(8 * GIB * 0.075)
        assert foretold(group()).allocatable == {
            "cpu": 1930,
            "memory": 8 * GIB - system - (255 + 11 * 29 + 100) * MIB,
            "pods": 29,
        }

    @pytest.mark.parametrize(
        ("cores", "reserved"),
        [(0, 0), (500, 30), (1000, 60), (2000, 70), (4000, 80), (8000, 90), (96000, 310)],
    )
    def test_cores_that_are_reserved(self, cores: int, reserved: int) -> None:
        assert reserved_cores(cores) == reserved

    def test_a_type_without_known_addresses_takes_the_usual_pods(self) -> None:
        assert allocatable_of([replace(LARGE, pod_limit=0)], {}, {}, has_pod_ips=True)["pods"] == 110

    def test_the_settings_count_in_place_of_the_formula(self) -> None:
        found = foretold(group(), kept={"cpu": 0, "memory": GIB}).allocatable
        assert (found["cpu"], found["memory"]) == (2000, 7 * GIB)

    def test_resources_of_tags_are_what_the_machine_has(self) -> None:
        tagged = {
            "resources/example.org/disk": "2",
            "resources/pods": "8",
            "resources/ephemeral-storage": "100Gi",
        }
        found = foretold(group(tagged=tagged)).allocatable
        assert (found["example.org/disk"], found["pods"]) == (2, 8)
        assert found["ephemeral-storage"] == 89 * GIB

    def test_devices_of_the_type(self) -> None:
        gpu = InstanceType("g5.xlarge", {"cpu": 4000, "memory": 16 * GIB, "nvidia.com/gpu": 1})
        assert allocatable_of([gpu], {}, {}, has_pod_ips=False)["nvidia.com/gpu"] == 1

    def test_addresses_where_other_nodes_count_them(self) -> None:
        assert names.POD_IP not in foretold(group()).allocatable
        assert foretold(group(), around=Surroundings(has_pod_ips=True)).allocatable[names.POD_IP] == 27

    def test_never_less_than_nothing(self) -> None:
        tiny = InstanceType("t3.nano", {"cpu": 2000, "memory": GIB // 4}, pod_limit=4)
        assert "memory" not in allocatable_of([tiny], {}, {}, has_pod_ips=False)


class TestTagsThatCannotBeRead:
    @pytest.mark.parametrize(
        ("key", "text", "problem"),
        [
            ("taint/team", "a", "'a' has no effect: write VALUE:EFFECT, such as a:NoSchedule"),
            ("taint/team", "", "'' has no effect: write VALUE:EFFECT, such as true:NoSchedule"),
            (
                "taint/team",
                "a:Never",
                "'a:Never' has the effect 'Never', which is none of NoSchedule, NoExecute, PreferNoSchedule",
            ),
            ("resources/memory", "lots", "'lots' is not an amount, such as 2, 500m or 1.5Gi"),
        ],
    )
    def test_they_are_named_with_what_to_write(self, key: str, text: str, problem: str) -> None:
        found = node_tags_of(group(tagged={key: text, "label/ok": "yes"}))
        assert found.problems == (f"tag {names.TAG_PREFIX}node-template/{key}: {problem}",)
        assert (found.taints, found.resources, found.labels) == ((), {}, {"ok": "yes"})

    def test_a_value_with_colons_is_one(self) -> None:
        assert node_tags_of(group(tagged={"taint/a": "b:c:NoSchedule"})).taints == (Taint("a", "b:c"),)


class TestDaemonSets:
    def runs(self, spec: str, wanted: Group | None = None) -> bool:
        daemon = daemon_of(daemon_set("agent", spec), CLASSES)
        assert daemon is not None
        return bool(foretold(wanted or group(), daemon).daemons)

    @pytest.mark.parametrize(
        ("spec", "runs"),
        [
            ("{}", True),
            ("{nodeSelector: {kubernetes.io/os: linux}}", True),
            ("{nodeSelector: {kubernetes.io/os: windows}}", False),
            ("{nodeSelector: {kubernetes.io/hostname: other}}", False),
        ],
    )
    def test_those_whose_selector_fits_run(self, spec: str, runs: bool) -> None:
        assert self.runs(spec) is runs

    def test_affinity_counts(self) -> None:
        key = "requiredDuringSchedulingIgnoredDuringExecution"
        term = "{nodeSelectorTerms: [{matchExpressions: [{key: type, operator: %s, values: [x]}]}]}"
        spec = f"affinity: {{nodeAffinity: {{{key}: {term}}}}}"
        assert self.runs(spec % "NotIn")
        assert not self.runs(spec % "In")

    def test_taints_keep_those_away_that_do_not_tolerate_them(self) -> None:
        wanted = group(tagged={"taint/team": "a:NoSchedule"})
        assert not self.runs("{}", wanted)
        assert self.runs("{tolerations: [{operator: Exists}]}", wanted)

    def test_limits_of_the_template_count_as_requests(self) -> None:
        spec = "{containers: [{resources: {limits: {cpu: 100m}}}]}"
        daemon = daemon_of(daemon_set("agent", spec), CLASSES)
        assert daemon is not None
        assert daemon.cls.requests == {"cpu": 100, "pods": 1}

    def test_its_newest_pod_tells_what_they_really_request(self) -> None:
        newest = pod_of(pod("{containers: [{resources: {requests: {aws-addons.io/pod-ip: 1}}}]}"), CLASSES)
        daemon = daemon_of(daemon_set("agent"), CLASSES, newest)
        assert daemon is not None
        assert daemon.cls.requests == {names.POD_IP: 1, "pods": 1}

    def test_one_that_cannot_be_read_is_left_out(self) -> None:
        written = daemon_set("agent")
        assert daemon_of(stand_in(type(written), written.metadata, "spec is a number"), CLASSES) is None


class TestARealNode:
    def test_what_is_its_own_or_passes_is_left_out(self) -> None:
        labels = {
            names.HOSTNAME: "ip-10-0-0-1",
            "alpha.eksctl.io/instance-id": "i-1",
            "topology.k8s.aws/network-node-layer-1": "nn-1",
            "team": "a",
        }
        passing = f"{{key: {names.DELETION_CANDIDATE}, effect: PreferNoSchedule}}"
        spec = f"""
        providerID: aws:///eu-central-1a/i-1
        taints: [{passing}, {{key: team, effect: NoSchedule}}]
        """
        found = learnt(group(), real(labels=labels, spec=spec))
        assert found.labels == {
            names.HOSTNAME: "next-node-of-web",
            names.ZONE: "eu-central-1a",
            names.INSTANCE_TYPE: "m5.large",
            "team": "a",
        }
        assert found.taints == (Taint("team"),)
        assert found.source == "node"

    def test_what_it_offers_counts_and_not_what_was_foretold(self) -> None:
        assert learnt(group(), real()).allocatable == {"cpu": 1930, "memory": 7 * GIB, "pods": 29}

    def test_a_device_that_is_not_told_of_yet_is_expected(self) -> None:
        found = learnt(group(tagged={"resources/nvidia.com/gpu": "1"}), real())
        assert found.allocatable["nvidia.com/gpu"] == 1

    def test_the_next_may_be_in_another_zone(self) -> None:
        wanted = group(
            zones=("eu-central-1a", "eu-central-1b"), instances=(Instance("i-1", "eu-central-1a"),)
        )
        found = learnt(wanted, real())
        assert (found.zone, found.labels[names.ZONE]) == ("eu-central-1b", "eu-central-1b")
        assert names.OLD_ZONE not in found.labels

    def test_the_next_may_be_of_a_smaller_type(self) -> None:
        big = real(
            "{allocatable: {cpu: 3920m, memory: 15Gi, pods: 58}}", labels={names.INSTANCE_TYPE: "m5.xlarge"}
        )
        found = learnt(group(types=("m5.xlarge", "m5.large")), big)
        assert found.allocatable == foretold(group()).allocatable
        assert found.smallest_type == "m5.large"

    def test_but_not_smaller_than_the_smallest(self) -> None:
        assert learnt(group(types=("m5.xlarge", "m5.large")), real()).allocatable["memory"] == 7 * GIB

    def test_one_of_an_older_launch_template_says_so(self) -> None:
        assert learnt(group(), real(), is_current=False).source == "older node"

    def test_static_pods_are_on_each_node(self) -> None:
        static = pod_of(pod("{containers: [{resources: {requests: {cpu: 100m}}}]}"), CLASSES).cls
        assert learnt(group(), real(), fixed=(static,)).daemons == (static,)

    def test_a_group_whose_type_is_not_known_has_a_template_by_its_node(self) -> None:
        found = learnt(group(types=()), real())
        assert (found.allocatable["cpu"], found.predicted_difference) == (1930, ())


class TestTheDifference:
    def test_in_words(self) -> None:
        wanted = group(tagged={"label/team": "a", "label/disk": "ssd", "taint/gpu": "true:NoSchedule"})
        spec = "{providerID: aws:///eu-central-1a/i-1, taints: [{key: hidden, value: x, effect: NoSchedule}]}"
        base = {key: text for key, text in foretold(group()).labels.items() if key != names.HOSTNAME}
        found = learnt(
            wanted,
            real(
                "{allocatable: {cpu: 1, memory: 7Gi, pods: 29}}",
                labels=base | {"team": "b", "x": "y", "k8s.io/cloud-provider-aws": "z"},
                spec=spec,
            ),
        )
        assert found.predicted_difference == (
            "label disk=ssd is expected, and the nodes have none of that name",
            "label team is b on the nodes, and a was expected",
            "labels of the nodes that no tag tells of: x",
            "taint hidden=x:NoSchedule is on the nodes, and no tag tells of it",
            "taint gpu=true:NoSchedule is expected, and the nodes do not have it",
            "cpu: the nodes offer 1000m, not 1930m",
        )

    def test_labels_that_not_every_cluster_has_are_none(self) -> None:
        told = foretold(group()).labels
        plain = {key: text for key, text in told.items() if key.startswith(("kubernetes.io/", "node."))}
        plain |= {key: text for key, text in told.items() if key.startswith("topology.kubernetes.io/")}
        seen = real(labels=plain, spec="{providerID: aws:///eu-central-1a/i-1}")
        assert names.EBS_ZONE in told
        assert not any("label" in each for each in learnt(group(), seen).predicted_difference)

    def test_what_is_foretold_has_none(self) -> None:
        assert foretold(group()).predicted_difference == ()


class TestTheDigest:
    def test_it_is_the_same_for_the_same(self) -> None:
        assert foretold(group()).digest == foretold(group()).digest

    @pytest.mark.parametrize(
        "other",
        [
            group(tagged={"label/team": "a"}),
            group(tagged={"taint/team": "a:NoSchedule"}),
            group(tagged={"resources/pods": "8"}),
            group(zones=("eu-central-1b",)),
            group(types=("m5.xlarge",)),
        ],
    )
    def test_it_changes_with_what_matters(self, other: Group) -> None:
        assert foretold(other).digest != foretold(group()).digest

    def test_it_changes_with_the_daemonsets(self) -> None:
        daemon = daemon_of(daemon_set("agent"), CLASSES)
        assert daemon is not None
        assert foretold(group(), daemon).digest != foretold(group()).digest

    def test_machines_of_a_type_have_some_memory_more_or_less(self) -> None:
        one, other = (
            learnt(group(), real(f"{{allocatable: {{cpu: 1930m, memory: {kib}Ki, pods: 29}}}}"))
            for kib in (7244720, 7244688)
        )
        assert one.digest == other.digest

    def test_which_zone_is_next_does_not_matter(self) -> None:
        zones = ("eu-central-1a", "eu-central-1b")
        there = (Instance("i-1", "eu-central-1a"),)
        assert foretold(group(zones=zones)).digest == foretold(group(zones=zones, instances=there)).digest


class TestTheNodeToGoBy:
    def test_the_present_launch_template_counts_first_then_the_smallest_then_the_newest(self) -> None:
        small, big = real("{allocatable: {cpu: 1}}"), real("{allocatable: {cpu: 2}}")
        newer = replace(small, name="newer", created=small.created + 9)
        assert pick([(small, False), (big, True)]) == (big, True)
        assert pick([(big, True), (small, True)]) == (small, True)
        assert pick([(small, True), (newer, True)]) == (newer, True)
        assert pick([]) is None


def test_a_setting_that_is_no_amount_is_named() -> None:
    with pytest.raises(ValueError, match="--kube-reserved: memory: 'much' is not an amount"):
        TemplateRules.of(Config(kube_reserved={"memory": "much"}))
