"""The charts as packages: complete, loadable elsewhere, usable below another chart."""

import re
import shlex
import shutil
import tarfile
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tests.support.charts import (
    APPLICATIONS,
    CHARTS,
    NEWEST,
    OLDEST,
    ROOT,
    Object,
    Values,
    cases,
    helm,
    installed,
    only,
    render,
)

NAMES = [path.parent.name for path in sorted(CHARTS.glob("*/Chart.yaml"))]


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


def test_the_documents_name_the_minors_of_kubernetes() -> None:
    for name in APPLICATIONS:
        assert f"Needs Kubernetes {OLDEST} or later" in (CHARTS / name / "README.md").read_text()
    install = (ROOT / "docs" / "install.md").read_text()
    assert (
        f"Kubernetes {OLDEST} or later; the charts are tested with the schemas of {OLDEST} and {NEWEST}"
        in install
    )
    tested = re.search(r"k8s.io/kubernetes v(1\.[0-9]+)", (ROOT / "tests/kube/go.mod").read_text())
    assert tested
    assert f"the daemons on a real {tested[1]}." in install


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


def umbrella(folder: Path, name: str, given: Values) -> Path:
    """A chart that has another one below it."""
    chart = folder / "addons"
    (chart / "charts").mkdir(parents=True)
    shutil.copytree(CHARTS / name, chart / "charts" / name)
    dependency = {"name": name, "version": "0.1.0", "condition": f"{name}.enabled"}
    about = {"apiVersion": "v2", "name": "addons", "version": "1.0.0", "dependencies": [dependency]}
    (chart / "Chart.yaml").write_text(yaml.safe_dump(about))
    (chart / "values.yaml").write_text(yaml.safe_dump(given))
    return chart


@pytest.mark.parametrize("name", APPLICATIONS)
def test_below_another_chart_it_is_the_same_chart(name: str, tmp_path: Path) -> None:
    alone = cases(name)["default"]
    given = {name: {"enabled": True, "config": alone["config"]}, "global": {"image": alone["image"]}}
    assert render({}, umbrella(tmp_path, name, given)) == render(alone, CHARTS / name)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_below_another_chart_it_can_be_switched_off(name: str, tmp_path: Path) -> None:
    assert render({name: {"enabled": False}}, umbrella(tmp_path, name, {})) == []


@pytest.mark.parametrize("name", APPLICATIONS)
def test_below_another_chart_its_values_are_still_checked(name: str, tmp_path: Path) -> None:
    chart = umbrella(tmp_path, name, {name: {**cases(name)["default"], "nothing": 1}})
    with pytest.raises(helm.HelmValuesError, match="additional properties 'nothing' not allowed"):
        render({}, chart)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_the_command_in_the_readme_installs_the_chart(name: str) -> None:
    text = (CHARTS / name / "README.md").read_text()
    words = shlex.split(text[text.index(f"helm install {name} charts/{name}") :].partition("```")[0])
    given = ",".join(word for flag, word in pairwise(words) if flag == "--set")
    account = only(installed(render(helm.parse_set_string(given), CHARTS / name)), "ServiceAccount")
    assert account["metadata"]["annotations"] == {"eks.amazonaws.com/role-arn": "ROLE"}
