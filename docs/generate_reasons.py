"""Write docs/reason-codes.md: every reason code, with the meaning and the fix of docs/troubleshooting.md."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from addons.explain.fixes import fix_of
from addons.registry import daemons
from addons.runtime import permit
from addons.runtime.faults import DEGRADED

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reason-codes.md"
_GROUP = re.compile(r"^# (?:Reasons|Codes)(?: of|:)? (.*?)(?: \(.*\))?[.;].*$")
_CODE = re.compile(r'^[A-Z0-9_]+: Final = "([A-Z]\w+[a-z]\w*)"( *#.*)?$')


class Reason(NamedTuple):
    """A code, who says it, and what it is about."""

    code: str
    daemon: str
    about: str


def generate() -> dict[Path, str]:
    """Give the text of the page, without writing it."""
    return {PAGE: "\n".join(_page())}


def reasons() -> list[Reason]:
    """Every code of every daemon, in the order of the alphabet."""
    shared = [Reason(code, "every daemon", "why a change is not begun") for code in _shared()]
    own = [reason for daemon in daemons() for reason in _reasons(daemon)]
    return sorted([*shared, *own])


def _shared() -> Iterator[str]:
    yield DEGRADED
    for name, value in vars(permit).items():
        if name.isupper() and isinstance(value, str):
            yield value


def _reasons(daemon: str) -> Iterator[Reason]:
    """The codes of a daemon, each with the comment of the group that it stands in."""
    about = ""
    for line in (ROOT / "addons" / daemon / "names.py").read_text().splitlines():
        if line.startswith("# "):
            group = _GROUP.match(line)
            about = group[1] if group else ""
        elif about and (code := _CODE.match(line)):
            yield Reason(code[1], daemon, about)


def _page() -> Iterator[str]:
    yield "# Why not: every code\n"
    yield (
        "Every action and every decision not to act has one of these codes: in Events, on the page, in"
        " `/api/decisions`,\nin metrics and in what `addons explain` prints."
        " [Troubleshooting](troubleshooting.md) begins with the symptom instead, and is\nwhere meanings and"
        " fixes are written. Written from it and from the code by `make docs`; do not edit by hand.\n"
    )
    yield "| code | of | about | what it means | what to do |"
    yield "|---|---|---|---|---|"
    for code, daemon, about in reasons():
        fix = fix_of(daemon, code)
        assert fix, f"{daemon}: {code} has no row in docs/troubleshooting.md"
        yield f"| `{code}` | {daemon} | {about} | {fix.meaning} | {fix.to_do} |"
    yield ""


if __name__ == "__main__":
    for page, text in generate().items():
        page.write_text(text)
