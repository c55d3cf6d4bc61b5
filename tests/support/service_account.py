"""What a pod finds of its cluster: the files of its ServiceAccount, and two variables."""

import base64
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from addons.runtime.kube_access import ServiceAccount
from addons.sim.kubeapi.server import KubeApi

IN_A_POD = """
import pathlib, runpy, sys
from addons.runtime import kube_access

kube_access.SERVICE_ACCOUNT_FILES = pathlib.Path(sys.argv.pop(1))
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""
"""For `python -c`: runs the module of the second argument in a pod that has its files in the first."""


def write_files(folder: Path, api: KubeApi, user: str = "admin") -> None:
    """Write what a kubelet would: the token of a user, the authority of the server, the namespace."""
    config = yaml.safe_load(api.kubeconfig(user))
    authority = base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"])
    (folder / "ca.crt").write_bytes(authority)
    (folder / "token").write_text(config["users"][0]["user"]["token"])
    (folder / "namespace").write_text("kube-system")


def variables(api: KubeApi) -> Mapping[str, str]:
    """The variables that a kubelet sets."""
    where = urlsplit(api.url)
    return {"KUBERNETES_SERVICE_HOST": str(where.hostname), "KUBERNETES_SERVICE_PORT": str(where.port)}


def service_account(folder: Path, api: KubeApi) -> ServiceAccount:
    """The ServiceAccount of a pod whose files are in `folder`."""
    return ServiceAccount(variables(api), folder)
