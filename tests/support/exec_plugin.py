"""A program as exec plugin of a kubeconfig: it prints what lies beside it, and writes down how it was run."""

import json
import stat
from pathlib import Path
from typing import Any

import yaml

from addons.sim.kubeapi.rbac import MASTERS
from addons.sim.kubeapi.server import KubeApi

BETA, STABLE = "client.authentication.k8s.io/v1beta1", "client.authentication.k8s.io/v1"

_PROGRAM = """#!/bin/sh
# Write down each run, then do as `does` says.
folder=$(dirname "$0")
printf '%s\\n' "$*" >>"$folder/runs"
env >"$folder/environment"
cat >"$folder/stdin"
. "$folder/does"
"""


class Plugin:
    """A plugin called `name` in a folder of its own."""

    def __init__(self, folder: Path, name: str = "aws-iam-authenticator", *, version: str = BETA) -> None:
        self.folder = folder
        self.version = version
        self.program = folder / name
        self.program.write_text(_PROGRAM)
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)
        self.does("exit 9")

    def does(self, lines: str) -> None:
        """Say what it does, in the language of the shell."""
        (self.folder / "does").write_text(lines + "\n")

    def prints(self, text: str) -> None:
        """Have it print this from now on."""
        (self.folder / "printed").write_text(text)
        self.does('cat "$folder/printed"')

    def gives(self, **status: Any) -> None:
        """Have it print credentials from now on."""
        self.prints(json.dumps({"apiVersion": self.version, "kind": "ExecCredential", "status": status}))

    @property
    def runs(self) -> list[str]:
        """The arguments of each run."""
        file = self.folder / "runs"
        return file.read_text().splitlines() if file.exists() else []

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the last run."""
        lines = (self.folder / "environment").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    @property
    def told(self) -> Any:
        """What the last run was told of its caller and the cluster."""
        return json.loads(self.environment["KUBERNETES_EXEC_INFO"])

    def user(self, **more: Any) -> dict[str, Any]:
        """The user of a kubeconfig who has this plugin."""
        how = {"apiVersion": self.version, "command": str(self.program), "interactiveMode": "Never"}
        return {"exec": {**how, **more}}

    def kubeconfig(self, api: KubeApi, **more: Any) -> Path:
        """Write a kubeconfig for an API server, whose user `eks` has this plugin; its place."""
        config = yaml.safe_load(api.kubeconfig())
        config["users"] = [{"name": "eks", "user": self.user(**more)}]
        config["contexts"][0]["context"]["user"] = "eks"
        file = self.folder / "kubeconfig"
        file.write_text(yaml.safe_dump(config))
        return file


def new_token(api: KubeApi, *, instead_of: str = "") -> str:
    """Let an administrator in by another token."""
    api.tokens.pop(instead_of, None)
    return api.add_user("admin", (MASTERS,))
