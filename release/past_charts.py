"""Keep the charts of a release for the tests of upgrades.   usage: past_charts.py FOLDER

FOLDER is where `make release` has put the packages, as dist/0.2.0. Each goes to tests/data/charts, with the
values of its `ci` folder: what users of that release may have written.
"""

import shutil
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
_SUFFIX = "-values.yaml"
_HEAD = "# Values with which the chart of this version was tested, by the case.\n"


def keep(packages: Path, root: Path = ROOT) -> list[Path]:
    """Copy the packages of charts from a folder, each with its values; gives what was written."""
    kept = root / "tests" / "data" / "charts"
    found = sorted(packages.glob("*.tgz"))
    if not found:
        raise SystemExit(f"past_charts.py: {packages} has no charts: make release")
    written = []
    for package in found:
        chart = package.stem.partition("-")[0]
        written.append(Path(shutil.copyfile(package, kept / package.name)))
        values = kept / f"{package.stem}{_SUFFIX}"
        values.write_text(_HEAD + yaml.safe_dump(_cases(root / "charts" / chart), sort_keys=False))
        written.append(values)
    return written


def _cases(chart: Path) -> dict[str, object]:
    files = sorted((chart / "ci").glob(f"*{_SUFFIX}"))
    return {file.name.removesuffix(_SUFFIX): yaml.safe_load(file.read_text()) for file in files}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: past_charts.py FOLDER")
    for path in keep(Path(sys.argv[1])):
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
