"""The commands of the matrix as processes: signals, pipes, and no cluster anywhere."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from tests.support.as_prune import NEW, OLD, PruneSite
from tests.support.as_stacks import json_lines, matrix_site
from tests.support.as_world import autoscaler_world


async def begin(url: str, *arguments: str) -> Process:
    """Begin a command, with neither kubeconfig nor service account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KUBE")}
    flags = ("--aws-endpoint-url", url, "--log-format=json")
    command = (sys.executable, "-m", "addons.autoscaler", "matrix", *arguments, *flags)
    environment = kept | {"HOME": "/nowhere", "PYTHONUNBUFFERED": "1"}
    return await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environment)


async def ended(process: Process) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_tells_what_is_left_and_the_next_run_does_it(
    number: signal.Signals, tmp_path: Path
) -> None:
    async with matrix_site() as site:
        site.endpoint.cloudformation.knobs.resource_seconds = 0.2
        file = tmp_path / "shop.yaml"
        file.write_text(site.text(types="m5.large", services="web"))
        process = await begin(site.endpoint.url, "apply", str(file), "--parallel=2")
        assert process.stdout
        first = (await process.stdout.readline()).decode()
        assert first.startswith("[1/6] prod-web-m5-large-")
        process.send_signal(number)
        code, out, err = await ended(process)
        assert code == 3
        assert "Traceback" not in err
        left = [line for line in err.splitlines() if line.startswith("left: ")]
        done = [line for line in (first + out).splitlines() if line.endswith(": created")]
        assert len(left) + len(done) == 6
        assert left
        assert (await ended(await begin(site.endpoint.url, "apply", str(file))))[0] == 0
        code, out, err = await ended(await begin(site.endpoint.url, "plan", str(file)))
        assert code == 0
        assert {each["action"] for each in json_lines(out)} == {"nothing"}


async def test_a_removed_cell_goes(tmp_path: Path) -> None:
    async with autoscaler_world(tmp_path, factor=0.02) as world:
        site = PruneSite(world)
        await site.fill(2)
        file = site.file("new")
        flags = ("--most=70", "--kubeconfig", str(world.kubeconfig), "--node-delete-delay-after-taint=0s")
        code, out, _ = await ended(await begin(world.aws.url, "prune", file, "--dry-run", *flags))
        assert code == 2
        assert out.splitlines()[-1] == f"{OLD}: the file has no cell old/m5.large/on-demand/eu-central-1a"
        as_data = ("--dry-run", "--output=json", *flags)
        code, out, _ = await ended(await begin(world.aws.url, "prune", file, *as_data))
        (line,) = json_lines(out)
        assert (code, line["key"], line["action"], line["details"]) == (2, OLD, "delete", {"instances": 2})
        code, out, err = await ended(await begin(world.aws.url, "prune", file, "--yes", *flags))
        assert (code, err) == (0, "")
        assert out.splitlines()[0] == "1 stacks with 2 of 3 instances go"
        assert out.splitlines()[-1] == f"deleted: {OLD}"
        assert site.stacks == {NEW: "CREATE_COMPLETE"}


async def test_help_tells_of_the_matrix() -> None:
    async with matrix_site() as site:
        code, out, _ = await ended(await begin(site.endpoint.url, "--help"))
        assert code == 0
        assert "matrix apply FILE" in out
