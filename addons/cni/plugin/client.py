#!/usr/bin/python3 -IS
"""The CNI plugin in Python: the twin of cni_plugin.c, for hosts for which nobody compiled that one.

It needs the standard library alone, and of that only what is there at once or written in C: `json`, `socket`
and `typing` would take longer to import than all the rest takes. See cni_plugin.c for what it does.
"""

import _socket
import os
import select
import sys
import time

LONGEST, LONGEST_VALUE, LONGEST_NAME = 1 << 20, 4096, 200
BAD_ENVIRONMENT, IO_FAILURE, UNDECODABLE, BAD_CONFIG, TRY_LATER, NOT_AVAILABLE = 4, 5, 6, 7, 11, 50
STDIN_SECONDS, ADD_SECONDS, CALL_SECONDS, SERVED_SECONDS, NAP_SECONDS = 30.0, 170.0, 60.0, 1.0, 0.05
AWAY_SECONDS = 60.0
VARIABLES = (b"COMMAND", b"CONTAINERID", b"NETNS", b"IFNAME", b"ARGS")
NEWEST = b"1.1.0"
SPACE = b" \t\r\n"
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


def find_text(data: bytes, key: bytes) -> bytes | None:
    """Give the text that a key has in the outermost object of the configuration, if it has one."""
    depth, at = 0, 0
    while at < len(data):
        byte = data[at : at + 1]
        depth += (byte in b"{[") - (byte in b"}]")
        at += 1
        if byte != b'"':
            continue
        end = _end_of_string(data, at)
        name, rest = data[at:end], data[end + 1 : end + 1 + LONGEST_VALUE].lstrip(SPACE)
        at = end + 1
        if depth != 1 or name != key or rest[:1] != b":":
            continue
        value = rest[1:].lstrip(SPACE)
        if value[:1] == b'"':
            return value[1 : _end_of_string(value, 1)]
    return None


def _end_of_string(data: bytes, at: int) -> int:
    while at < len(data) and data[at] != 0x22:
        at += 2 if data[at] == 0x5C else 1
    return min(at, len(data))


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


def exchange(path: bytes, request: bytes, until: float) -> tuple[int, bytes]:
    """Send the request and read the answer: its status and body. Raises Away."""
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        connection.settimeout(_left(until))
        connection.connect(path)
    except OSError:
        connection.close()
        raise Away(is_broken=False) from None
    answer = _talk(connection, request, until)
    connection.close()
    return _read(answer)


def _talk(connection: _socket.socket, request: bytes, until: float) -> bytes:
    """Give what comes back until the daemon hangs up; what is not whole does not count."""
    answer = b""
    try:
        connection.sendall(request)
    except OSError:
        return answer
    try:
        while True:
            connection.settimeout(_left(until))
            part = connection.recv(65536)
            if not part:
                return answer
            answer += part
    except OSError:
        return answer


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


def ask(path: bytes, request: bytes, *, is_add: bool) -> tuple[int, bytes]:
    """Exchange until there is an answer; an ADD waits for the next daemon where one is away. Raises Away."""
    began = time.monotonic()
    until, patience = began + (ADD_SECONDS if is_add else CALL_SECONDS), began + AWAY_SECONDS
    while True:
        try:
            return exchange(path, request, until)
        except Away as away:
            now = time.monotonic()
            if away.is_broken and now - began >= SERVED_SECONDS:
                patience = now + AWAY_SECONDS
            if not is_add or now >= min(patience, until):
                raise
        time.sleep(NAP_SECONDS)
        began = time.monotonic()


def spool(folder: bytes, request: bytes) -> None:
    """Write the request down, once for each container and interface; what is there already is as good."""
    container = os.environb.get(b"CNI_CONTAINERID", b"")
    interface = os.environb.get(b"CNI_IFNAME", b"")
    is_named = container[:1] in [ALPHANUMERIC[i : i + 1] for i in range(62)] and b"CNI_IFNAME" in os.environb
    if not is_named or b"/" in container + interface or len(container) + len(interface) > LONGEST_NAME:
        raise Failure(BAD_ENVIRONMENT, "CNI_CONTAINERID and CNI_IFNAME name no container and no interface")
    try:
        _write_down(folder, b"%b-%b" % (container, interface), request)
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


def call(data: bytes) -> int:
    """Do one call; the exit code."""
    command = os.environ["CNI_COMMAND"]
    path = _text(data, b"socket", b"/run/aws-addons/cni.sock", 107)
    folder = _text(data, b"spool", b"/run/aws-addons/cni/spool", LONGEST_VALUE - 1)
    if command == "VERSION":
        text = b'{"cniVersion":"%b","supportedVersions":["0.4.0","1.0.0","1.1.0"]}\n'
        write_all(1, text % version_of(data))
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
        raise Failure(code, f"the daemon of aws-addons-cni {end}", os.fsdecode(path)) from None
    write_all(1, body)
    return 0 if status == 200 else 1


def _text(data: bytes, key: bytes, default: bytes, longest: int) -> bytes:
    value = find_text(data, key)
    if value is None:
        return default
    if len(value) > longest or any(each in value for each in (b"\\", b"\0")):
        message = "the network configuration has a text that is too long or has escapes"
        raise Failure(BAD_CONFIG, message, key.decode())
    return value


def version_of(data: bytes) -> bytes:
    """Give the version of the configuration, in which answers are."""
    asked = find_text(data, b"cniVersion") or b""
    return asked if asked and len(asked) < 32 and not asked.strip(b"0123456789.") else NEWEST


def fail(failure: Failure, version: bytes) -> None:
    """Tell the runtime why the call failed; no text of ours needs escapes in JSON."""
    words = (version, failure.code, failure.message.encode(), os.fsencode(failure.details))
    write_all(1, b'{"cniVersion":"%b","code":%d,"msg":"%b","details":"%b"}\n' % words)


def main() -> None:
    """Do the call of the environment; exits with 0 or 1."""
    version, code = NEWEST, 1
    try:
        try:
            if not os.environ.get("CNI_COMMAND"):
                raise Failure(BAD_ENVIRONMENT, "CNI_COMMAND is not set: a container runtime runs this")
            data = read_stdin()
            version = version_of(data)
            code = call(data)
        except Failure as failure:
            fail(failure, version)
    except OSError:
        code = 1  # nobody reads the answer
    sys.exit(code)


if __name__ == "__main__":
    main()
