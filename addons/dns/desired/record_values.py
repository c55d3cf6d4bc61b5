"""The values of records of every type, checked and spelled as Route 53 wants them. Pure."""

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from addons.dns.model.hostnames import InvalidHostname, parse_hostname

_LONGEST_TEXT: Final = 255
_ESCAPED: Final = re.compile(r'(["\\])')
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.){0,255}"(?:\s+"(?:[^"\\]|\\.){0,255}")*')
_TLSA_FIELDS: Final = re.compile(
    r"(\d{1,3})\s+(\d{1,3})\s+(\d{1,3})\s+([0-9a-f]+(?:\s+[0-9a-f]+)*)", re.IGNORECASE | re.ASCII
)
_HASH_DIGITS: Final = {1: 64, 2: 128}
_LARGEST_OCTET: Final = 255
_NAPTR_FIELDS: Final = re.compile(
    r'(?P<order>\d+)\s+(?P<preference>\d+)\s+(?P<texts>(?:"[^"]*"\s+){3})(?P<replacement>\S+)'
)


class InvalidValue(ValueError):
    """The text is no value for a record of this type; the message says what is allowed."""


def parse_value(kind: str, text: str) -> str:
    """One target as the value of a record of type `kind`, one of `RecordType`; raises InvalidValue."""
    return _PARSERS[kind](text.strip())


def _ipv4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise InvalidValue(f"{text!r} is no IPv4 address") from None


def _ipv6(text: str) -> str:
    try:
        return str(IPv6Address(text))
    except ValueError:
        raise InvalidValue(f"{text!r} is no IPv6 address") from None


def _host(text: str) -> str:
    try:
        return parse_hostname(text)
    except InvalidHostname as error:
        raise InvalidValue(str(error)) from None


def _mail(text: str) -> str:
    preference, host = _fields(text, 2, "a preference and a host, like '10 mail.example.com'")
    return f"{_number(preference)} {_host(host)}"


def _service(text: str) -> str:
    *numbers, host = _fields(text, 4, "priority, weight, port and a host, like '0 50 443 www.example.com'")
    target = "." if host == "." else f"{_host(host)}."
    return " ".join((*(str(_number(number)) for number in numbers), target))


def _text(text: str) -> str:
    """Quoted texts stay as they are; others are quoted, and cut where a text is too long for one piece."""
    if text.startswith('"'):
        if _QUOTED.fullmatch(text):
            return text
        raise InvalidValue(f"{text!r} is not made of quoted texts of at most {_LONGEST_TEXT} characters")
    pieces = [text[start : start + _LONGEST_TEXT] for start in range(0, len(text), _LONGEST_TEXT)] or [""]
    return " ".join('"' + _ESCAPED.sub(r"\\\1", piece) + '"' for piece in pieces)


def _naptr(text: str) -> str:
    match = _NAPTR_FIELDS.fullmatch(text)
    if match is None:
        raise InvalidValue(
            f"{text!r} is not order, preference, three quoted texts and a replacement,"
            """ like '10 20 "S" "SIP+D2U" "" _sip._udp.example.com.'"""
        )
    replacement = "." if match["replacement"] == "." else f"{_host(match['replacement'])}."
    numbers = f"{_number(match['order'])} {_number(match['preference'])}"
    return f"{numbers} {' '.join(match['texts'].split())} {replacement}"


def _certificate(text: str) -> str:
    """Usage, selector, matching type and what is to match, a hash of fixed length or data (RFC 6698)."""
    match = _TLSA_FIELDS.fullmatch(text)
    if match is None or any(int(match[part]) > _LARGEST_OCTET for part in (1, 2, 3)):
        raise InvalidValue(
            f"{text!r} is not usage, selector, matching type and hexadecimal digits, like '3 1 1 d2ab…'"
        )
    usage, selector, matching = (int(match[part]) for part in (1, 2, 3))
    data = "".join(match[4].split()).lower()
    if len(data) % 2 or len(data) != _HASH_DIGITS.get(matching, len(data)):
        wanted = _HASH_DIGITS.get(matching, "an even number of")
        raise InvalidValue(
            f"{text!r} has {len(data)} hexadecimal digits, matching type {matching} has {wanted}"
        )
    return f"{usage} {selector} {matching} {data}"


def _fields(text: str, count: int, what: str) -> list[str]:
    fields = text.split()
    if len(fields) != count:
        raise InvalidValue(f"{text!r} is not {what}")
    return fields


def _number(text: str) -> int:
    if re.fullmatch(r"\d{1,5}", text, re.ASCII) and int(text) <= 65_535:
        return int(text)
    raise InvalidValue(f"{text!r} is not a number from 0 to 65535")


_PARSERS: Final[Mapping[str, Callable[[str], str]]] = {
    "A": _ipv4,
    "AAAA": _ipv6,
    "CNAME": _host,
    "MX": _mail,
    "NAPTR": _naptr,
    "NS": _host,
    "PTR": _host,
    "SRV": _service,
    "TLSA": _certificate,
    "TXT": _text,
}
