"""docs/install.md installs the suite: its values and commands, in their order, by the real Helm."""

import re
import shlex

import pytest
import yaml

from addons.sim.kubeapi.server import KubeApi
from tests.support.charts import ROOT, Values, merge
from tests.support.helm import NAMESPACE
from tests.support.umbrella import UmbrellaRelease, cluster

PAGE = (ROOT / "docs" / "install.md").read_text()
SECTION = PAGE[PAGE.index("## Install the suite") :].partition("\n## ")[0]
FILES = {
    match["name"]: yaml.safe_load(match["text"])
    for match in re.finditer(r"```yaml\n *# (?P<name>\S+)\n(?P<text>.*?)```", SECTION, re.DOTALL)
}
COMMANDS = [
    line.strip()
    for language, block in re.findall(r"```(\w*)\n(.*?)```", SECTION, re.DOTALL)
    if not language
    for line in block.splitlines()
    if line.strip()
] + re.findall(r"(?<!`)`((?:helm|kubectl) [^`]+)`", SECTION)
KNOWN = {
    "docker build",
    "make image",
    "skopeo copy",
    "helm dependency",
    "helm install",
    "helm upgrade",
    "helm template",
}


class PageRelease(UmbrellaRelease):
    """A release with the values of the page alone, called as the page calls it."""

    def given(self, *more: Values) -> Values:
        """Nothing but what the command says."""
        given: Values = {}
        for layer in more:
            given = merge(given, layer)
        return given


def values_of(command: str) -> list[Values]:
    """The files that a command names by `--values`."""
    words = shlex.split(command)
    return [FILES[words[at + 1]] for at, word in enumerate(words) if word == "--values"]


def helm_commands(verb: str) -> list[str]:
    """The commands of the page with a verb."""
    return [each for each in COMMANDS if each.startswith(f"helm {verb} ")]


def names(api: KubeApi) -> set[str]:
    """The add-ons that have a workload."""
    return {
        each["metadata"]["labels"]["app.kubernetes.io/name"]
        for plural in ("daemonsets", "deployments")
        for each in api.store.list("apps/v1", plural, NAMESPACE)
    }


async def test_its_commands_install_first_what_hurts_nobody_and_then_each_further_add_on() -> None:
    async with cluster() as (api, admin):
        release = PageRelease(admin.config)
        (install,) = helm_commands("install")
        assert install.startswith("helm install addons charts/addons --namespace kube-system ")
        await release.install(*values_of(install))
        assert names(api) == {"albingress", "albingress-webhook", "autoscaler", "dns"} - {
            "albingress-webhook"
        }
        settings = api.store.get("v1", "configmaps", NAMESPACE, "aws-dns")["data"]["config.yaml"]
        assert "dryRun: true" in settings
        grown = names(api)
        for upgrade in sorted(helm_commands("upgrade"), key=len):
            await release.upgrade(*values_of(upgrade))
            assert names(api) >= grown
            grown = names(api)
        assert grown >= {"albingress", "autoscaler", "cni", "dns", "iamproxy"}


def test_every_command_of_the_page_is_one_that_these_tests_know() -> None:
    kubectl = [each for each in COMMANDS if each.startswith("kubectl ")]
    assert kubectl == [
        "kubectl --namespace kube-system get pods --selector app.kubernetes.io/part-of=aws-addons",
        "kubectl --namespace kube-system logs deployment/addons-dns",
    ]
    others = {" ".join(each.split()[:2]) for each in COMMANDS if each not in kubectl}
    assert others == KNOWN | {"helm test"}
    assert helm_commands("dependency") == ["helm dependency update charts/addons"]
    assert helm_commands("test") == ["helm test addons --namespace kube-system --logs"]


@pytest.mark.parametrize("path", ["charts/addons", "docs/iam.md", "Dockerfile"])
def test_what_the_page_builds_from_is_in_the_checkout(path: str) -> None:
    assert (ROOT / path).exists()
