#!/usr/bin/python3 -IS
"""The CNI plugin in Python: the twin of cni_plugin.c, for hosts for which nobody compiled that one.

It needs the standard library alone, and imports little of it: most of its time is the interpreter's start.
See cni_plugin.c for what it does.
"""

import json
import os
import select
import socket
import sys
import time
from typing import NoReturn

LONGEST, LONGEST_VALUE, LONGEST_NAME = 1 << 20, 4096, 200
BAD_ENVIRONMENT, IO_FAILURE, UNDECODABLE, BAD_CONFIG, TRY_LATER, NOT_AVAILABLE = 4, 5, 6, 7, 11, 50
STDIN_SECONDS, ADD_SECONDS, CALL_SECONDS, AWAY_SECONDS, NAP_SECONDS = 30.0, 200.0, 60.0, 5.0, 0.05
VARIABLES = (b"COMMAND", b"CONTAINERID", b"NETNS", b"IFNAME", b"ARGS")
VERSIONS = ("0.4.0", "1.0.0", "1.1.0")
ALPHANUMERIC = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Failure(Exception):
    """The call failed; `code` is the specification's."""

    def __init__(self, code: int, message: str, details: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details


class Away(Exception):
    """The daemon does not answer; `is_broken` when it began to listen."""

    def __init__(self, *, is_broken: bool) -> None:
        super().__init__()
        self.is_broken = is_broken


def read_stdin() -> bytes:
    """Read the configuration to its end, but not for ever."""
    data, until = b"", time.monotonic() + STDIN_SECONDS
    while True:
        if not select.select([0], [], [], max(0.0, until - time.monotonic()))[0]:
            raise Failure(IO_FAILURE, "stdin did not end in time")
        part = os.read(0, 65536)
        if not part:
            return data
        data += part
        if len(data) > LONGEST:
            raise Failure(UNDECODABLE, "the network configuration is too large")


def texts_of(data: bytes) -> dict[str, str]:
    """Give the texts of the outermost object; none where it is no JSON, which the daemon will say."""
    try:
        config = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(config, dict):
        return {}
    return {name: value for name, value in config.items() if isinstance(value, str)}


def request_of(data: bytes) -> bytes:
    """Give the HTTP request that carries the call."""
    lines = [b"POST /v1/cni HTTP/1.1", b"Host: cni", b"Connection: close"]
    for name in VARIABLES:
        value = os.environb.get(b"CNI_" + name)
        if value is None:
            continue
        if len(value) > LONGEST_VALUE:
            raise Failure(BAD_ENVIRONMENT, "a variable is too long: CNI_", name.decode())
        if any(each < 0x20 or each == 0x7F for each in value):
            raise Failure(BAD_ENVIRONMENT, "a variable has control characters: CNI_", name.decode())
        if value != value.strip(b" "):
            raise Failure(BAD_ENVIRONMENT, "a variable begins or ends with a space: CNI_", name.decode())
        lines.append(b"Cni-%b: %b" % (name, value))
    return b"\r\n".join([*lines, b"Content-Length: %d" % len(data), b"", data])


def exchange(path: str, request: bytes, until: float) -> tuple[int, bytes]:
    """Send the request and read the answer: its status and body. Raises Away."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.settimeout(_left(until))
            connection.connect(path)
        except OSError:
            raise Away(is_broken=False) from None
        answer = b""
        try:
            connection.sendall(request)
        except OSError:
            part = b""  # it may have answered before it had read all
        try:
            while True:
                connection.settimeout(_left(until))
                part = connection.recv(65536)
                if not part:
                    break
                answer += part
        except OSError:
            part = b""  # what is not whole does not count
    return _read(answer)


def _left(until: float) -> float:
    return max(0.001, until - time.monotonic())


def _read(answer: bytes) -> tuple[int, bytes]:
    head, end, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    lengths = [line.partition(b":")[2] for line in lines if line.lower().startswith(b"content-length:")]
    try:
        status, length = int(first.split(b" ")[1]), int(lengths[0])
    except (IndexError, ValueError):
        raise Away(is_broken=True) from None
    if not end or length != len(body):
        raise Away(is_broken=True)
    return status, body


def ask(path: str, request: bytes, *, is_add: bool) -> tuple[int, bytes]:
    """Exchange until there is an answer; an ADD tries again for some seconds. Raises Away."""
    until, patience = time.monotonic() + (ADD_SECONDS if is_add else CALL_SECONDS), 0.0
    while True:
        try:
            return exchange(path, request, until)
        except Away as away:
            now = time.monotonic()
            if away.is_broken or not patience:
                patience = now + AWAY_SECONDS
            if not is_add or now >= min(patience, until):
                raise
        time.sleep(NAP_SECONDS)


def spool(folder: str, request: bytes) -> None:
    """Write the request down, once for each container and interface; what is there already is as good."""
    container = os.environb.get(b"CNI_CONTAINERID", b"")
    interface = os.environb.get(b"CNI_IFNAME", b"")
    is_named = container[:1] in [ALPHANUMERIC[i : i + 1] for i in range(62)] and b"CNI_IFNAME" in os.environb
    if not is_named or b"/" in container + interface or len(container) + len(interface) > LONGEST_NAME:
        raise Failure(BAD_ENVIRONMENT, "CNI_CONTAINERID and CNI_IFNAME name no container and no interface")
    try:
        _write_down(os.fsencode(folder), b"%b-%b" % (container, interface), request)
    except OSError as error:
        message = "the daemon is away, and the DEL cannot be written down for it"
        raise Failure(IO_FAILURE, message, error.strerror or "") from None


def _write_down(folder: bytes, name: bytes, request: bytes) -> None:
    os.makedirs(folder, 0o700, exist_ok=True)  # noqa: PTH103 (pathlib is slow to import)
    path, new = folder + b"/" + name, folder + b"/.%b.%d" % (name, os.getpid())
    if os.path.exists(path):  # noqa: PTH110
        return
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        try:
            write_all(file, request)
            os.fsync(file)
        finally:
            os.close(file)
        os.rename(new, path)  # noqa: PTH104
    except OSError:
        os.unlink(new)  # noqa: PTH108
        raise
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(opened)
    os.close(opened)


def write_all(file: int, data: bytes) -> None:
    """Write all of it."""
    while data:
        data = data[os.write(file, data) :]


def call(config: dict[str, str], data: bytes) -> int:
    """Do one call; the exit code."""
    command = os.environ["CNI_COMMAND"]
    path = _text(config, "socket", "/run/aws-addons/cni.sock", 107)
    folder = _text(config, "spool", "/run/aws-addons/cni/spool", LONGEST_VALUE - 1)
    if command == "VERSION":
        answer = {"cniVersion": version_of(config), "supportedVersions": VERSIONS}
        write_all(1, json.dumps(answer).encode() + b"\n")
        return 0
    request = request_of(data)
    try:
        status, body = ask(path, request, is_add=command == "ADD")
    except Away as away:
        if command == "DEL":
            spool(folder, request)
            return 0
        end = "ended, or took too long" if away.is_broken else "does not run on this node"
        code = NOT_AVAILABLE if command == "STATUS" else TRY_LATER
        raise Failure(code, f"the daemon of aws-addons-cni {end}", path) from None
    write_all(1, body)
    return 0 if status == 200 else 1


def _text(config: dict[str, str], name: str, default: str, longest: int) -> str:
    value = config.get(name, default)
    size = len(value.encode(errors="replace"))
    if size > longest or "\\" in value or '"' in value or not value.isprintable():
        message = "the network configuration has a text that is too long or has escapes"
        raise Failure(BAD_CONFIG, message, name)
    return value


def version_of(config: dict[str, str]) -> str:
    """Give the version of the configuration, in which answers are."""
    asked = config.get("cniVersion", "")
    return asked if asked and len(asked) < 32 and not asked.strip("0123456789.") else VERSIONS[-1]


def fail(failure: Failure, version: str) -> None:
    """Tell the runtime why the call failed."""
    answer = {"cniVersion": version, "code": failure.code, "msg": failure.message, "details": failure.details}
    write_all(1, json.dumps(answer).encode() + b"\n")


def main() -> NoReturn:
    """Do the call of the environment; exits with 0 or 1."""
    version, code = VERSIONS[-1], 1
    try:
        if not os.environ.get("CNI_COMMAND"):
            raise Failure(BAD_ENVIRONMENT, "CNI_COMMAND is not set: a container runtime runs this")
        data = read_stdin()
        config = texts_of(data)
        version = version_of(config)
        code = call(config, data)
    except Failure as failure:
        try:
            fail(failure, version)
        except OSError:
            code = 1  # nobody reads it
    except OSError:
        code = 1
    sys.exit(code)


if __name__ == "__main__":
    main()
