"""What nodes of a cell are told at their start, and that the tags of their group say the same."""

import json
import shlex
import tomllib
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from addons.autoscaler import names
from addons.autoscaler.config import Config
from addons.autoscaler.desired.options import options_of
from addons.autoscaler.desired.tags import node_tags_of
from addons.autoscaler.desired.templates import Surroundings, TemplateRules, template_of
from addons.autoscaler.matrix.kubelet import EFFECTS, label_fault
from addons.autoscaler.matrix.tags import group_tags, instance_tags
from addons.autoscaler.matrix.user_data import HANDED_BY, PLACEHOLDERS, filled, template_faults
from addons.autoscaler.model.groups import Group, InstanceType
from addons.autoscaler.model.matrix import Cell
from addons.autoscaler.model.nodes import Template
from addons.autoscaler.model.pods import Taint
from tests.support.as_matrix import base, cell, example

WEB = "web/m5.large/spot/eu-central-1a"
M5 = InstanceType("m5.large", {"cpu": 2000, "memory": 8 << 30}, pod_limit=29)


def web(**changes: Any) -> Cell:
    return cell(WEB, **changes)


def foretold(of: Cell) -> Template:
    """What the autoscaler takes a new node of the group for, by the tags alone."""
    tags = group_tags(of) | instance_tags(of)
    group = Group(
        name=of.name, min_size=0, max_size=9, desired=0, zones=(of.zone,), types=("m5.large",), tags=tags
    )
    assert node_tags_of(group).problems == ()
    found = template_of(group, {"m5.large": M5}, Surroundings(), TemplateRules())
    assert isinstance(found, Template)
    return found


def registered(arguments: list[str]) -> tuple[dict[str, str], set[Taint]]:
    """The labels and taints that a kubelet with these arguments gives its node, as its manual says it."""
    labels: dict[str, str] = {}
    taints: set[Taint] = set()
    for argument in arguments:
        flag, _, value = argument.partition("=")
        for item in value.split(","):
            if flag == "--node-labels":
                key, _, text = item.partition("=")
                labels[key] = text
            else:
                assert flag == "--register-with-taints"
                pair, effect = item.split(":")
                key, _, text = pair.partition("=")
                taints.add(Taint(key, text, effect))
    return labels, taints


NAMES = st.from_regex(r"\A[A-Za-z0-9]([-A-Za-z0-9_.]{0,20}[A-Za-z0-9])?\Z")
DOMAINS = st.sampled_from(["", "example.com/", "node.kubernetes.io/", "kubelet.kubernetes.io/"])
KEYS = st.tuples(DOMAINS, NAMES).map("".join).filter(lambda key: not label_fault(key, ""))
VALUES = st.just("") | NAMES
LABELS = st.dictionaries(KEYS, VALUES, max_size=5)
TAINTS = st.lists(
    st.builds(Taint, KEYS, VALUES, st.sampled_from(EFFECTS)), max_size=4, unique_by=lambda each: each.key
).map(tuple)


class TestTagsAndKubeletAgree:
    @settings(max_examples=60, deadline=None)
    @given(labels=LABELS, taints=TAINTS)
    def test_a_node_is_what_the_tags_of_its_group_foretold(
        self, labels: dict[str, str], taints: tuple[Taint, ...]
    ) -> None:
        of = web(labels=labels, taints=taints)
        template = foretold(of)
        arguments = shlex.split(filled("${kubeletArguments}", of))
        assert json.loads(filled("${kubeletFlags}", of)) == arguments
        node_labels, node_taints = registered(arguments)
        assert node_labels == labels
        assert node_taints == set(taints)
        assert {key: template.labels[key] for key in labels} == node_labels
        assert set(template.taints) == {
            each for each in taints if TemplateRules().taints.is_lasting(each.key)
        }
        own = foretold(web(labels={}, taints=())).labels
        assert template.labels == own | node_labels

    @pytest.mark.parametrize("of", example().cells, ids=lambda of: of.name)
    def test_the_cells_of_the_example_do(self, of: Cell) -> None:
        part = of.user_data.partition("apiVersion: ")[2].partition("\n--//--")[0]
        config = yaml.safe_load(f"apiVersion: {part}")
        labels, taints = registered(config["spec"]["kubelet"]["flags"])
        template = foretold(of)
        assert labels.items() <= template.labels.items()
        assert taints == set(template.taints)
        assert labels["service"] == of.service

    def test_options_come_back_as_they_were_asked_for(self) -> None:
        line = "  image: ami-1\n  utilizationThreshold: 0.7\n  priority: -3\n  price: 0.0001"
        line += "\n  unneededTime: 1h30m"
        of = cell(WEB, base({4: line}))
        found, problems = options_of(group_tags(of), Config())
        assert problems == ()
        assert found.utilization_threshold == 0.7
        assert (found.priority, found.price, found.unneeded_seconds) == (-3, 0.0001, 5400.0)

    def test_resources_are_told_by_tags(self) -> None:
        tags = group_tags(web(resources={"ephemeral-storage": "50Gi"}))
        assert tags[names.TEMPLATE_RESOURCES + "ephemeral-storage"] == "50Gi"

    def test_the_autoscaler_finds_the_group_by_its_tags(self) -> None:
        tags = group_tags(web())
        assert tags["k8s.io/cluster-autoscaler/enabled"] == "true"
        assert tags["k8s.io/cluster-autoscaler/prod"] == "owned"

    def test_instances_bear_the_tag_of_the_cluster_and_the_users_own(self) -> None:
        tags = instance_tags(web(tags={"cost": "7"}))
        assert tags == {
            "Name": "prod-web-m5-large-spot-a",
            "cost": "7",
            "kubernetes.io/cluster/prod": "owned",
        }


class TestPlaceholders:
    @pytest.mark.parametrize(
        ("template", "expected"),
        [
            ("${cluster} ${matrix} ${name}", "prod shop prod-web-m5-large-spot-a"),
            ("${service} ${instanceType} ${capacity}", "web m5.large spot"),
            ("${zone} ${region}", "eu-central-1a eu-central-1"),
            ("${nodeLabels}", "a=b,team=shop"),
            ("${nodeTaints}", "dedicated=shop:NoSchedule,gpu=:NoExecute"),
            ("${kernelSettings}", "net.x = 1 2\nvm.swappiness = 1"),
            ("${kernelCommand}", "sysctl -w 'net.x=1 2' vm.swappiness=1"),
            ("  ${kernelSettings}\n", "  net.x = 1 2\n  vm.swappiness = 1\n"),
            ("a\n\t${kernelSettings} ${zone}", "a\n\tnet.x = 1 2\n\tvm.swappiness = 1 eu-central-1a"),
            ("x ${kernelSettings}", "x net.x = 1 2\nvm.swappiness = 1"),
            ("$${HOME} $HOME $$ ${zone}", "${HOME} $HOME $$ eu-central-1a"),
            ("  $${HOME}", "  ${HOME}"),
        ],
    )
    def test_a_placeholder_is_filled_in(self, template: str, expected: str) -> None:
        taints = (Taint("gpu", "", "NoExecute"), Taint("dedicated", "shop"))
        of = web(
            labels={"team": "shop", "a": "b"}, taints=taints, kernel={"vm.swappiness": "1", "net.x": "1 2"}
        )
        assert filled(template, of) == expected

    def test_what_is_not_asked_for_leaves_nothing(self) -> None:
        of = web(labels={}, taints=(), kernel={})
        assert filled("[${kubeletArguments}] ${kubeletFlags} ${kernelCommand}", of) == "[] [] true"
        assert filled("${bottlerocketSettings}", of) == ""

    def test_bottlerocket_reads_tables_of_toml(self) -> None:
        of = web(taints=(Taint("a", "b"), Taint("c", "", "NoExecute")))
        assert tomllib.loads(filled("${bottlerocketSettings}", of)) == {
            "settings": {
                "kubernetes": {
                    "node-labels": {"team": "shop"},
                    "node-taints": {"a": ["b:NoSchedule"], "c": [":NoExecute"]},
                },
                "kernel": {"sysctl": {"vm.swappiness": "1"}},
            }
        }

    @pytest.mark.parametrize("template", ["${", "${}", "a ${x", "${Zone}", "${zone", "${ zone }"])
    def test_what_is_no_placeholder_is_told_and_left_as_it_is(self, template: str) -> None:
        ((line, message),) = template_faults(template)
        assert line == 0
        assert "is no placeholder" in message

    def test_every_placeholder_says_what_it_is(self) -> None:
        assert all(words for _, words in PLACEHOLDERS.values())
        assert {each for known in HANDED_BY.values() for each in known} <= PLACEHOLDERS.keys()

    def test_another_label_makes_other_user_data(self) -> None:
        changed = base({6: "  labels: {team: store}"})
        assert cell(WEB, changed).user_data != web().user_data
        assert cell(WEB, changed).user_data_template == web().user_data_template
