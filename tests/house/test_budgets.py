"""What a daemon may cost before it does anything: measured in a fresh process."""

import json
import subprocess
import sys

import pytest

MEASURE = """
import json, sys
__import__(sys.argv[1] + ".__main__")
lines = open("/proc/self/status").read().splitlines()
resident = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
print(json.dumps({
    "mib": resident / 1024,
    "modules": sorted(sys.modules),
}))
"""

RESIDENT_MIB = {"addons.dns": 85}


def measure(module: str) -> dict[str, object]:
    command = [sys.executable, "-c", MEASURE, module]
    measured: dict[str, object] = json.loads(subprocess.check_output(command))
    return measured


@pytest.mark.parametrize("module", RESIDENT_MIB)
class TestImport:
    def test_memory_stays_in_its_budget(self, module: str) -> None:
        assert measure(module)["mib"] < RESIDENT_MIB[module]  # type: ignore[operator]

    def test_neither_generated_models_nor_test_tools_are_loaded(self, module: str) -> None:
        unwanted = (
            "kubernetes.aio.client.api.",
            "kubernetes.aio.client.models.",
            "moto",
            "addons.sim",
            "pytest",
        )
        loaded = measure(module)["modules"]
        assert isinstance(loaded, list)
        assert [name for name in loaded if name.startswith(unwanted)] == []


def test_the_command_line_answers_without_loading_what_it_does_not_need() -> None:
    code = "import sys, addons.runtime.cli; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert not {"boto3", "botocore", "kubernetes", "aiohttp"} & set(loaded)
