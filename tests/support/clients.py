"""Programs with the SDKs of other people, built by tests/clients/build: each prints what it finds as JSON."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_SOURCES, _BUILT = ROOT / "tests" / "clients", ROOT / ".cache" / "clients"
_JAR = _BUILT / "java" / "target"


@dataclass(frozen=True)
class Client:
    """A program with an SDK: it prints the id of the `key` that it finds, and what it `reads` besides.

    `kind` is what tests/clients/build has to build for it, if anything.
    """

    name: str
    command: tuple[str | Path, ...]
    kind: str = ""
    reads: frozenset[str] = frozenset({"region"})

    def __str__(self) -> str:
        return self.name

    def need(self) -> None:
        """Leave the test out where the program was not built; fail where CI=true."""
        if self.kind and not (_BUILT / self.kind).exists():
            leave_out = pytest.fail if os.environ.get("CI") else pytest.skip
            leave_out(f"no program with the SDK: tests/clients/build .cache/clients {self.kind}")


def _java(program: str) -> tuple[str | Path, ...]:
    return ("java", "-cp", f"{_JAR}/clients.jar:{_JAR}/dependency/*", program)


_PYARROW = ("env", f"PYTHONPATH={_BUILT}/pyarrow", sys.executable, _SOURCES / "pyarrow" / "ask.py")
_DOCUMENT = frozenset({"region", "account"})
_PROFILE = frozenset({"region", "account", "profile"})

QUICK = (
    Client("boto3", (sys.executable, _SOURCES / "boto3" / "ask.py")),
    Client("pyarrow", _PYARROW, "pyarrow", frozenset()),
    Client("go-1", (_BUILT / "go" / "sdk1",), "go", _PROFILE),
    Client("go-2", (_BUILT / "go" / "sdk2",), "go", _PROFILE),
)
"""Those that are tried wherever there is Go. pyarrow reads the zone, and signs for us-east-1 on EC2 too."""

OTHERS = (
    Client("java-1", _java("V1"), "java", _PROFILE),
    Client("java-2", _java("V2"), "java", _DOCUMENT),
    Client("javascript-3", ("node", _BUILT / "javascript" / "v3.js"), "javascript"),
)
"""Those that need Java and Node as well: `make clients`."""
