"""Pack the project for those who install it: sdist, wheel, and the charts as Helm packs them.

Whatever folder, umask and day they are made in, the same sources and the same second give the same bytes.
"""

import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import helm_python

_MADE_ELSEWHERE = shutil.ignore_patterns("*.tgz", "Chart.lock")


def write_python(root: Path, out: Path, made_at: int) -> list[Path]:
    """Write sdist and wheel of the sources below `root` into a folder; gives their paths."""
    before = set(out.iterdir())
    command = (sys.executable, "-m", "hatchling", "build", "--directory", out.resolve())
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(made_at)}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"release: sdist and wheel cannot be built: {done.stderr.strip()}")
    return sorted(set(out.iterdir()) - before)


def write_charts(root: Path, out: Path, made_at: int) -> list[Path]:
    """Write a package of every chart below `root` that can be installed; gives their paths."""
    with tempfile.TemporaryDirectory() as folder:
        charts = Path(folder) / "charts"
        shutil.copytree(root / "charts", charts, ignore=_MADE_ELSEWHERE)  # links become what they lead to
        return [
            _package(about.parent, out, made_at)
            for about in sorted(charts.glob("*/Chart.yaml"))
            if "type: library" not in about.read_text()
        ]


def _package(chart: Path, out: Path, made_at: int) -> Path:
    """Pack one chart; the one that consists of the others has them put into it first."""
    if not (chart / "charts").exists():
        helm_python.dependency_update(chart)
        (chart / "Chart.lock").unlink()  # which says when it was made
    package = Path(helm_python.package(chart, destination=out))
    package.write_bytes(_timeless(package.read_bytes(), made_at))
    return package


def _timeless(package: bytes, made_at: int) -> bytes:
    """The same package without times and modes of files and the order of a folder, which are a machine's."""
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as old,
        gzip.GzipFile("", "wb", compresslevel=9, fileobj=packed, mtime=made_at) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for name in sorted(old.getnames()):
            entry = tarfile.TarInfo(name)
            content = old.extractfile(name)
            assert content
            data = content.read()
            entry.size, entry.mtime, entry.mode = len(data), made_at, 0o644
            new.addfile(entry, io.BytesIO(data))
    return packed.getvalue()
