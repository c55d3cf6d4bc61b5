"""What a setting may be, as text and as YAML."""

from datetime import timedelta
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.runtime.setting_values import (
    BadValue,
    allowed,
    choices,
    format_duration,
    from_texts,
    from_yaml,
    parse_duration,
    to_yaml,
)

Source = Literal["service", "ingress"]


class TestDurations:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("0", 0),
            ("0s", 0),
            ("90s", 90),
            ("1h30m", 5400),
            ("1.5s", 1.5),
            (".5m", 30),
            ("1m0s", 60),
            ("250ms", 0.25),
            ("3us", 3e-6),
            ("3µs", 3e-6),
        ],
    )
    def test_the_syntax_of_go_is_read(self, text: str, seconds: float) -> None:
        assert parse_duration(text) == timedelta(seconds=seconds)

    @pytest.mark.parametrize("text", ["", "10", "-1s", "1d", "1s ", "s", "1h 30m", "9" * 30 + "h"])
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(BadValue):
            parse_duration(text)

    @given(st.timedeltas(min_value=timedelta(), max_value=timedelta(days=4000)))
    def test_what_is_written_reads_back_the_same(self, duration: timedelta) -> None:
        assert parse_duration(format_duration(duration)) == duration

    @pytest.mark.parametrize("text", ["0s", "1m30s", "1h", "1h30m", "0.5s", "2h0.25s"])
    def test_the_shortest_form_is_written(self, text: str) -> None:
        assert format_duration(parse_duration(text)) == text


class TestTexts:
    @pytest.mark.parametrize(
        ("type_", "texts", "value"),
        [
            (str, ["a", "b"], "b"),
            (int, ["5"], 5),
            (float, ["0.5"], 0.5),
            (bool, ["True"], True),
            (bool, ["0"], False),
            (timedelta, ["1m"], timedelta(minutes=1)),
            (Source, ["ingress"], "ingress"),
            (Literal[4, 6], ["6"], 6),
            (tuple[str, ...], ["a, b", "c"], ("a", "b", "c")),
            (tuple[str, ...], ["a\nb\n"], ("a", "b")),
            (tuple[str, ...], [""], ()),
            (tuple[int, ...], ["1,2"], (1, 2)),
            (tuple[Source, ...], ["service"], ("service",)),
            (dict[str, str], ["a=1,b=", "c=x=y"], {"a": "1", "b": "", "c": "x=y"}),
        ],
    )
    def test_every_type_has_its_form(self, type_: Any, texts: list[str], value: object) -> None:
        assert from_texts(type_, texts) == value

    @pytest.mark.parametrize(
        ("type_", "text", "culprit"),
        [
            (int, "five", "five"),
            (int, "", ""),
            (float, "nan", "nan"),
            (bool, "yes", "yes"),
            (Source, "servce", "servce"),
            (tuple[Source, ...], "service,pd", "pd"),
            (dict[str, str], "a=1,b", "b"),
            (dict[str, str], "=1", "=1"),
        ],
    )
    def test_a_bad_value_is_named_alone(self, type_: Any, text: str, culprit: str) -> None:
        with pytest.raises(BadValue) as caught:
            from_texts(type_, [text])
        assert caught.value.value == culprit


class TestYaml:
    @pytest.mark.parametrize(
        ("type_", "plain", "value"),
        [
            (str, "12", "12"),
            (int, 12, 12),
            (float, 1, 1.0),
            (float, 1.5, 1.5),
            (bool, False, False),
            (timedelta, "1m", timedelta(minutes=1)),
            (timedelta, 0, timedelta()),
            (Source, "service", "service"),
            (tuple[str, ...], ["a,b", "c"], ("a,b", "c")),
            (tuple[str, ...], "a,b", ("a", "b")),
            (dict[str, str], {"a": "b"}, {"a": "b"}),
        ],
    )
    def test_every_type_has_its_form(self, type_: Any, plain: object, value: object) -> None:
        assert from_yaml(type_, plain) == value

    @pytest.mark.parametrize(
        ("type_", "plain"),
        [
            (str, 12),
            (str, None),
            (str, True),
            (int, "12"),
            (int, True),
            (int, 1.5),
            (float, "1"),
            (float, True),
            (float, float("inf")),
            (bool, "true"),
            (bool, 1),
            (timedelta, 60),
            (timedelta, False),
            (Source, True),
            (tuple[str, ...], [1]),
            (tuple[str, ...], {"a": "b"}),
            (dict[str, str], {"a": 1}),
            (dict[str, str], {1: "a"}),
            (dict[str, str], ["a"]),
        ],
    )
    def test_no_type_is_taken_for_another(self, type_: Any, plain: object) -> None:
        with pytest.raises(BadValue):
            from_yaml(type_, plain)

    @pytest.mark.parametrize(
        ("type_", "value"),
        [(timedelta, timedelta(seconds=90)), (tuple[str, ...], ("a", "b,c")), (int, 3), (str, "x")],
    )
    def test_what_is_written_reads_back_the_same(self, type_: Any, value: object) -> None:
        assert from_yaml(type_, to_yaml(value)) == value


class TestWords:
    def test_what_is_allowed_is_said_in_words(self) -> None:
        assert allowed(timedelta) == "a duration such as 90s or 1h30m"
        assert allowed(tuple[Source, ...]) == "a list, each item one of service, ingress"
        assert allowed(dict[str, str]) == "pairs such as key=value"

    def test_only_literals_have_choices(self) -> None:
        assert choices(tuple[Source, ...]) == ("service", "ingress")
        assert choices(str) == ()
