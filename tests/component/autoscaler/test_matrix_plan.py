"""A plan is read in few calls, changes nothing, and its exit code says what it found."""

from pathlib import Path
from typing import Any

import pytest

from addons.autoscaler.controller.matrix_commands import run
from tests.support.as_stacks import MatrixSite, json_lines, matrix_site
from tests.support.aws import World

pytestmark = pytest.mark.virtual_time

TYPES = "m5.large, m5.xlarge, m5.2xlarge, c5.large, c5.xlarge"
NAME = "prod-web-m5-large-od-a"


def written(site: MatrixSite, folder: Path, **changes: Any) -> Path:
    """A file of 6 cells, with changes."""
    path = folder / "shop.yaml"
    path.write_text(site.text(**({"types": "m5.large", "services": "web"} | changes)))
    return path


class TestCalls:
    @pytest.mark.parametrize(("services", "stacks"), [("web", 30), ("web, jobs, batch, more", 120)])
    async def test_a_plan_reads_once_for_20_stacks(self, services: str, stacks: int) -> None:
        async with matrix_site() as site:
            matrix = site.matrix(types=TYPES, services=services)
            await site.apply(matrix)
            site.calls()
            assert await site.kinds(matrix) == {"nothing": stacks}
            assert dict(site.calls()) == {"DescribeStacks": -(-stacks // 20)}

    async def test_images_are_looked_up_ten_at_a_time(self) -> None:
        async with matrix_site() as site:
            cells = ", ".join(
                f"{{match: {{instanceTypes: {each}}}, set: {{image: 'ssm:/images/{each}'}}}}"
                for each in TYPES.split(", ")
            )
            matrix = site.matrix(types=TYPES, more=f"cells: [{cells}]\n")
            for each in TYPES.split(", "):
                await put_parameter(site, f"/images/{each}", "ami-0123456789abcdef0")
            site.calls()
            assert await site.kinds(matrix) == {"create": 60}
            assert dict(site.calls()) == {"GetParameters": 1, "DescribeStacks": 1}


class TestCommand:
    async def test_exit_codes(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        async with matrix_site() as site:
            file = written(site, tmp_path)
            assert await site.command("plan", file, output="json") == 2
            lines = json_lines(capsys.readouterr().out)
            assert {each["action"] for each in lines} == {"create"}
            assert await site.command("apply", file) == 0
            out = capsys.readouterr().out.splitlines()
            assert out[-1] == "in all: 6 created"
            assert out[0].startswith("[1/6] prod-web-m5-large-")
            assert await site.command("plan", file, output="table") == 0
            assert capsys.readouterr().out == "nothing to do\n6 cells: 6 nothing\n"
            assert await site.command("apply", file) == 0
            assert capsys.readouterr().out == "nothing to do\n"

    async def test_what_cannot_be_done(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        async with matrix_site() as site:
            file = written(site, tmp_path)
            site.endpoint.cloudformation.fail_resource(NAME, "Group", "the subnet is full")
            assert await site.command("apply", file) == 3
            told = capsys.readouterr()
            assert told.err == (
                f"failed: {NAME}: its stack is in ROLLBACK_COMPLETE: Group: the subnet is full\n"
            )
            assert told.out.splitlines()[-1] == "in all: 5 created, 1 failed"
            other = file.read_text().replace("shop", "other")
            file.write_text(other)
            assert await site.command("plan", file) == 3

    async def test_a_dry_run_changes_nothing(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with matrix_site() as site:
            file = written(site, tmp_path)
            assert await site.command("apply", file, dry_run=True, output="table") == 2
            assert capsys.readouterr().out.splitlines()[-1] == "6 cells: 6 create"
            assert site.statuses == {}

    async def test_some_cells_alone(self, tmp_path: Path) -> None:
        async with matrix_site() as site:
            file = written(site, tmp_path)
            assert await site.command("apply", file, cells=["*/spot/*", NAME]) == 0
            assert len(site.statuses) == 4
            assert NAME in site.statuses

    async def test_a_cell_that_is_gone_stays(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with matrix_site() as site:
            await site.command("apply", written(site, tmp_path))
            file = written(site, tmp_path, more="exclude: [{capacity: spot}]\n")
            assert await site.command("plan", file) == 2
            capsys.readouterr()
            assert await site.command("apply", file) == 0
            assert capsys.readouterr().out == "nothing to do; 3 without a cell, which stay\n"
            assert len(site.statuses) == 6

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"types": "m5large"}, "shop.yaml:"),
            ({"image": "ssm:/nowhere"}, "no image is known by the parameters of SSM: /nowhere"),
        ],
    )
    async def test_a_file_that_cannot_be_used(
        self, change: dict[str, str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with matrix_site() as site:
            assert await site.command("plan", written(site, tmp_path, **change)) == 1
            assert said in capsys.readouterr().err

    async def test_another_region(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        async with matrix_site() as site:
            assert await site.command("plan", written(site, tmp_path), aws_region="us-east-1") == 1
            assert "its zones are of eu-central-1, and the AWS region is us-east-1" in capsys.readouterr().err

    async def test_a_cell_that_nobody_knows(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        async with matrix_site() as site:
            assert await site.command("plan", written(site, tmp_path), cells=["prod-wbe-*"]) == 1
            assert "--cell prod-wbe-*: no cell or stack is named so" in capsys.readouterr().err

    async def test_an_account_that_says_nothing(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with matrix_site() as site:
            site.fail("DescribeStacks", code="AccessDenied", message="not you", status=403)
            file = written(site, tmp_path)
            assert await site.command("plan", file, asked={"exits_zero": True}) == 4
            assert "not you" in capsys.readouterr().err

    async def test_what_is_to_do_is_no_failure_where_that_is_asked_for(self, tmp_path: Path) -> None:
        async with matrix_site() as site:
            file = written(site, tmp_path)
            for command in ("plan", "apply"):
                code = await site.command(command, file, asked={"exits_zero": True}, dry_run=True)
                assert code == 0
            site.endpoint.cloudformation.fail_resource(NAME, "Group", "the subnet is full")
            assert await site.command("apply", file, asked={"exits_zero": True}) == 3

    async def test_apply_tells_the_plan_first_where_that_is_asked_for(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with matrix_site() as site:
            file = written(site, tmp_path)
            shown = {"shows_plan": True}
            assert await site.command("apply", file, asked=shown, output="table") == 0
            plan, _, done = capsys.readouterr().out.partition("6 cells: 6 create\n")
            assert plan.count("there is no stack") == 6
            assert done.splitlines()[-1] == "in all: 6 created"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "plan|apply"),
        (["destroy", "shop.yaml"], "invalid choice: 'destroy'"),
        (["plan"], "FILE"),
        (["plan", "nowhere.yaml"], "nowhere.yaml: No such file or directory"),
        (["apply", "shop.yaml", "--parallel", "0"], "--parallel 0 is not allowed: 1 to 50"),
        (["prune", "shop.yaml", "--most", "nan"], "--most nan is not allowed: 0 to 100"),
        (["prune", "shop.yaml", "--most", "300"], "--most 300 is not allowed: 0 to 100"),
        (["plan", "shop.yaml", "--colour"], "--colour is no setting"),
    ],
)
def test_a_wrong_command_line_is_never_taken_for_a_plan_with_changes(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments, "autoscaler") == 1
    assert said in capsys.readouterr().err


async def put_parameter(site: MatrixSite, name: str, value: str) -> None:
    """Have SSM know an image."""
    await World(site.endpoint).call("ssm", "put_parameter", Name=name, Value=value, Type="String")
