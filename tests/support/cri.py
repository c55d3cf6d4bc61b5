"""What a kubelet asks of a container runtime for a pod's sandbox, without a kubelet: CRI over curl.

gRPC is HTTP/2 with messages of protobuf, each behind five bytes. Only the fields that are used are known.
"""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.support.cni_sandbox import Sandbox

_SERVICE = "http://localhost/runtime.v1.RuntimeService"


class CriError(Exception):
    """The runtime has refused; the text is its own."""


class Cri:
    """A container runtime by its socket; `logs` is where it would write logs of containers."""

    def __init__(self, socket: Path, logs: Path) -> None:
        self._socket, self._logs = socket, logs

    def run(self, pod: Sandbox) -> str:
        """Run a pod's sandbox, which ends with an ADD of CNI; gives the id of its container."""
        metadata = _text(1, pod.name) + _text(2, pod.uid) + _text(3, pod.namespace)
        linux = _message(2, b"")  # a network of its own is the default
        ports = b"".join(map(_port, pod.capabilities.get("portMappings", ())))
        config = _message(1, metadata) + _text(2, pod.name) + _text(3, str(self._logs)) + ports
        config += _message(8, linux)
        return _first_text(self._call("RunPodSandbox", _message(1, config)), 1)

    def stop(self, container: str) -> None:
        """Stop a sandbox: DEL of CNI, with its network namespace."""
        self._call("StopPodSandbox", _text(1, container))

    def remove(self, container: str) -> None:
        """Remove a sandbox: DEL of CNI once more, without its network namespace."""
        self._call("RemovePodSandbox", _text(1, container))

    def sandboxes(self) -> list[str]:
        """The containers of all sandboxes that the runtime knows, whatever their state."""
        return [_first_text(each, 1) for each in _fields(self._call("ListPodSandbox", b""), 1)]

    def address(self, container: str) -> str:
        """The address of a sandbox, as the kubelet would report it; "" for none."""
        status = next(_fields(self._call("PodSandboxStatus", _text(1, container)), 1))
        return _first_text(next(_fields(status, 5), b""), 1)

    def is_network_ready(self) -> bool:
        """Whether the runtime has a CNI configuration."""
        status = next(_fields(self._call("Status", b""), 1))
        ready = {_first_text(each, 1) for each in _fields(status, 1) if next(_numbers(each, 2), 0)}
        return "NetworkReady" in ready

    def _call(self, method: str, request: bytes) -> bytes:
        with tempfile.NamedTemporaryFile() as head, tempfile.NamedTemporaryFile() as body:
            body.write(b"\0" + len(request).to_bytes(4, "big") + request)
            body.flush()
            command = ["curl", "--silent", "--show-error", "--http2-prior-knowledge", "--max-time", "60"]
            command += ["--unix-socket", str(self._socket), "--dump-header", head.name]
            command += ["--header", "content-type: application/grpc", "--header", "te: trailers"]
            command += ["--data-binary", f"@{body.name}", f"{_SERVICE}/{method}"]
            done = subprocess.run(command, capture_output=True, check=False)
            if done.returncode:
                raise CriError(f"{method}: {done.stderr.decode().strip()}")
            lines = Path(head.name).read_text().splitlines()
        said = dict(line.split(":", 1) for line in lines if ":" in line)
        if said.get("grpc-status", "").strip() != "0":
            raise CriError(f"{method}: {unquote(said.get('grpc-message', '').strip())}")
        return done.stdout[5:]


def _varint(number: int) -> bytes:
    rest = b""
    while number > 0x7F:
        rest += bytes((number & 0x7F | 0x80,))
        number >>= 7
    return rest + bytes((number,))


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode())


def _number(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number)


def _port(mapping: Mapping[str, Any]) -> bytes:
    """A port of TCP of the node that leads to one of the pod."""
    return _message(5, _number(2, mapping["containerPort"]) + _number(3, mapping["hostPort"]))


def _first_text(message: bytes, field: int) -> str:
    return next(_fields(message, field), b"").decode()


def _fields(message: bytes, field: int) -> Iterator[bytes]:
    """The contents of every text or message with this number."""
    return (content for number, content in _parsed(message) if number == field and isinstance(content, bytes))


def _numbers(message: bytes, field: int) -> Iterator[int]:
    return (content for number, content in _parsed(message) if number == field and isinstance(content, int))


def _parsed(message: bytes) -> Sequence[tuple[int, bytes | int]]:
    found: list[tuple[int, bytes | int]] = []
    at = 0
    while at < len(message):
        key, at = _read_varint(message, at)
        value, at = _read_varint(message, at)
        if key & 7 == 2:
            found.append((key >> 3, message[at : at + value]))
            at += value
        else:
            found.append((key >> 3, value))
    return found


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        number |= (message[at] & 0x7F) << shift
        if message[at] < 0x80:
            return number, at + 1
        shift, at = shift + 7, at + 1
