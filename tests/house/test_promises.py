"""docs/promises.md: every promise names the tests that hold it, and those exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROMISES = (ROOT / "docs" / "promises.md").read_text()


def named_tests() -> list[tuple[str, str]]:
    return re.findall(r"`(tests/[\w/]+\.py)::([\w:]+)`", PROMISES)


class TestPromises:
    def test_every_promise_names_a_test(self) -> None:
        rows = [
            line
            for line in PROMISES.splitlines()
            if line.startswith("| ") and not line.startswith("| promise")
        ]
        assert len(rows) > 10
        assert [row for row in rows if "::" not in row] == []

    def test_every_named_test_exists(self) -> None:
        for file, path in named_tests():
            source = (ROOT / file).read_text()
            for name in path.split("::"):
                assert re.search(rf"(class|def) {name}\b", source), f"{file} has no {name}"
