"""The values that a setting may have: from text (flag, environment) and from YAML, and back into plain YAML.

Types: str, int, float, bool, timedelta, Literal, tuple[T, ...] and dict[str, str].
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, Literal, get_args, get_origin

_MICROSECONDS = {"ns": 1e-3, "us": 1.0, "µs": 1.0, "μs": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6, "h": 3600e6}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")


class BadValue(ValueError):
    """`value` is not what the setting may be."""

    def __init__(self, value: object) -> None:
        super().__init__(repr(value))
        self.value = value


def from_texts(type_: Any, texts: Sequence[str]) -> object:
    """Read what was said with flags or in the environment: a list takes all of it, anything else the last.

    Items of a list, and the pairs of a mapping, stand between commas or line ends. Raises BadValue.
    """
    match get_origin(type_):
        case origin if origin is tuple:
            return tuple(_from_text(get_args(type_)[0], item) for item in _items(texts))
        case origin if origin is dict:
            return dict(_pair(item) for item in _items(texts))
    return _from_text(type_, texts[-1])


def from_yaml(type_: Any, value: object) -> object:
    """Read what a YAML file says. Raises BadValue.

    YAML has types of its own, so that a text is not taken for a number, nor a number for a text.
    """
    match value:
        case list() if get_origin(type_) is tuple:
            return tuple(from_yaml(get_args(type_)[0], item) for item in value)
        case dict() if get_origin(type_) is dict:
            return {_text(key): _text(item) for key, item in value.items()}
        case str() if type_ not in (bool, int, float):
            return from_texts(type_, [value])
        case bool() if type_ is bool:
            return value
        case bool():
            raise BadValue(value)
        case int() if type_ is int or (type_ is timedelta and value == 0):
            return _from_text(type_, str(value))
        case int() | float() if type_ is float:
            return _from_text(float, str(value))
    raise BadValue(value)


def to_yaml(value: object) -> object:
    """Give the plain value that `from_yaml` reads back as `value`."""
    match value:
        case timedelta():
            return format_duration(value)
        case tuple():
            return [to_yaml(item) for item in value]
    return value


def allowed(type_: Any) -> str:
    """Say in words what a value of the type looks like."""
    match get_origin(type_):
        case origin if origin is tuple:
            return f"a list, each item {allowed(get_args(type_)[0])}"
        case origin if origin is dict:
            return "pairs such as key=value"
        case origin if origin is Literal:
            return "one of " + ", ".join(map(str, get_args(type_)))
    return _WORDS[type_]


def choices(type_: Any) -> tuple[str, ...]:
    """Give the words that the type, or an item of it, is limited to; none when it is not."""
    if get_origin(type_) is tuple:
        return choices(get_args(type_)[0])
    return tuple(map(str, get_args(type_))) if get_origin(type_) is Literal else ()


def parse_duration(text: str) -> timedelta:
    """Read a duration as Go writes it: "90s", "1h30m", "1.5s", "0"; a negative one is a BadValue."""
    if text == "0":
        return timedelta()
    if not _DURATION.fullmatch(text):
        raise BadValue(text)
    try:
        parts = (float(number) * _MICROSECONDS[unit] for number, unit in _PART.findall(text))
        return timedelta(microseconds=sum(parts))
    except OverflowError:
        raise BadValue(text) from None


def format_duration(duration: timedelta) -> str:
    """Write a duration in the shortest form that Go reads: "1h30m", "90s" as "1m30s", "0s"."""
    minutes, rest = divmod(duration, timedelta(minutes=1))
    hours, minutes = divmod(minutes, 60)
    seconds = f"{rest.seconds + rest.microseconds / 1e6:.6f}".rstrip("0").rstrip(".")
    text = (f"{hours}h" if hours else "") + (f"{minutes}m" if minutes else "")
    return text if text and not rest else f"{text}{seconds}s"


def _items(texts: Iterable[str]) -> Iterable[str]:
    parts = (part.strip() for text in texts for part in re.split(r"[,\n]", text))
    return (part for part in parts if part)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise BadValue(text)
    return key.strip(), value.strip()


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BadValue(value)
    return value


def _from_text(type_: Any, text: str) -> object:
    if get_origin(type_) is Literal:
        for choice in get_args(type_):
            if str(choice) == text:
                return choice
        raise BadValue(text)
    try:
        return _READERS[type_](text)
    except ValueError:
        raise BadValue(text) from None


def _read_boolean(text: str) -> bool:
    match text.lower():
        case "true" | "1":
            return True
        case "false" | "0":
            return False
    raise BadValue(text)


def _read_float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise BadValue(text)
    return number


_READERS: dict[Any, Callable[[str], object]] = {
    str: str,
    int: int,
    float: _read_float,
    bool: _read_boolean,
    timedelta: parse_duration,
}
_WORDS: dict[Any, str] = {
    str: "text (in YAML: quote it)",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    timedelta: "a duration such as 90s or 1h30m",
}
