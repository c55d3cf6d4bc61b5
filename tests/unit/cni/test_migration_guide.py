"""The guide from amazon-vpc-cni-k8s names every variable that is read, and so do the values of its chart."""

import re
from pathlib import Path

import pytest
import yaml

from addons.cni import names
from addons.cni.config import Config
from addons.runtime.settings import settings_of

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "migrating-from-amazon-vpc-cni-k8s.md").read_text()
VALUES = yaml.safe_load((ROOT / "charts/cni/files/values-of-amazon-vpc-cni-k8s.yaml").read_text())
READ = {
    name: setting.flag
    for setting in settings_of(Config)
    for name in setting.environment
    if not name.startswith("ADDONS_")
}


def rows() -> dict[str, str]:
    """What the guide says of each variable."""
    _, _, rest = GUIDE.partition("\n## Settings of amazon-vpc-cni-k8s\n")
    found = re.findall(r"^\| (`.+?) \| (.+) \|$", rest.partition("\n## ")[0], re.MULTILINE)
    return {name: words for names, words in found for name in re.findall(r"`(\w+)`", names)}


@pytest.mark.parametrize("name", READ)
def test_a_variable_that_is_read_is_in_the_guide_with_its_flag(name: str) -> None:
    assert READ[name] in rows()[name]


def test_the_guide_tells_the_variables_that_are_read_from_those_that_are_not() -> None:
    read, _, ignored = GUIDE.partition("\nThese are not read. ")
    assert READ.keys() <= set(re.findall(r"`(\w+)`", read))
    rows_after = re.findall(r"^\| (`.+?) \|", ignored.partition("\n## ")[0], re.MULTILINE)
    names_after = {name for row in rows_after for name in re.findall(r"`(\w+)`", row)}
    assert len(names_after) > 20
    assert names_after.isdisjoint(READ)


def test_the_chart_refuses_each_variable_of_the_guide_in_words() -> None:
    of_the_daemon = {"MY_NODE_NAME", "AWS_VPC_K8S_CNI_LOG_FILE"}
    assert {f"env.{name}" for name in rows().keys() - of_the_daemon} <= VALUES.keys()


def test_the_guide_tags_interfaces_of_the_nodes_alone_by_the_tags_of_the_original() -> None:
    """Others in the VPC may be another cluster's, whose sweep and policy go by the same tag."""
    (command,) = re.findall(r"^for node in .*?^done$", GUIDE, re.MULTILINE | re.DOTALL)
    assert f"Name=tag:{names.INSTANCE_TAG},Values=${{node##*/}}" in command
    assert f"Key={names.CLUSTER_TAG}," in command


def test_helm_forgets_the_release_of_the_original_before_ours_has_the_name_of_its_daemonset() -> None:
    forget = GUIDE.index("delete secret --selector owner=helm,name=aws-vpc-cni")
    assert forget < GUIDE.index("helm install cni")
