"""The commands of the matrix as processes: signals, pipes, and no cluster anywhere."""

import asyncio
import os
import platform
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from tests.support.as_objects import budget
from tests.support.as_prune import NEW, OLD, PruneSite
from tests.support.as_roll import FIRST, GROUP, SECOND, RollSite
from tests.support.as_stacks import json_lines, matrix_site
from tests.support.as_world import autoscaler_world
from tests.support.until import until


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
        site.endpoint.cloudformation.knobs.resource_seconds = 0.3
        file = tmp_path / "shop.yaml"
        file.write_text(site.text(types="m5.large", services="web"))
        process = await begin(site.endpoint.url, "apply", str(file), "--parallel=2")
        assert process.stdout
        first = (await process.stdout.readline()).decode()
        assert first.startswith("[1/6] prod-web-m5-large-")
        await until(lambda: "CREATE_IN_PROGRESS" in site.statuses.values())
        process.send_signal(number)
        code, out, err = await ended(process)
        assert code == 3
        assert "Traceback" not in err
        left = [line for line in err.splitlines() if line.startswith("left: ")]
        done = [line for line in (first + out).splitlines() if line.endswith(": created")]
        assert len(left) + len(done) == 6
        assert left
        assert "this replica" not in err
        waited = {name for name, status in site.statuses.items() if status != "REVIEW_IN_PROGRESS"}
        begun = waited - {line.split()[1].rstrip(":") for line in done}
        told = {line.split(": ")[1]: line.split(": ", 2)[2] for line in left}
        on = "told to stop: CloudFormation goes on with its stack, and the next run looks what became of it"
        assert begun
        assert {told[name] for name in begun} == {on}
        assert "not begun: told to stop" in told.values()
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
        assert out.splitlines()[0] == "1 stack goes, with 2 of 3 instances"
        assert out.splitlines()[-1] == f"deleted: {OLD}"
        assert site.stacks == {NEW: "CREATE_COMPLETE"}


async def test_help_tells_of_the_matrix() -> None:
    async with matrix_site() as site:
        code, out, _ = await ended(await begin(site.endpoint.url, "--help"))
        assert code == 0
        assert "matrix apply FILE" in out


@pytest.mark.parametrize("command", [(), ("roll",)])
async def test_help_of_the_matrix_shows_what_counts_for_it(command: tuple[str, ...]) -> None:
    async with matrix_site() as site:
        code, out, _ = await ended(await begin(site.endpoint.url, *command, "--help"))
        assert code == 0
        assert "matrix roll FILE [--cell NAME] [--batch 1]" in out
        assert ("matrix apply FILE" in out) == (not command)
        flags = [line.strip() for line in out.splitlines() if line.startswith("  --")]
        assert {"--aws-region", "--kubeconfig", "--namespace", "--dry-run", "--output"} <= set(flags)
        assert len(flags) < 15
        assert "All settings: addons autoscaler --help" in out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_roll_that_ends_in_a_drain_is_gone_on_with_by_the_next_run(
    number: signal.Signals, tmp_path: Path
) -> None:
    async with autoscaler_world(tmp_path, factor=0.02) as world:
        site = RollSite(world)
        await site.start(1, 1)
        file = site.file()
        flags = ["--namespace=kube-system", "--kubeconfig", str(world.kubeconfig)]
        flags.append("--node-delete-delay-after-taint=0s")
        world.create_budgets(budget("web", maxUnavailable=0))
        process = await begin(world.aws.url, "roll", file, *flags)
        await until(lambda: site.evictions())
        process.send_signal(number)
        code, out, err = await ended(process)
        (node,) = site.going()
        assert out.splitlines()[0] == f"{GROUP}: 1 new instance comes before 1 old goes"
        if number == signal.SIGTERM:
            assert code == 3
            assert f"left: {GROUP}: node {node} stays tainted and cordoned, as its drain is begun" in err
        else:
            site.age_note(60)
        world.delete("web", "poddisruptionbudgets", "policy/v1")
        code, out, err = await ended(await begin(world.aws.url, "roll", file, *flags))
        assert (code, err) == (0, "")
        assert out.splitlines()[-1] == f"rolled: {GROUP}: 1 instance"
        assert (site.images(), site.note()) == ({SECOND}, None)


async def test_a_roll_that_is_killed_between_two_groups_goes_on_with_the_other(tmp_path: Path) -> None:
    async with autoscaler_world(tmp_path, factor=0.02) as world:
        site = RollSite(world)
        await site.start_all("new, old")
        command = (
            "roll",
            site.file("new, old"),
            "--namespace=kube-system",
            "--node-delete-delay-after-taint=0s",
        )
        process = await begin(world.aws.url, *command, "--kubeconfig", str(world.kubeconfig))
        assert process.stdout
        while (line := (await process.stdout.readline()).decode()) != f"rolled: {NEW}: 1 instance\n":
            assert line
        process.kill()
        await ended(process)
        (new,) = world.members(NEW)
        if site.note(OLD):
            site.age_note(60, OLD)
        again = await begin(world.aws.url, *command, "--kubeconfig", str(world.kubeconfig))
        code, out, err = await ended(again)
        assert (code, err) == (0, "")
        assert out.splitlines()[-1] == f"rolled: {OLD}: 1 instance"
        assert [each.id for each in world.members(NEW)] == [new.id]
        assert site.images(NEW) == site.images(OLD) == {SECOND}


@pytest.mark.timeout(180)
async def test_of_two_rolls_at_once_the_second_says_which_process_goes_on(tmp_path: Path) -> None:
    async with autoscaler_world(tmp_path, factor=0.02) as world:
        site = RollSite(world)
        await site.start(1, 1)
        world.create_budgets(budget("web", maxUnavailable=0))
        command = ("roll", site.file(), "--namespace=kube-system", "--node-delete-delay-after-taint=0s")
        first = await begin(world.aws.url, *command, "--kubeconfig", str(world.kubeconfig))
        await until(lambda: site.evictions())
        second = await begin(world.aws.url, *command, "--kubeconfig", str(world.kubeconfig))
        code, _, err = await ended(second)
        assert code == 3
        assert f"it is being rolled by matrix roll on {platform.node()} (process {first.pid})" in err
        assert len(site.going()) == 1
        world.delete("web", "poddisruptionbudgets", "policy/v1")
        code, out, err = await ended(first)
        assert (code, err, out.splitlines()[-1]) == (0, "", f"rolled: {GROUP}: 1 instance")
        assert (site.images(), site.note()) == ({SECOND}, None)


async def test_a_roll_from_outside_has_to_name_the_namespace_of_the_daemon(tmp_path: Path) -> None:
    async with autoscaler_world(tmp_path, factor=0.02) as world:
        site = RollSite(world)
        await site.start(1)
        flags = ("--kubeconfig", str(world.kubeconfig))
        code, out, err = await ended(await begin(world.aws.url, "roll", site.file(), *flags))
        assert (code, out) == (1, "")
        assert err.startswith("addons autoscaler matrix: --namespace is missing: name that of the daemon")
        assert site.images() == {FIRST}


@pytest.mark.parametrize("command", ["plan", "roll"])
async def test_a_stop_waits_for_no_answer_that_nobody_needs(command: str, tmp_path: Path) -> None:
    """As if AWS did not answer: without an end of ours the process would live as long as its threads."""
    async with autoscaler_world(tmp_path, factor=0.02) as world:
        site = RollSite(world)
        world.hang("DescribeStacks", 600)
        flags = ("--namespace=kube-system", "--kubeconfig", str(world.kubeconfig))
        process = await begin(world.aws.url, command, site.file(), *flags)
        await until(lambda: world.aws.serving)
        process.send_signal(signal.SIGTERM)
        code, out, err = await asyncio.wait_for(ended(process), 25)
        assert (code, out) == (4, "")
        assert "told to stop" in err
