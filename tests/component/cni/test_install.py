"""The plugin and the network configuration, as the container runtime finds them."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from addons.cni import names
from addons.cni.commands import command_of
from addons.cni.config import Config
from addons.cni.plugin.install import TWIN, install_plugin, write_conflist
from addons.runtime.settings import SettingError


def config(folder: Path, **more: Any) -> Config:
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / "portmap").touch()
    given = {"cni_bin_dir": str(folder / "bin"), "cni_conf_dir": str(folder / "net.d"), **more}
    return Config(**given)


def written(folder: Path) -> Any:
    return json.loads((folder / "net.d" / names.CONFLIST).read_text())


class TestPlugin:
    """One file, whole at any time, that the runtime can execute."""

    def test_the_compiled_client_is_taken(self, tmp_path: Path) -> None:
        (tmp_path / "client").write_bytes(b"\x7fELF")
        installed = install_plugin(config(tmp_path), compiled=tmp_path / "client")
        assert (installed.read_bytes(), installed.stat().st_mode & 0o777) == (b"\x7fELF", 0o755)
        assert sorted(path.name for path in installed.parent.iterdir()) == ["aws-addons-cni", "portmap"]

    def test_its_twin_where_nobody_compiled_it(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        installed = install_plugin(config(tmp_path), compiled=tmp_path / "none")
        assert installed.read_bytes() == TWIN.read_bytes()
        assert installed.read_bytes().startswith(b"#!/usr/bin/python3 -IS\n")
        assert "needs /usr/bin/python3 on the host" in caplog.text

    def test_a_plugin_that_runs_meanwhile_keeps_its_file(self, tmp_path: Path) -> None:
        (tmp_path / "client").write_bytes(b"new")
        settings = config(tmp_path)
        target = tmp_path / "bin" / names.PLUGIN
        target.write_bytes(b"old")
        with target.open("rb") as running:
            install_plugin(settings, compiled=tmp_path / "client")
            assert (running.read(), target.read_bytes()) == (b"old", b"new")

    def test_a_folder_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(SettingError, match=r"--cni-bin-dir .*file/bin: Not a directory"):
            install_plugin(Config(cni_bin_dir=str(tmp_path / "file" / "bin")), compiled=TWIN)

    async def test_the_command_of_the_init_container(self, tmp_path: Path) -> None:
        entry, rest = command_of(["install", "--cni-bin-dir=/x"])
        assert entry
        assert rest == ["--cni-bin-dir=/x"]
        assert await entry(config(tmp_path)) == 0
        assert (tmp_path / "bin" / names.PLUGIN).is_file()
        assert not (tmp_path / "net.d").exists()

    def test_no_command_is_the_daemon(self) -> None:
        assert command_of(["--node=a"]) == (None, ["--node=a"])


class TestConflist:
    """It appears whole, by a rename in its own folder, and says the same to old and new runtimes."""

    def test_old_runtimes_read_1_0_0_and_new_ones_the_highest(self, tmp_path: Path) -> None:
        write_conflist(config(tmp_path))
        assert written(tmp_path) == {
            "cniVersion": "1.0.0",
            "cniVersions": ["0.4.0", "1.0.0", "1.1.0"],
            "name": "aws-cni",
            "plugins": [
                {
                    "type": "aws-addons-cni",
                    "socket": "/run/aws-addons/cni.sock",
                    "spool": "/run/aws-addons/cni/spool",
                },
                {"type": "portmap", "capabilities": {"portMappings": True}},
            ],
        }

    def test_it_is_renamed_within_its_folder(self, tmp_path: Path) -> None:
        renamed: list[tuple[Path, Path]] = []
        real = Path.replace

        def replace(source: Path, target: Path) -> Path:
            renamed.append((source.parent, target.parent))
            assert source.suffix == ".new", "a runtime would read it"
            return real(source, target)

        with patch.object(Path, "replace", replace):
            write_conflist(config(tmp_path))
        assert renamed == [(tmp_path / "net.d", tmp_path / "net.d")]

    def test_one_that_says_the_same_is_not_touched(self, tmp_path: Path) -> None:
        before = write_conflist(config(tmp_path)).stat()
        assert write_conflist(config(tmp_path)).stat().st_ino == before.st_ino

    def test_a_chained_plugin_that_the_host_lacks_is_left_out(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        write_conflist(config(tmp_path, chained_plugins=("bandwidth", "portmap")))
        assert [each["type"] for each in written(tmp_path)["plugins"]] == ["aws-addons-cni", "portmap"]
        assert "--chained-plugins bandwidth: it is not in" in caplog.text

    def test_none_is_no_plugin(self, tmp_path: Path) -> None:
        write_conflist(config(tmp_path, chained_plugins=("none",)))
        assert len(written(tmp_path)["plugins"]) == 1
