"""Tables for terminals."""

from datetime import UTC, datetime
from typing import Any

import pytest

from addons.status.tables import sentence, table, text_of

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def lines(*rows: dict[str, Any], width: int = 80) -> list[str]:
    return list(table(rows, width=width, now=NOW))


class TestTable:
    def test_columns_are_as_wide_as_their_longest_text_and_numbers_stand_at_the_right(self) -> None:
        assert lines({"zoneId": "Z1", "records": 9}, {"zoneId": "Z100", "records": 410}) == [
            "ZONE ID  RECORDS",
            "Z1             9",
            "Z100         410",
        ]

    def test_the_reason_comes_first_and_a_column_without_a_word_is_left_out(self) -> None:
        assert lines({"id": "Z1", "note": "", "reason": "NoZone"}) == ["REASON  ID", "NoZone  Z1"]

    def test_what_is_too_long_goes_on_below_and_nothing_is_cut_off(self) -> None:
        found = lines({"message": "no hosted zone is there for it", "name": "www"}, width=24)
        assert found == [
            "MESSAGE             NAME",
            "no hosted zone is   www",
            "there for it",
        ]

    def test_sentences_give_way_before_names_do(self) -> None:
        name = "i-25fc0e7096fc65371.eu-central-1.compute.internal"
        found = lines({"node": name, "message": "cpu 77.7% requested, more than 50.0%"}, width=70)
        assert found[1].startswith(f"{name}  cpu")

    @pytest.mark.parametrize("width", [10, 24, 40, 80])
    def test_every_word_is_there_at_any_width(self, width: int) -> None:
        words = "one two three four five six seven eight nine ten"
        text = " ".join(lines({"a": words, "b": words, "c": 1}, width=width))
        assert all(text.count(word) >= 2 for word in words.split())

    def test_no_line_is_wider_than_the_terminal(self) -> None:
        row = {"reason": "AccessDenied", "message": "word " * 60, "object": "service/" + "x" * 50}
        assert max(map(len, lines(row, width=60))) <= 60


class TestText:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (None, ""),
            (True, "yes"),
            ({"A": 202, "CNAME": 1, "none": {}}, "A 202, CNAME 1"),
            (["a: b", "c"], "a: b; c"),
            ("2026-01-02T03:03:05Z", "60 s ago"),
            ("until 2026-01-02T03:05:05Z", "until 2026-01-02T03:05:05Z (in 60 s)"),
        ],
    )
    def test_data_in_one_line(self, value: object, text: str) -> None:
        assert text_of(value, NOW) == text

    def test_a_sentence_goes_on_below_its_beginning(self) -> None:
        assert sentence("a pod waits for an address", width=20, indent="  ") == [
            "  a pod waits for an",
            "    address",
        ]
