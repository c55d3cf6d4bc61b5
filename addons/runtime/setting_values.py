"""The values that a setting may have: from text (flag, environment) and from YAML, and back into plain YAML.

Types: str, int, float, bool, timedelta, Literal, tuple[T, ...] and dict[str, str].

A text may have a form. `form` is checked by all who read settings: the daemon, and the schema of its chart.
`in_schema` is for what the code of the daemon checks, better than a pattern can: it tells the schema what
passes that check for sure. The patterns mean the same to Python and to Go, in whose syntax Helm reads them.
The default of a setting is always permitted.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
from msgspec import Meta

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

    Items of a list, and the pairs of a mapping, stand between commas or line ends, or a mapping is written in
    JSON. Raises BadValue.
    """
    match get_origin(type_):
        case origin if origin is tuple:
            return tuple(_from_text(get_args(type_)[0], item) for item in _items(texts))
        case origin if origin is dict:
            return _mapping(texts)
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


def _mapping(texts: Sequence[str]) -> dict[str, str]:
    """Pairs, or an object in JSON as some originals write it."""
    if not texts[-1].lstrip().startswith("{"):
        return dict(_pair(item) for item in _items(texts))
    try:
        return msgspec.json.decode(texts[-1], type=dict[str, str])
    except msgspec.MsgspecError as error:
        raise BadValue(texts[-1]) from error


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


class Unfit(ValueError):
    """`value` does not meet a constraint, which `wanted` tells in words."""

    def __init__(self, value: object, wanted: str) -> None:
        super().__init__(wanted)
        self.value = value
        self.wanted = wanted


def check(value: Any, type_: Any, constraint: Meta) -> None:
    """Raise Unfit unless a value meets a constraint; a pattern must match the whole of it."""
    if constraint.pattern is not None:
        if not re.fullmatch(constraint.pattern, value):
            raise Unfit(value, constraint.description or f"what matches {constraint.pattern}")
        return
    try:
        msgspec.convert(value, Annotated[type_, constraint])
    except msgspec.ValidationError as error:
        limit = str(error).partition(" - at ")[0].removeprefix("Expected ").replace("`", "")
        raise Unfit(value, limit) from None


def items_of(value: object) -> Iterable[object]:
    """The items of a list, the values of a mapping; none of anything else."""
    match value:
        case tuple():
            return value
        case dict():
            return value.values()
    return ()


def refused(values: Mapping[str, str]) -> Meta:
    """Marks a field: values of the original that we have not, each with the sentence that says so."""
    return Meta(extra={"refused": dict(values)})


def form(pattern: str, words: str) -> Meta:
    """A text that matches the whole of `pattern`; `words` say what that is."""
    return Meta(pattern=f"^({pattern})$", description=words)


def in_schema(pattern: str, words: str, **more: Any) -> Meta:
    """A text of which the schema asks that it matches the whole of `pattern`; `words` say what that is."""
    return Meta(extra_json_schema={"pattern": f"^({pattern})$", **more}, description=words)


_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IPV4 = rf"{_OCTET}(\.{_OCTET}){{3}}"
_GROUP = "[0-9A-Fa-f]{1,4}"
IPV6 = "|".join(
    (
        rf"({_GROUP}:){{7}}{_GROUP}",
        *(rf"({_GROUP}:){{1,{7 - after}}}(:{_GROUP}){{{after}}}" for after in range(1, 7)),
        rf"({_GROUP}:){{1,7}}:",
        rf":((:{_GROUP}){{1,7}}|:)",
    )
)
_URL_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_URL_HOST = rf"{_URL_LABEL}(\.{_URL_LABEL})*|\[({IPV6})\]"

Region = Annotated[str, form(r"[a-z0-9]+(-[a-z0-9]+)*", "the name of an AWS region, such as eu-central-1")]
Url = Annotated[str, form(rf"https?://({_URL_HOST})(:[0-9]{{1,5}})?(/\S*)?", "a URL with http or https")]
Namespace = Annotated[
    str, form(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "the name of a namespace: lower case, digits, hyphens")
]
RoleArn = Annotated[
    str,
    form(
        r"arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64}",
        "the ARN of a role, such as arn:aws:iam::123456789012:role/web",
    ),
]
Network = Annotated[
    str,
    in_schema(
        rf"{IPV4}(/(3[0-2]|[12]?[0-9]))?|({IPV6})(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?",
        "a network or an address, such as 10.0.0.0/8",
    ),
]
