"""The current context of a kubeconfig: which cluster, and as whom."""

import os
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from addons.kubeconfig.exec_plugin import PluginError, run_plugin


class KubeconfigError(Exception):
    """A kubeconfig cannot be used, and why."""


@dataclass(frozen=True, slots=True)
class Login:
    """What a kubeconfig says: the URL of the API server, without a slash at its end, and how it is asked.

    `authorization` is the value of that header. `authority`, `certificate` and `key` are files. All of it is
    good until `expires`, where a plugin has told.
    """

    server: str
    authorization: str = field(repr=False)
    authority: str | None
    certificate: str | None
    key: str | None
    is_verified: bool
    tls_server_name: str | None
    proxy: str | None
    expires: datetime | None


async def read_login(path: str) -> Login:
    """Read one file, or several as in $KUBECONFIG; an exec plugin in it is run each time.

    Several are merged as kubectl does: of what is in several of them the first one counts, and files that are
    not there or empty are passed over. Raises KubeconfigError.

    The package `kubernetes` knows all that can stand in such a file. It is imported only here, because it
    takes 17 MiB of memory.
    """
    import yaml
    from kubernetes.aio.client import Configuration
    from kubernetes.aio.config import ConfigException
    from kubernetes.aio.config.kube_config import KubeConfigLoader, KubeConfigMerger

    found = Configuration()
    faults = (ConfigException, PluginError, yaml.YAMLError, OSError, LookupError, TypeError, ValueError)
    try:
        files = _read_all(path)
        contexts = (content.get("current-context") for content in files.values())
        merged = KubeConfigMerger(os.pathsep.join(files)).config  # type: ignore[no-untyped-call]
        loader = KubeConfigLoader(  # type: ignore[no-untyped-call]
            config_dict=merged,
            config_base_path=None,
            active_context=next(filter(None, contexts), None),  # the package would take the last one
        )
        expires = await _run_plugin(loader)
        await loader.load_and_set(found)  # type: ignore[no-untyped-call]
    except faults as error:
        raise _unusable(path, error) from error
    return Login(
        found.host,
        found.api_key.get("BearerToken", "").strip(),
        found.ssl_ca_cert,
        found.cert_file,
        found.key_file,
        found.verify_ssl,
        found.tls_server_name,
        found.proxy,
        expires,
    )


async def _run_plugin(loader: Any) -> datetime | None:
    """Put what the user's plugin gives in its place, if he has one, and give until when it is good.

    The package would run it too, but without an end, and its fault would be a line in the log.
    """
    user = loader._user.value if loader._user else None
    if not user or not user.get("exec"):
        return None
    name = loader._current_context["context"]["user"]
    folder = Path(loader._user.path).parent
    plugin = user.pop("exec")
    given = await run_plugin(name, plugin, loader._cluster.value, folder)
    if given.token:
        user["token"] = given.token
        user.pop("tokenFile", None)
    if given.certificate:
        user["client-certificate-data"] = b64encode(given.certificate.encode()).decode()
        user["client-key-data"] = b64encode(given.key.encode()).decode()
    return given.expires


def read_namespace(path: str) -> str:
    """The namespace that kubectl would use with a kubeconfig; `default` where it names none.

    Raises KubeconfigError.
    """
    import yaml

    try:
        files = _read_all(path).values()
        current = next(filter(None, (content.get("current-context") for content in files)), "")
        contexts = [each for content in files for each in content.get("contexts") or ()]
        found = [each["context"].get("namespace") for each in contexts if each["name"] == current]
        return str(next(filter(None, found), "default"))
    except (yaml.YAMLError, OSError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise _unusable(path, error) from error


def _unusable(path: str, error: Exception) -> KubeconfigError:
    return KubeconfigError(f"{path!r} cannot be used: {' '.join(str(error).split())}")


def _read_all(path: str) -> dict[str, Mapping[str, Any]]:
    """The files of a kubeconfig that say something, by path. Raises OSError, ValueError, yaml.YAMLError."""
    import yaml

    paths = [path] if Path(path).exists() else path.split(os.pathsep)
    there = [each for each in paths if each and Path(each).exists()]
    if not there:
        raise KubeconfigError(f"{path!r}: there is no such file")
    found = {each: yaml.safe_load(Path(each).read_text()) or {} for each in there}
    if wrong := [each for each, content in found.items() if not isinstance(content, Mapping)]:
        raise ValueError(f"{wrong[0]} is no kubeconfig")
    said = {each: content for each, content in found.items() if content}
    if not said:
        raise ValueError("it is empty")
    return said
