"""The command line of a daemon: exit codes and what is printed where."""

import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from addons.runtime import app, cli
from addons.runtime.settings import SettingError
from tests.support import processes
from tests.support.config import SampleConfig
from tests.support.processes import Ended


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    yield
    logging.getLogger("addons").setLevel(logging.NOTSET)
    root.setLevel(before[0])
    root.handlers[:] = before[1]


class Daemon:
    """Stands for an add-on's main: keeps the settings it was run with, ends as told."""

    def __init__(self, result: int | None = None, error: Exception | None = None) -> None:
        self.result = result
        self.error = error
        self.config: SampleConfig | None = None

    async def main(self, config: SampleConfig) -> int | None:
        self.config = config
        if self.error:
            raise self.error
        return self.result


def run(*argv: str, daemon: Daemon | None = None, environ: Mapping[str, str] | None = None) -> int:
    return cli.run(
        "sample",
        SampleConfig,
        (daemon or Daemon()).main,
        argv,
        env_prefixes=("ADDONS_SAMPLE_",),
        environ=environ or {},
    )


def config_of(*argv: str, **environ: str) -> SampleConfig:
    daemon = Daemon()
    assert run("--txt-owner-id=me", *argv, daemon=daemon, environ=environ) == 0
    assert daemon.config is not None
    return daemon.config


class TestExitCodes:
    def test_a_daemon_that_ends_well_gives_0(self) -> None:
        assert run("--txt-owner-id=me") == 0

    def test_a_single_pass_with_failures_gives_what_the_daemon_says(self) -> None:
        assert run("--txt-owner-id=me", "--once", daemon=Daemon(result=3)) == 3

    def test_a_crash_gives_1_and_its_traceback_in_the_log(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("--txt-owner-id=me", "--log-format=json", daemon=Daemon(error=OSError("disk"))) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert '"message":"crashed: disk"' in line
        assert "Traceback" in line

    @pytest.mark.parametrize(
        "argv", [["--txt-owner-id=me", "--ratio=x"], [], ["--nonsense", "--print-config"]]
    )
    def test_bad_settings_give_2_and_one_line(
        self, argv: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(*argv) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith("addons sample: --")
        assert printed.err.count("\n") == 1

    def test_a_setting_that_only_the_daemon_can_judge_gives_2_as_well(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("--txt-owner-id=me", daemon=Daemon(error=SettingError("--listen: no"))) == 2
        assert capsys.readouterr().err == "addons sample: --listen: no\n"


class TestQuestions:
    @pytest.mark.parametrize("flag", ["--help", "-h"])
    def test_help_needs_no_valid_settings(self, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("--nonsense", flag) == 0
        assert "$ADDONS_SAMPLE_TXT_OWNER_ID" in capsys.readouterr().out

    def test_the_version_is_that_of_the_distribution(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("--version") == 0
        assert capsys.readouterr().out == f"addons {app.version()}\n"

    def test_the_settings_in_force_are_printed_without_running_anything(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        daemon = Daemon()
        assert run("--print-config", "--ratio=0.25", "--txt-owner-id=me", daemon=daemon) == 0
        assert "\nratio: 0.25\n" in capsys.readouterr().out
        assert daemon.config is None


class TestCustomaryVariables:
    def test_the_region_of_the_environment_counts_unless_one_is_set(self) -> None:
        assert config_of(AWS_REGION="eu-west-1").aws_region == "eu-west-1"
        assert config_of("--aws-region=us-east-1", AWS_REGION="eu-west-1").aws_region == "us-east-1"

    def test_the_kubeconfig_of_the_environment_counts_outside_of_a_cluster_only(self) -> None:
        assert config_of(KUBECONFIG="/k").kubeconfig == "/k"
        assert config_of(KUBECONFIG="/k", KUBERNETES_SERVICE_HOST="10.0.0.1").kubeconfig == ""
        assert config_of("--kubeconfig=/mine", KUBECONFIG="/k").kubeconfig == "/mine"

    def test_the_kubeconfig_of_the_home_counts_where_nothing_else_is_said(self, tmp_path: Path) -> None:
        home = {"HOME": str(tmp_path)}
        assert config_of(**home).kubeconfig == ""
        file = tmp_path / ".kube" / "config"
        file.parent.mkdir()
        file.write_text("{}")
        assert config_of(**home).kubeconfig == str(file)
        assert config_of(**home, KUBECONFIG="/k").kubeconfig == "/k"
        assert config_of(**home, KUBERNETES_SERVICE_HOST="10.0.0.1").kubeconfig == ""


class TestCommand:
    """`addons NAME`, in a process of its own."""

    async def addons(self, *argv: str) -> Ended:
        return await processes.run(sys.executable, "-m", "addons", *argv)

    async def test_an_unknown_name_gives_2_and_one_line(self) -> None:
        ended = await self.addons("dsn")
        assert (ended.code, ended.out) == (2, "")
        names = "albingress, autoscaler, cni, dns, iamproxy, explain, status, demo"
        assert ended.err == f"addons: 'dsn' is no command: one of {names}\n"

    async def test_no_name_gives_2_and_one_line(self) -> None:
        ended = await self.addons()
        assert (ended.code, ended.err) == (
            2,
            "addons: no command is given: one of albingress, autoscaler, cni, dns, iamproxy, explain, status,"
            " demo\n",
        )

    async def test_help_lists_the_add_ons(self) -> None:
        ended = await self.addons("--help")
        assert ended.code == 0
        assert "\n  dns " in ended.out

    async def test_a_missing_package_is_one_line_that_says_how_to_get_it(self) -> None:
        hide = "import sys; sys.modules['dns'] = None; sys.argv = ['addons', 'demo']; "
        ended = await processes.run(sys.executable, "-c", hide + "from addons.__main__ import main; main()")
        assert (ended.code, ended.out) == (2, "")
        assert ended.err == ("addons demo: the package dns is missing: pip install -e '.[demo]'\n")


def test_flags_that_are_retired_are_refused_all_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    retired = {"--v": "the log is set by --log-level", "--burst": "writes are paced by the server"}
    argv = ["--v=4", "--log-level=debug", "--burst", "9"]
    main = Daemon().main
    code = cli.run("dns", SampleConfig, main, argv, env_prefixes=("ADDONS_",), retired=retired, environ={})
    assert code == 2
    assert capsys.readouterr().err == (
        "addons dns: --v is not needed: the log is set by --log-level; "
        "--burst is not needed: writes are paced by the server\n"
    )
