"""Where the API server is, and how one proves who one is: as a pod's ServiceAccount, or by a kubeconfig."""

import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Any, Protocol

from addons.runtime.clock import utc_now
from addons.runtime.outcomes import ObjectRef
from addons.runtime.settings import SettingError

SERVICE_ACCOUNT_FILES = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_FILES_GOOD_SECONDS = 60.0
_RENEW_AHEAD_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Access:
    """The URL of an API server, without a slash at its end, and what a request to it needs.

    `authorization` is the value of that header, and empty where a client certificate proves who asks. After
    `good_seconds` all of this should be read again.
    """

    server: str
    authorization: str = field(default="", repr=False)
    tls: ssl.SSLContext | bool = True
    tls_server_name: str | None = None
    proxy: str | None = None
    good_seconds: float = inf


class AccessSource(Protocol):
    """Reads the way to the API server."""

    async def read(self) -> Access:
        """Give what holds now. Raises SettingError."""


class ServiceAccount:
    """The access of a pod, which the kubelet keeps in files and rotates.

    The token and the authority (CA) are read again each minute, as client-go does with the token: a token is
    replaced well before it expires.
    """

    def __init__(self, environ: Mapping[str, str], files: Path) -> None:
        self._host = environ.get("KUBERNETES_SERVICE_HOST", "")
        self._port = environ.get("KUBERNETES_SERVICE_PORT", "")
        self._files = files
        self._authority: bytes | None = None
        self._tls: ssl.SSLContext | bool = True

    async def read(self) -> Access:
        """Give the API server of this cluster and the token of the pod. Raises SettingError."""
        if not self._host or not self._port:
            raise SettingError("--kubeconfig is required: this process is not in a cluster")
        host = f"[{self._host}]" if ":" in self._host else self._host
        token = self._read("token").decode("ascii", "replace").strip()
        if not re.fullmatch("[!-~]+", token):
            raise SettingError(f"{self._files / 'token'} is empty or holds no token")
        self._trust(self._read("ca.crt"))
        server = f"https://{host}:{self._port}"
        return Access(server, f"Bearer {token}", self._tls, good_seconds=_FILES_GOOD_SECONDS)

    def _read(self, name: str) -> bytes:
        try:
            return (self._files / name).read_bytes()
        except OSError as error:
            why = f"{self._files / name} cannot be read: {error.strerror}"
            raise SettingError(f"{why}; does the pod mount the token of its ServiceAccount?") from error

    def _trust(self, authority: bytes) -> None:
        """Trust this authority and no other; as long as it is the same, connections last."""
        if authority == self._authority:
            return
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            tls.load_verify_locations(cadata=authority.decode("ascii"))
        except (ssl.SSLError, ValueError) as error:
            raise SettingError(f"{self._files / 'ca.crt'} holds no certificate: {error}") from error
        self._authority, self._tls = authority, tls


class Kubeconfig:
    """The access that a kubeconfig describes; an exec plugin in it is run at each reading.

    The plugin's token is good until shortly before it expires, where the plugin tells when that is.

    `path` is one file, or several as in $KUBECONFIG. They are merged as kubectl does: of what is in several
    of them the first one counts, and files that are not there or empty are passed over.

    The package `kubernetes` knows all that can stand in such a file. It is imported only here, because it
    takes 17 MiB of memory.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    async def read(self) -> Access:
        """Give the cluster and the user of the current context. Raises SettingError."""
        import yaml
        from kubernetes.aio import config
        from kubernetes.aio.client import Configuration

        found = Configuration()
        faults = (config.ConfigException, yaml.YAMLError, OSError, LookupError, TypeError, ValueError)
        try:
            files = _read_all(self._path)
            contexts = (content.get("current-context") for content in files.values())
            loader = await config.load_kube_config(  # type: ignore[no-untyped-call]
                config_file=os.pathsep.join(files),
                context=next(filter(None, contexts), None),  # the package would take the last one
                client_configuration=found,
                persist_config=False,
            )
            tls = _tls(found.ssl_ca_cert, found.cert_file, found.key_file, verify=found.verify_ssl)
        except faults as error:
            why = " ".join(str(error).split())
            raise SettingError(f"--kubeconfig: {self._path!r} cannot be used: {why}") from error
        authorization = found.api_key.get("BearerToken", "").strip()
        if not re.fullmatch("[ -~]*", authorization):
            raise SettingError(f"--kubeconfig: {self._path!r} holds no usable token")
        if "exec" in (loader._user or ()) and not authorization and not found.cert_file:
            raise SettingError(f"--kubeconfig: {self._path!r}: its exec plugin gave no credentials")
        good_seconds = _good_seconds(getattr(loader, "exec_plugin_expiry", None))
        return Access(found.host, authorization, tls, found.tls_server_name, found.proxy, good_seconds)


def namespace_of_context(kubeconfig: str) -> str:
    """The namespace that kubectl would use with a kubeconfig; `default` where it names none.

    Raises SettingError.
    """
    import yaml

    try:
        files = _read_all(kubeconfig).values() if kubeconfig else ()
        current = next(filter(None, (content.get("current-context") for content in files)), "")
        contexts = [each for content in files for each in content.get("contexts") or ()]
        found = [each["context"].get("namespace") for each in contexts if each["name"] == current]
        return str(next(filter(None, found), "default"))
    except (yaml.YAMLError, OSError, LookupError, TypeError, ValueError, AttributeError) as error:
        why = " ".join(str(error).split())
        raise SettingError(f"--kubeconfig: {kubeconfig!r} cannot be used: {why}") from error


def _good_seconds(expiry: datetime | None) -> float:
    """How long a token may be used; a minute at least, whatever the clocks say: a refused one is renewed."""
    if expiry is None:
        return inf
    return max((expiry - utc_now()).total_seconds() - _RENEW_AHEAD_SECONDS, _RENEW_AHEAD_SECONDS)


def _read_all(path: str) -> dict[str, Mapping[str, Any]]:
    """The files of a kubeconfig that say something, by path. Raises OSError, ValueError, yaml.YAMLError."""
    import yaml

    paths = [path] if Path(path).exists() else path.split(os.pathsep)
    there = [each for each in paths if each and Path(each).exists()]
    if not there:
        raise SettingError(f"--kubeconfig: {path!r}: there is no such file")
    found = {each: yaml.safe_load(Path(each).read_text()) or {} for each in there}
    if wrong := [each for each, content in found.items() if not isinstance(content, Mapping)]:
        raise ValueError(f"{wrong[0]} is no kubeconfig")
    said = {each: content for each, content in found.items() if content}
    if not said:
        raise ValueError("it is empty")
    return said


def own_pod() -> ObjectRef | None:
    """The pod that we run in, as the chart tells us by POD_NAME, POD_NAMESPACE and POD_UID; None outside."""
    name, namespace = os.environ.get("POD_NAME", ""), os.environ.get("POD_NAMESPACE", "")
    return ObjectRef("Pod", namespace, name, os.environ.get("POD_UID", "")) if name and namespace else None


def access_source(kubeconfig: str) -> Kubeconfig | ServiceAccount:
    """Give the access that the file `kubeconfig` describes, else that of the pod in which we run."""
    return Kubeconfig(kubeconfig) if kubeconfig else ServiceAccount(os.environ, SERVICE_ACCOUNT_FILES)


def _tls(authority: str | None, certificate: str | None, key: str | None, *, verify: bool) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif authority:
        context.load_verify_locations(authority)
    else:
        context.load_default_certs()
    if certificate:
        context.load_cert_chain(certificate, key)
    return context
