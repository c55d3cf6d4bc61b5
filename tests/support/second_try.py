"""A second try for what failed beside all other tests: alone, and with the same cases.

usage: python -m tests.support.second_try

Two processors run kubelets, daemons and 15,000 tests at once in CI, where a test may fail for want of time.
Whole files are tried, as some are one story. What fails again has failed; what does not is named, and is a
fault of the test. Where more files than FEW failed, the crowd is not the reason, and nothing is tried.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FEW = 3
LAST_RUN = "second_try/last_run"
"""Where the cache of pytest has seed and exit code of the last run; no code: it did not come to its end."""


def failed(cache: Path) -> list[str]:
    """The files with tests that failed in the last run; none where it did not come to its end."""
    if _cached(cache, LAST_RUN).get("code") != pytest.ExitCode.TESTS_FAILED:
        return []
    return sorted({test.partition("::")[0] for test in _cached(cache, "cache/lastfailed")})


def second_try(cache: Path) -> int:
    """Run them, and give the exit code for all: 0 where every one passed this time."""
    files = failed(cache)
    if not files or len(files) > FEW:
        print(f"no second try: it is for one to {FEW} files with failed tests, and {len(files)} have some")
        return 1
    print(f"a second try, alone: {' '.join(files)}", flush=True)
    seed = f"--seed={_cached(cache, LAST_RUN)['seed']}"
    code = subprocess.run([sys.executable, "-m", "pytest", "-q", seed, *files], check=False).returncode
    if code == 0:
        print(f"UNSTEADY, to be mended: {' '.join(files)} failed beside others and passed alone")
    return code


def _cached(cache: Path, name: str) -> dict[str, Any]:
    file = cache / "v" / name
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return found


if __name__ == "__main__":
    sys.exit(second_try(Path(".pytest_cache")))
