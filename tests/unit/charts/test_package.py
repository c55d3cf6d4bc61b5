"""The charts as packages: complete, loadable elsewhere, usable below another chart."""

import shlex
import tarfile
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tests.support.charts import (
    APPLICATIONS,
    CHARTS,
    OLDEST,
    ROOT,
    Object,
    cases,
    helm,
    installed,
    only,
    render,
)

NAMES = [*APPLICATIONS, "common"]


def metadata(name: str) -> Object:
    """The Chart.yaml of a chart."""
    found: Object = yaml.safe_load((CHARTS / name / "Chart.yaml").read_text())
    return found


@pytest.mark.parametrize("name", NAMES)
def test_lint_has_nothing_to_say(name: str) -> None:
    report = helm.lint(CHARTS / name, cases(name).get("default", {}), strict=True)
    assert (report["messages"], report["errors"]) == ([], [])


@pytest.mark.parametrize("name", NAMES)
def test_a_chart_supports_the_oldest_minor_and_later(name: str) -> None:
    assert metadata(name)["kubeVersion"] == f">={OLDEST}.0-0"


def test_their_documents_name_the_oldest_minor_of_kubernetes() -> None:
    for name in APPLICATIONS:
        assert f"Needs Kubernetes {OLDEST} or later" in (CHARTS / name / "README.md").read_text()


@pytest.mark.parametrize("name", APPLICATIONS)
def test_a_chart_installs_the_version_of_the_project(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert metadata(name)["appVersion"] == project["version"]
    assert metadata(name)["annotations"]["artifacthub.io/license"] == project["license"]


@pytest.mark.parametrize("name", APPLICATIONS)
def test_a_package_carries_the_library_and_renders_the_same_elsewhere(name: str, tmp_path: Path) -> None:
    archive = Path(helm.package(CHARTS / name, destination=tmp_path))
    assert archive.name == f"{name}-{metadata(name)['version']}.tgz"
    given = cases(name)["default"]
    assert render(given, archive) == render(given, CHARTS / name)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_a_package_has_what_its_users_need_and_no_test_values(name: str, tmp_path: Path) -> None:
    with tarfile.open(helm.package(CHARTS / name, destination=tmp_path)) as archive:
        files = {file.removeprefix(f"{name}/") for file in archive.getnames()}
    assert {"README.md", "values.schema.json", "charts/common/Chart.yaml"} <= files
    assert [file for file in files if file.startswith("ci")] == []


@pytest.mark.parametrize("name", APPLICATIONS)
def test_the_dependency_on_the_library_is_met(name: str) -> None:
    (library,) = helm.dependency_list(CHARTS / name)
    assert (library["name"], library["version"]) == ("common", metadata("common")["version"])
    assert library["status"] == "unpacked"


@pytest.mark.parametrize("name", APPLICATIONS)
def test_the_command_in_the_readme_installs_the_chart(name: str) -> None:
    text = (CHARTS / name / "README.md").read_text()
    words = shlex.split(text[text.index(f"helm install {name} charts/{name}") :].partition("```")[0])
    given = ",".join(word for flag, word in pairwise(words) if flag == "--set")
    account = only(installed(render(helm.parse_set_string(given), CHARTS / name)), "ServiceAccount")
    assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": "ROLE"}
