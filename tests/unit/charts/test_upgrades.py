"""From every former release of a chart to this one: values go on, nothing changes that cannot be changed."""

import copy
import re
from functools import cache

import pytest
import yaml

from tests.support.charts import APPLICATIONS, CHARTS, ROOT, Object, Values, helm, render, workload
from tests.support.past_charts import (
    EVERY_CASE,
    FINDS_BY,
    FOLDER,
    PAST,
    Past,
    by_name,
    definitions,
    fixed,
    lost,
    state,
)
from tests.support.umbrella import UMBRELLA

REFUSED = {
    (
        "dns",
        "0.0.1",
        "every-setting",
    ): "config.txtEncryptEnabled needs the key: ADDONS_DNS_TXT_ENCRYPT_AES_KEY in",
    ("iamproxy", "0.0.1", "every-setting"): "config.policyFile /etc/policy/policy.yaml has to be mounted:",
}
"""Values that a former release let pass, though its daemon could not start, and what is said of them now."""

MOVED = {
    ("albingress", "0.0.1"): re.compile(r"(aws-albingress|names)-(ingresses|secrets|original)"),
    ("dns", "0.0.1"): re.compile(r"(aws-dns|names)-sources"),
}
"""Roles in namespaces of others have the namespace of the release in their names now: they are made anew."""

ACCEPTED = [(past, case) for past, case in EVERY_CASE if (*past, case) not in REFUSED]
every_case = pytest.mark.parametrize(
    ("past", "case"), ACCEPTED, ids=lambda each: each if isinstance(each, str) else "-".join(each)
)
every_past = pytest.mark.parametrize("past", PAST, ids="-".join)


@cache
def before_and_after(past: Past, case: str) -> tuple[list[Object], list[Object]]:
    """What a former release renders for its users' values, and what this one does."""
    given = past.cases()[case]
    return render(given, past.package), render(copy.deepcopy(given), past.present)


def test_every_chart_has_a_former_release() -> None:
    assert {past.chart for past in PAST} >= set(APPLICATIONS)


def test_every_release_that_the_changelog_has_left_its_charts_here() -> None:
    present = yaml.safe_load((CHARTS / "dns" / "Chart.yaml").read_text())["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text()
    released = set(re.findall(r"^## \[?v?(\d+\.\d+\.\d+)", changelog, re.MULTILINE)) - {present}
    kept = {(past.chart, past.version) for past in PAST}
    wanted = {(chart, version) for chart in (*APPLICATIONS, UMBRELLA) for version in released}
    assert wanted - kept == set(), "docs/releasing.md: copy the packages, and the values of the ci folders"


@every_past
def test_a_package_is_small_and_has_its_values(past: Past) -> None:
    assert past.package.stat().st_size < 256 * 1024
    assert "default" in past.cases()
    assert {file.suffix for file in FOLDER.iterdir()} == {".md", ".tgz", ".yaml"}


@every_case
def test_no_field_changes_that_cannot_be_changed(past: Past, case: str) -> None:
    old, new = map(by_name, before_and_after(past, case))
    assert {name: fixed(new[name]) for name in old.keys() & new.keys()} == {
        name: fixed(old[name]) for name in old.keys() & new.keys()
    }


@every_case
def test_every_object_keeps_its_name(past: Past, case: str) -> None:
    old, new = map(by_name, before_and_after(past, case))
    moved = MOVED.get((past.chart, past.version))
    gone = [name for name in old if name not in new and not (moved and moved.fullmatch(name[2]))]
    assert gone == []


@every_case
def test_what_outlives_the_pods_is_found_again(past: Past, case: str) -> None:
    old, new = before_and_after(past, case)
    assert state(old) - state(new) == set()


@pytest.mark.parametrize(("place", "words"), REFUSED.items(), ids=lambda each: "-".join(each)[:40])
def test_values_that_are_refused_now_are_refused_in_words(place: tuple[str, str, str], words: str) -> None:
    past, case = Past(*place[:2]), place[2]
    with pytest.raises(helm.HelmRenderError, match=re.escape(words)):
        render(past.cases()[case], past.present)


@every_past
def test_custom_resources_lose_no_version_and_no_field(past: Past) -> None:
    old, new = definitions(past.package), definitions(past.present)
    old |= {name[2]: obj for name, obj in by_name(made(past.package, past)).items() if name[0] == KIND}
    new |= {name[2]: obj for name, obj in by_name(made(past.present, past)).items() if name[0] == KIND}
    assert {name: lost(old[name], new[name]) for name in old if name in new} == {name: [] for name in old}
    assert {name: fixed(new[name])["scope"] for name in old} == {
        name: fixed(obj)["scope"] for name, obj in old.items()
    }


KIND = "CustomResourceDefinition"


def made(chart: object, past: Past) -> list[Object]:
    """What a chart renders for the case with custom resources, or for the usual one."""
    cases = past.cases()
    given: Values = cases.get("custom-resources", cases["default"])
    return render(given, chart)  # type: ignore[arg-type]


def daemon_set() -> tuple[Past, list[Object]]:
    """A former release with all that these tests look at."""
    past = next(past for past in PAST if past.chart == "cni")
    return past, render(past.cases()["default"], past.package)


class TestTheseTests:
    """What would be found."""

    def test_another_selector(self) -> None:
        found = workload(daemon_set()[1])
        other = copy.deepcopy(found)
        other["spec"]["selector"]["matchLabels"]["team"] = "network"
        assert fixed(other) != fixed(found)
        other = copy.deepcopy(found)
        other["spec"]["template"]["spec"]["containers"] = []
        assert fixed(other) == fixed(found)

    def test_another_role_of_a_binding(self) -> None:
        binding = next(obj for obj in daemon_set()[1] if obj["kind"] == "ClusterRoleBinding")
        other = copy.deepcopy(binding)
        other["roleRef"]["name"] = "other"
        assert fixed(other) != fixed(binding)

    def test_another_lease_and_another_folder_of_the_node(self) -> None:
        objects = daemon_set()[1]
        settings = {key for key, *_ in state(objects)}
        assert {"leaseName", "socket", "stateDir", "path of the node", "leases"} <= settings
        others = yaml.safe_load(yaml.safe_dump(objects).replace("/run/aws-addons", "/run/others"))
        assert state(objects) - state(others)
        assert set(FINDS_BY) & settings

    def test_a_version_or_a_field_of_a_custom_resource_that_goes(self) -> None:
        past = next(past for past in PAST if past.chart == "albingress")
        (params,) = [obj for name, obj in definitions(past.package).items() if "params" in name]
        assert lost(params, params) == []
        other = copy.deepcopy(params)
        version = other["spec"]["versions"][0]
        spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
        spec.pop("x-kubernetes-preserve-unknown-fields", None)
        fields = spec["properties"]
        gone = next(iter(fields))
        del fields[gone]
        assert lost(params, other) == [f"{version['name']}.spec.{gone}"]
        version["served"] = False
        assert lost(params, other) == [version["name"]]
