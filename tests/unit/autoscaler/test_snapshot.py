"""What one pass looks at: templates of all groups, and nodes that are not settled yet."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from addons.autoscaler import names
from addons.autoscaler.config import Config
from addons.autoscaler.desired.classes import Classes
from addons.autoscaler.desired.daemons import Daemon, daemon_of
from addons.autoscaler.desired.group_templates import TemplateBook, surroundings_of
from addons.autoscaler.desired.nodes import node_of
from addons.autoscaler.desired.pods import pod_of
from addons.autoscaler.desired.snapshot import Cluster, Situation, snapshot_of
from addons.autoscaler.desired.taints import TaintRules
from addons.autoscaler.model.groups import Group, Instance, InstanceType
from addons.autoscaler.model.nodes import Node, Template
from addons.autoscaler.model.pods import Pod, PodOwner
from addons.autoscaler.model.snapshot import Snapshot
from tests.support.as_manifests import AT, daemon_set, node, pod

TYPES = {"m5.large": InstanceType("m5.large", {"cpu": 2000, "memory": 8 << 30}, pod_limit=29)}
CONFIG = Config(max_node_provision_time=timedelta(minutes=7))
CLASSES = Classes()
LATER = AT + 3600


def group(name: str = "web", *, instances: tuple[Instance, ...] = (Instance("i-1"),), **parts: Any) -> Group:
    known: dict[str, Any] = {"min_size": 0, "max_size": 9, "desired": 1, "zones": ("eu-central-1a",)}
    return Group(name=name, instances=instances, **{"types": ("m5.large",), **known, **parts})


def made(name: str = "n-1", instance: str = "i-1", **more: Any) -> Node:
    status = "{allocatable: {cpu: 1930m, memory: 7Gi, pods: 29}}"
    spec = f"{{providerID: aws:///eu-central-1a/{instance}}}"
    return replace(node_of(node(name, spec=spec, status=status), None, TaintRules()), **more)


def running(kind: str = "ReplicaSet", uid: str = "u", **more: Any) -> Pod:
    found = pod_of(pod("{nodeName: n-1}"), CLASSES)
    return replace(found, owner=PodOwner(kind, "o", uid), is_daemon=kind == "DaemonSet", **more)


def agent() -> Daemon:
    found = daemon_of(daemon_set("agent"), CLASSES)
    assert found is not None
    return found


def seen(
    *nodes: Node,
    groups: tuple[Group, ...] = (group(),),
    pods: tuple[Pod, ...] = (),
    daemons: tuple[Daemon, ...] = (),
    now: float = LATER,
    book: TemplateBook | None = None,
) -> Snapshot:
    cluster = Cluster(nodes={each.name: each for each in nodes}, pods_of={"n-1": pods}, daemons=daemons)
    by_name = {each.name: each for each in groups}
    return snapshot_of(cluster, by_name, TYPES, book or TemplateBook(CONFIG), Situation(now=now))


def said(template: Template) -> list[object]:
    return [getattr(template, each.name) for each in fields(template)]


class TestTheTemplateOfAGroup:
    def test_is_by_tags_without_nodes(self) -> None:
        assert seen().templates["web"].source == "tags"

    def test_is_by_a_node_that_is_there(self) -> None:
        assert seen(made()).templates["web"].source == "node"

    @pytest.mark.parametrize(
        "state",
        [
            {"not_ready_why": "silent"},
            {"starting_why": "it still has a taint"},
            {"is_unschedulable": True},
            {"to_be_deleted_since": AT},
            {"drain": "{}"},
            {"instance": "i-of-another"},
        ],
    )
    def test_is_not_by_a_node_in_another_state(self, state: dict[str, Any]) -> None:
        assert seen(made(**state)).templates["web"].source == "tags"

    def test_is_not_by_a_node_whose_instance_goes(self) -> None:
        going = group(instances=(Instance("i-1", state="Terminating"),))
        assert seen(made(), groups=(going,)).templates["web"].source == "tags"

    def test_is_by_a_new_node_once_it_is_ready_for_a_minute(self) -> None:
        assert seen(made(), now=AT + 59).templates["web"].source == "tags"
        assert seen(made(), now=AT + 60).templates["web"].source == "node"

    def test_or_once_it_took_a_pod(self) -> None:
        assert seen(made(), pods=(running(),), now=AT + 1).templates["web"].source == "node"
        assert seen(made(), pods=(running("DaemonSet"),), now=AT + 1).templates["web"].source == "tags"

    def test_is_by_nodes_of_the_present_launch_template_before_others(self) -> None:
        instances = (Instance("i-1", launch_template="lt:1"), Instance("i-2", launch_template="lt:2"))
        wanted = group(instances=instances, launch_template="lt:2")
        old, new = made(labels={"old": "1"}), made("n-2", "i-2", labels={"new": "1"})
        found = seen(old, new, groups=(wanted,)).templates["web"]
        assert ("new" in found.labels, found.source) == (True, "node")
        assert seen(old, groups=(wanted,)).templates["web"].source == "older node"

    def test_has_the_static_pods_of_its_node(self) -> None:
        found = seen(made(), pods=(running("Node", is_mirror=True), running())).templates["web"]
        assert len(found.daemons) == 1

    def test_is_missing_with_a_reason_where_nothing_is_known(self) -> None:
        found = seen(groups=(group(types=("x9.huge",)), group("other")))
        assert found.untemplated == {"web": "nothing is known of its type of instance: x9.huge"}
        assert list(found.templates) == ["other"]


class TestWhatIsRemembered:
    def test_what_did_not_change_is_the_same_object(self) -> None:
        book, there, wanted = TemplateBook(CONFIG), made(), group()
        one, other = (seen(there, groups=(wanted,), book=book) for _ in range(2))
        assert one.templates["web"] is other.templates["web"]
        assert one.groups["web"] is other.groups["web"]

    @pytest.mark.parametrize(
        "change",
        [
            {"groups": (group(tags={names.TEMPLATE_LABEL + "a": "b"}),)},
            {"daemons": (agent(),)},
            {"pods": (running("Node", is_mirror=True),)},
        ],
    )
    def test_a_change_counts_at_once(self, change: dict[str, Any]) -> None:
        book, there = TemplateBook(CONFIG), made()
        before = seen(there, book=book).templates["web"]
        after = seen(there, book=book, **change).templates["web"]
        assert said(after) == said(seen(there, **change).templates["web"])
        assert after is not before

    def test_a_group_that_is_gone_is_forgotten(self) -> None:
        book = TemplateBook(CONFIG)
        seen(book=book)
        assert list(seen(groups=(group("other"),), book=book).templates) == ["other"]


class TestGroups:
    def test_they_have_their_options_and_what_is_wrong_with_their_tags(self) -> None:
        tags = {
            names.TEMPLATE_OPTIONS + "scaledownunneededtime": "1m",
            names.TEMPLATE_OPTIONS + "maxstep": "many",
            names.TEMPLATE_TAINT + "team": "a",
        }
        found = seen(groups=(group(tags=tags, problems=("no such group",)),)).groups["web"]
        assert (found.options.unneeded_seconds, found.options.provision_seconds) == (60.0, 420.0)
        assert [each.partition(":")[0].rpartition("/")[2] for each in found.problems] == [
            "no such group",
            "team",
            "maxstep=many",
        ]


class TestANodeThatIsReady:
    def test_is_starting_until_its_daemonset_pods_are_there(self) -> None:
        waits = "the pod of DaemonSet kube-system/agent is not there yet"
        assert seen(made(), daemons=(agent(),), now=AT + 5).nodes["n-1"].starting_why == waits

    def test_and_not_after_that(self) -> None:
        there = (running("DaemonSet", "u-agent"),)
        assert seen(made(), daemons=(agent(),), pods=there, now=AT + 5).nodes["n-1"].starting_why == ""

    def test_nor_when_that_takes_too_long(self) -> None:
        assert seen(made(), daemons=(agent(),), now=AT + 120).nodes["n-1"].starting_why == ""

    def test_nor_for_one_that_does_not_run_there(self) -> None:
        elsewhere = daemon_of(daemon_set("agent", "{nodeSelector: {a: b}}"), CLASSES)
        assert elsewhere is not None
        assert seen(made(), daemons=(elsewhere,), now=AT + 5).nodes["n-1"].starting_why == ""


class TestWhatOtherNodesTeach:
    def test_whether_addresses_are_counted(self) -> None:
        assert not surroundings_of([made()], ()).has_pod_ips
        assert surroundings_of([made(allocatable={names.POD_IP: 27}), made()], ()).has_pod_ips

    def test_how_many_volumes_a_type_takes_at_least(self) -> None:
        nodes = [
            made(labels={names.INSTANCE_TYPE: type_}, volume_limits=limits)
            for type_, limits in (
                ("a", {"ebs": 25}),
                ("a", {"ebs": 20, "x": 3}),
                ("b", {"ebs": 10}),
                ("c", {}),
            )
        ]
        assert surroundings_of(nodes, ()).volume_limits == {
            "a": {"ebs": 20, "x": 3},
            "b": {"ebs": 10},
            "": {"ebs": 10, "x": 3},
        }
