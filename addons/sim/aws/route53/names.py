r"""Domain names as Route 53 writes them: lower case, absolute, odd characters as octal escapes (`\052`).

Source: Route 53 Developer Guide, "DNS domain name format".
"""

import re

_PLAIN = re.compile(r"(?:[a-z0-9_-]{1,63}\.)+")
_ESCAPE = re.compile(r"\\([0-7]{3})")
_UNESCAPED = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")
_MAX_WIRE_OCTETS = 255


class BadName(ValueError):
    """The text is no domain name; the message has the form of Route 53's own."""

    def __init__(self, code: str, reason: str, text: str) -> None:
        super().__init__(f"FATAL problem: {code} ({reason}) encountered with '{text}'")


def parse_name(text: str) -> str:
    r"""Give the one spelling under which Route 53 stores, sorts and returns the name.

    Upper case is lowered, the trailing dot is added, and every character but letters, digits, `-` and
    `_` becomes `\ooo`, whether it came as itself or escaped. Raises `BadName`.
    """
    if len(text) < _MAX_WIRE_OCTETS and _PLAIN.fullmatch(text):
        return text
    labels = [_octets(label) for label in text.removesuffix(".").split(".")]
    if labels == [b""]:
        raise BadName("DomainNameEmpty", "Domain name is empty", text)
    for label in labels:
        if not label:
            raise BadName("DomainLabelEmpty", "Domain label is empty", text)
        if len(label) > 63:
            raise BadName("DomainLabelTooLong", "Domain label is too long", escape(label))
    if sum(len(label) + 1 for label in labels) + 1 > _MAX_WIRE_OCTETS:
        raise BadName("DomainNameTooLong", "Domain name is too long", text)
    return "".join(f"{escape(label)}." for label in labels)


def _octets(label: str) -> bytes:
    try:
        raw = label.encode("ascii")
    except UnicodeEncodeError:
        raise BadName("UnsupportedCharacter", "Value contains unsupported characters", label) from None
    octets = re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8) & 0xFF]), raw)
    return octets.lower()


def escape(label: bytes) -> str:
    r"""Write one lower-case label with `\ooo` for every octet that Route 53 does not print."""
    return "".join(chr(octet) if octet in _UNESCAPED else f"\\{octet:03o}" for octet in label)


def unescape(name: str) -> tuple[bytes, ...]:
    r"""Give the labels of a parsed name as octets, `\052` as `*`: what DNS has on the wire."""
    return tuple(
        _ESCAPE.sub(lambda found: chr(int(found[1], 8)), label).encode("latin-1")
        for label in name.removesuffix(".").split(".")
    )


def sort_key(name: str) -> str:
    """Order names as Route 53 lists them: labels reversed, with the trailing dot.

    The dot matters for the characters that sort before it: `a-b.` stands before `a.`, since the texts
    compared are `org.a-b.` and `org.a.`.
    """
    return ".".join(reversed(name.removesuffix(".").split("."))) + "."


def is_within(name: str, zone: str) -> bool:
    """Say whether a parsed name is the zone's apex or lies below it, at a label boundary."""
    return name == zone or name.endswith(f".{zone}")
