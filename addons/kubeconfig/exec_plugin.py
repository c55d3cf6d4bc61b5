"""Programs that a kubeconfig names and that print credentials: aws-iam-authenticator, `aws eks get-token`.

They are run as kubectl runs them (client-go, `ExecConfig` and `ExecCredential` of the API group
client.authentication.k8s.io): found in the folder of the kubeconfig or by $PATH, told what they should know
in $KUBERNETES_EXEC_INFO, at a terminal if there is one and they may ask. One that does not end is ended.
"""

import asyncio
import json
import os
import shlex
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

SECONDS = 50.0
"""How long a plugin may take: less than those wait that need its credentials."""

_GROUP = "client.authentication.k8s.io/"
_EXTENSION = "client.authentication.k8s.io/exec"
_CLUSTER = (
    *("server", "tls-server-name", "insecure-skip-tls-verify"),
    *("certificate-authority-data", "proxy-url"),
)
_SHOWN = 300


class PluginError(Exception):
    """No credentials came of a plugin: whose, by which command, why, and how it is installed if it is not."""


class Credentials(NamedTuple):
    """What a plugin gave: a token, or a certificate with its key in PEM, and until when they are good."""

    token: str
    certificate: str
    key: str
    expires: datetime | None


async def run_plugin(
    user: str, plugin: Mapping[str, Any], cluster: Mapping[str, Any], folder: Path
) -> Credentials:
    """Run a user's plugin, the `exec` of a kubeconfig in `folder`, for a cluster, and read what it prints.

    Raises PluginError; a cancelled call ends the plugin, as one ends it that takes too long.
    """
    command = [str(plugin.get("command") or ""), *map(str, plugin.get("args") or ())]
    try:
        return _read(plugin, await _output(plugin, command, cluster, folder))
    except PluginError as error:
        raise PluginError(f"user {user!r}: {shlex.join(command)}: {error}") from error.__cause__


async def _output(
    plugin: Mapping[str, Any], command: list[str], cluster: Mapping[str, Any], folder: Path
) -> bytes:
    version = str(plugin.get("apiVersion") or "")
    if not version.startswith(_GROUP):
        raise PluginError(f"apiVersion {version!r} is none of {_GROUP}")
    asks = _may_ask(plugin)
    spec: dict[str, Any] = {"interactive": asks}
    if plugin.get("provideClusterInfo"):
        spec["cluster"] = _cluster_info(cluster, folder)
    told = {"apiVersion": version, "kind": "ExecCredential", "spec": spec}
    added = {str(each["name"]): str(each["value"]) for each in plugin.get("env") or ()}
    environment = {**os.environ, **added, "KUBERNETES_EXEC_INFO": json.dumps(told)}
    program = Path(folder, command[0]) if os.sep in command[0] else command[0]
    try:
        process = await _start([program, *command[1:]], environment, alone=not asks)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise PluginError(f"cannot be run: {why}{_hint(plugin)}") from error
    return await _end(process, alone=not asks)


async def _start(command: Sequence[str | Path], environment: Mapping[str, str], *, alone: bool) -> Process:
    """Start a plugin; one that is no longer wanted meanwhile leaves nothing running behind."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdin=DEVNULL if alone else None,
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=alone,
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OSError, ValueError):  # nothing was started
            await _stop(await starting, alone=alone)
        raise


async def _end(process: Process, *, alone: bool) -> bytes:
    """Wait for a plugin; one that takes too long or is no longer wanted leaves nothing running behind."""
    try:
        async with asyncio.timeout(SECONDS):
            printed, complaint = await process.communicate()
    except BaseException as error:
        await _stop(process, alone=alone)
        if isinstance(error, TimeoutError):
            raise PluginError(f"did not end within {SECONDS:.0f} s") from error
        raise
    if process.returncode:
        said = " ".join(complaint.decode(errors="replace").split())[-_SHOWN:]
        raise PluginError(f"ended with {process.returncode}: {said or 'without a word'}")
    return printed


async def _stop(process: Process, *, alone: bool) -> None:
    """End the plugin, and what it has started, if it has a process group of its own."""
    try:
        if alone:
            os.killpg(process.pid, signal.SIGKILL)
        elif process.returncode is None:
            process.kill()
    except ProcessLookupError:
        pass  # all of it has ended
    await process.wait()


def _may_ask(plugin: Mapping[str, Any]) -> bool:
    """Whether the plugin may ask the person at the terminal. Raises PluginError if it must and has none."""
    mode = plugin.get("interactiveMode") or "IfAvailable"
    if mode not in ("Never", "IfAvailable", "Always"):
        raise PluginError(f"interactiveMode {mode!r} is none of Never, IfAvailable and Always")
    there = sys.stdin is not None and sys.stdin.isatty()
    if mode == "Always" and not there:
        raise PluginError("interactiveMode is Always: it asks a person, and there is no terminal")
    return there and mode != "Never"


def _cluster_info(cluster: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What a plugin is told of the cluster where `provideClusterInfo` is set."""
    names = (
        "server",
        "tls-server-name",
        "insecure-skip-tls-verify",
        "certificate-authority-data",
        "proxy-url",
    )
    told = {name: cluster[name] for name in names if cluster.get(name)}
    if authority := cluster.get("certificate-authority"):
        try:
            data = Path(folder, authority).read_bytes()
        except OSError as error:
            raise PluginError(f"{authority}: {error.strerror}") from error
        told["certificate-authority-data"] = b64encode(data).decode()
    for each in cluster.get("extensions") or ():
        if each.get("name") == _EXTENSION:
            told["config"] = each.get("extension")
    return told


def _hint(plugin: Mapping[str, Any]) -> str:
    words = " ".join(str(plugin.get("installHint") or "").split())
    return f"; {words}" if words else ""


def _read(plugin: Mapping[str, Any], printed: bytes) -> Credentials:
    """Read an ExecCredential; what is wrong is told without what it holds, which may be secret."""
    try:
        credential = json.loads(printed)
    except ValueError as error:
        raise PluginError(f"printed {len(printed)} bytes that are no JSON") from error
    if not isinstance(credential, dict) or credential.get("kind") != "ExecCredential":
        raise PluginError("printed JSON that is no ExecCredential")
    if credential.get("apiVersion") != plugin["apiVersion"]:
        wanted = plugin["apiVersion"]
        raise PluginError(f"printed an ExecCredential of {credential.get('apiVersion')!r}, not of {wanted!r}")
    status = credential.get("status")
    if not isinstance(status, dict):
        raise PluginError("printed an ExecCredential without status")
    token, certificate, key = (
        str(status.get(name) or "") for name in ("token", "clientCertificateData", "clientKeyData")
    )
    if bool(certificate) != bool(key) or not (token or certificate):
        raise PluginError("printed neither a token nor a certificate with its key")
    return Credentials(token, certificate, key, _expiry(status.get("expirationTimestamp")))


def _expiry(text: object) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise PluginError(f"printed the expirationTimestamp {text!r}, which is no time") from error
    if found.tzinfo is None:
        raise PluginError(f"printed the expirationTimestamp {text!r} without a time zone")
    return found
