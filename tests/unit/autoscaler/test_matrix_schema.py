"""The JSON schema of the file of a matrix, and the tables of its page: as the code has them."""

from pathlib import Path
from runpy import run_path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from addons.autoscaler.matrix.schema import schema
from tests.support.as_matrix import BASE, EXAMPLE, told, with_lines

ROOT = Path(__file__).parents[3]
CASES = yaml.safe_load((Path(__file__).parent / "golden" / "matrix_faults.yaml").read_text())
BY_MEANING = (
    *("is there twice", "no cell", "would both be named", "is above max", "each cell needs one", "hand them"),
    *(
        "is no placeholder",
        "is no key",
        "is no value",
        "every node gets",
        "a kubelet does not",
        "has no effect",
    ),
    *(
        "has the effect",
        "is no setting",
        "one line",
        "has no such setting",
        "iops is missing",
        "is no amount",
    ),
    *(
        "follow from other keys",
        "from 30s to 2h",
        "include[0].instanceTypes",
        "nan is",
        "must be a text",
        "it is not in",
    ),
)
"""Faults that a schema cannot know of."""


def is_valid(text: str) -> bool:
    checker: Any = jsonschema.Draft202012Validator(schema())
    return bool(checker.is_valid(yaml.safe_load(text)))


class TestSchema:
    @pytest.mark.parametrize("page", ["docs/matrix.schema.json", "docs/autoscaler-matrix.md"])
    def test_what_is_written_is_what_the_code_says(self, page: str) -> None:
        pages = run_path(str(ROOT / "docs" / "generate_matrix.py"))["generate"]()
        assert (ROOT / page).read_text() == pages[ROOT / page], "run `make docs`"

    def test_it_is_a_schema_that_allows_good_files(self) -> None:
        jsonschema.Draft202012Validator.check_schema(schema())
        assert is_valid(BASE)
        assert is_valid(EXAMPLE.read_text())
        assert is_valid("x-common: {a: 1}\n" + BASE)

    @pytest.mark.parametrize(
        "case",
        [each for each in CASES if not any(word in text for word in BY_MEANING for text in each["told"])],
        ids=lambda case: case["put"],
    )
    def test_what_has_no_form_is_told_by_both(self, case: dict[str, Any]) -> None:
        text = with_lines({case["line"]: case["put"]})
        assert told(text)
        assert not is_valid(text)

    def test_every_key_is_described(self) -> None:
        parts = schema()
        properties = [parts["properties"], *(each["properties"] for each in parts["$defs"].values())]
        assert all(each["description"] for keys in properties for each in keys.values())
