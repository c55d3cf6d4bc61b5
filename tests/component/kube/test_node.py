"""tests/kube/node, up to where it would start a container runtime."""

import os
from pathlib import Path

from tests.support.processes import run

NODE = Path(__file__).parents[2] / "kube" / "node"


async def test_the_configuration_is_text_and_runs_no_command(tmp_path: Path) -> None:
    """No command of the machine is named in it: `stop`, say, may be one that stops the machine."""
    commands, home = tmp_path / "bin", tmp_path / "nodes" / "one"
    commands.mkdir()
    for name, script in (("nsenter", "exit 1"), ("stop", f"touch {tmp_path}/stopped")):
        (commands / name).write_text(f"#!/bin/sh\n{script}\n")
        (commands / name).chmod(0o755)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "busybox.tar").touch()
    environment = {"PATH": f"{commands}:{os.environ['PATH']}", "KUBEBUILDER_ASSETS": str(commands)}
    ended = await run(NODE, tmp_path, "one", env=environment)
    assert ended.err.startswith("containerd is not ready")
    assert "netns_mounts_under_state_dir" in (home / "containerd.toml").read_text()
    assert not (tmp_path / "stopped").exists()
