"""What a release leaves for the tests of upgrades."""

import shutil
from pathlib import Path

import pytest
import yaml

from release.past_charts import keep
from tests.support.charts import CHARTS, cases, helm
from tests.support.past_charts import FOLDER, Past


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project with one chart."""
    shutil.copytree(CHARTS / "dns" / "ci", tmp_path / "charts" / "dns" / "ci")
    (tmp_path / "tests" / "data" / "charts").mkdir(parents=True)
    (tmp_path / "dist").mkdir()
    return tmp_path


def test_each_package_is_kept_with_the_values_of_its_cases(tree: Path) -> None:
    package = Path(helm.package(CHARTS / "dns", destination=tree / "dist", version="0.9.0"))
    (tree / "dist" / "sources.tar.gz").touch()
    copy, values = keep(tree / "dist", tree)
    assert copy.read_bytes() == package.read_bytes()
    assert yaml.safe_load(values.read_text()) == cases("dns")
    assert [copy.name, values.name] == ["dns-0.9.0.tgz", "dns-0.9.0-values.yaml"]


def test_it_is_kept_where_the_tests_of_upgrades_look() -> None:
    past = Past("dns", "0.9.0")
    assert (past.package.name, past.package.parent) == ("dns-0.9.0.tgz", FOLDER)


def test_a_folder_without_charts_is_refused(tree: Path) -> None:
    with pytest.raises(SystemExit, match="has no charts: make release"):
        keep(tree / "dist", tree)
