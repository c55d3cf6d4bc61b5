"""The guide from amazon-vpc-cni-k8s names every variable that is read, and so do the values of its chart."""

import re
from pathlib import Path

import pytest
import yaml

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


def test_the_chart_refuses_each_variable_of_the_guide_in_words() -> None:
    of_the_daemon = {"MY_NODE_NAME", "AWS_VPC_K8S_CNI_LOG_FILE"}
    assert {f"env.{name}" for name in rows().keys() - of_the_daemon} <= VALUES.keys()
