"""Where the API server is, and how one proves who one is: as a pod's ServiceAccount, or by a kubeconfig."""

import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from pathlib import Path
from typing import Protocol

from addons.kubeconfig.reading import KubeconfigError, Login, read_login, read_namespace
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

    `path` is one file, or several as in $KUBECONFIG.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    async def read(self) -> Access:
        """Give the cluster and the user of the current context. Raises SettingError."""
        try:
            login = await read_login(self._path)
            tls = _tls(login)
        except KubeconfigError as error:
            raise SettingError(f"--kubeconfig: {error}") from error
        except (OSError, ValueError, TypeError) as error:
            raise SettingError(f"--kubeconfig: {self._path!r} cannot be used: {error}") from error
        if not re.fullmatch("[ -~]*", login.authorization):
            raise SettingError(f"--kubeconfig: {self._path!r} holds no usable token")
        good_seconds = _good_seconds(login.expires)
        return Access(
            login.server, login.authorization, tls, login.tls_server_name, login.proxy, good_seconds
        )


def namespace_of_context(kubeconfig: str) -> str:
    """The namespace that kubectl would use with a kubeconfig; `default` where it names none.

    Raises SettingError.
    """
    try:
        return read_namespace(kubeconfig) if kubeconfig else "default"
    except KubeconfigError as error:
        raise SettingError(f"--kubeconfig: {error}") from error


def _good_seconds(expiry: datetime | None) -> float:
    """How long a token may be used; a minute at least, whatever the clocks say: a refused one is renewed."""
    if expiry is None:
        return inf
    return max((expiry - utc_now()).total_seconds() - _RENEW_AHEAD_SECONDS, _RENEW_AHEAD_SECONDS)


def own_pod() -> ObjectRef | None:
    """The pod that we run in, as the chart tells us by POD_NAME, POD_NAMESPACE and POD_UID; None outside."""
    name, namespace = os.environ.get("POD_NAME", ""), os.environ.get("POD_NAMESPACE", "")
    return ObjectRef("Pod", namespace, name, os.environ.get("POD_UID", "")) if name and namespace else None


def access_source(kubeconfig: str) -> Kubeconfig | ServiceAccount:
    """Give the access that the file `kubeconfig` describes, else that of the pod in which we run."""
    return Kubeconfig(kubeconfig) if kubeconfig else ServiceAccount(os.environ, SERVICE_ACCOUNT_FILES)


def _tls(login: Login) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not login.is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif login.authority:
        context.load_verify_locations(login.authority)
    else:
        context.load_default_certs()
    if login.certificate:
        context.load_cert_chain(login.certificate, login.key)
    return context
