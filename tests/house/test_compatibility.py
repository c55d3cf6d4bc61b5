"""docs/compatibility.yaml says what the code, the locks and the tests say."""

import re
import tomllib
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
import yaml

from addons.cni.server.requests import VERSIONS
from addons.dns.model import gateway
from tests.support.charts import MINORS, helm

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "compatibility.md"
ROWS: dict[str, dict[str, Any]] = {
    row["what"].partition(",")[0].partition(" (")[0]: row
    for row in yaml.safe_load(PAGE.with_suffix(".yaml").read_text())
}


def versions(what: str) -> list[str]:
    found: list[str] = ROWS[what]["versions"]
    return found


def test_the_page_says_what_the_file_says() -> None:
    made = run_path(str(ROOT / "docs" / "generate_compatibility.py"))["generate"]()
    assert PAGE.read_text() == made[PAGE], "run `make docs`"


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_what_holds_a_row_exists(row: dict[str, Any]) -> None:
    assert row["by"]
    assert [path for path in row["by"] if not (ROOT / path).exists()] == []


class TestKubernetes:
    def test_four_minors_in_a_row_are_supported(self) -> None:
        """The newest, and three before it, as the API itself is kept by Kubernetes."""
        assert list(MINORS) == versions("Kubernetes")
        newest = int(MINORS[-1].partition(".")[2])
        assert list(MINORS) == [f"1.{minor}" for minor in range(newest - 3, newest + 1)]

    def test_the_newest_is_the_one_that_tests_run_on(self) -> None:
        (real,) = re.findall(r"k8s.io/kubernetes v(1\.\d+)", (ROOT / "tests/kube/go.mod").read_text())
        assert real == MINORS[-1]
        assert f"a real one of {real}" in ROWS["Kubernetes"]["tested"]


def test_the_oldest_python_is_what_pip_demands_and_the_others_are_looked_for_by_setup() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={versions('Python')[0]}"
    looked_for = re.findall(r"python(3\.\d+)", (ROOT / ".ci/setup").read_text())
    assert looked_for == versions("Python")[::-1]


def test_helm_is_the_one_of_the_sdk() -> None:
    assert [helm.helm_sdk_version().lstrip("v").partition(".")[0]] == versions("Helm")


def test_versions_of_the_cni_specification_are_those_that_the_daemon_answers() -> None:
    assert list(VERSIONS) == versions("CNI specification")


def test_the_gateway_api_is_asked_for_in_the_version_that_is_named() -> None:
    asked = {gateway.GATEWAYS.version, gateway.HTTP_ROUTES.version, gateway.GRPC_ROUTES.version}
    assert sorted(asked) == versions("Gateway API")
