"""The syntax of record values, type by type."""

import re
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from addons.sim.aws.route53.names import BadName, parse_name

_ADDRESS_TYPES = ("A", "AAAA", "CNAME", "HTTPS", "SVCB")
_TEXT_TYPES = ("CAA", "SPF", "TXT")
_POINTER_TYPES = ("MX", "NAPTR", "NS", "PTR", "SOA", "SRV")
_KEY_TYPES = ("DS", "SSHFP", "TLSA")
TYPES = frozenset((*_ADDRESS_TYPES, *_TEXT_TYPES, *_POINTER_TYPES, *_KEY_TYPES))
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(?:[0-7]{3}|.)", re.DOTALL)
_MAX_STRING = 255
_MAX_TEXT = 4000


def value_problem(type_: str, value: str) -> str:
    """Say in Route 53's words what is wrong with a value; "" when nothing is."""
    check = _CHECKS.get(type_)
    problem = check(value) if check else ""
    return f"Invalid Resource Record: '{problem}'" if problem else ""


def _fatal(code: str, reason: str, value: str) -> str:
    return f"FATAL problem: {code} ({reason}) encountered with '{value}'"


def _ipv4(value: str) -> str:
    try:
        IPv4Address(value)
    except AddressValueError:
        return _fatal("ARRDATAIllegalIPv4Address", "Value is not a valid IPv4 address", value)
    return ""


def _ipv6(value: str) -> str:
    try:
        IPv6Address(value)
    except AddressValueError:
        return _fatal("AAAARRDATAIllegalIPv6Address", "Value is not a valid IPv6 address", value)
    return _fatal("AAAARRDATAIllegalIPv6Address", "Value has a zone id", value) if "%" in value else ""


def _text(value: str) -> str:
    if not value.isascii() or not value.replace("\t", " ").isprintable():
        return _fatal("UnsupportedCharacter", "Value contains unsupported characters", value)
    if not value.startswith('"') or _QUOTED.sub("", value).strip(" \t"):
        return _fatal("InvalidCharacterString", "Value should be enclosed in quotation marks", value)
    lengths = [len(_ESCAPED.sub("x", text)) for text in _QUOTED.findall(value)]
    if max(lengths) > _MAX_STRING or sum(lengths) > _MAX_TEXT:
        return _fatal("CharacterStringTooLong", "Value is too long", value)
    return ""


def _name(value: str) -> str:
    try:
        parse_name(value)
    except BadName as error:
        return str(error)
    if re.search(r"\s", value):
        return _fatal("UnsupportedCharacter", "Value contains unsupported characters", value)
    return ""


def _numbers_then_name(type_: str, count: int) -> Callable[[str], str]:
    def check(value: str) -> str:
        *numbers, name = value.split() or [""]
        if len(numbers) != count:
            reason = f"Value must contain {count + 1} space-separated fields"
            return _fatal(f"{type_}RRDATAIllegalNumberOfFields", reason, value)
        if not all(number.isdecimal() and int(number) <= 65535 for number in numbers):
            return _fatal(f"{type_}RRDATAIllegalNumber", "Value is not a number from 0 to 65535", value)
        return "" if name == "." else _name(name)

    return check


def _caa(value: str) -> str:
    found = re.fullmatch(r'(\d{1,3})\s+([A-Za-z0-9]{1,15})\s+("(?:[^"\\]|\\.)*")', value)
    if not found or int(found[1]) > 255:
        return _fatal("CAARRDATAMalformed", 'Value must be flags, tag and "value"', value)
    return ""


def _tlsa(value: str) -> str:
    fields = value.split()
    if len(fields) != 4:
        return _fatal("TLSARRDATAIllegalNumberOfFields", "Value must contain 4 space-separated fields", value)
    if not all(number.isdecimal() and int(number) <= 255 for number in fields[:3]):
        return _fatal("TLSARRDATAIllegalNumber", "Value is not a number from 0 to 255", value)
    if len(fields[3]) % 2 or not re.fullmatch("[0-9A-Fa-f]+", fields[3]):
        return _fatal("TLSARRDATAIllegalHexadecimal", "Value must end with hexadecimal octets", value)
    return ""


def _soa(value: str) -> str:
    fields = value.split()
    if len(fields) != 7 or not all(number.isdecimal() for number in fields[2:]):
        return _fatal("SOARRDATAIllegalNumberOfFields", "Value must contain 7 fields", value)
    return _name(fields[0]) or _name(fields[1])


_CHECKS: dict[str, Callable[[str], str]] = {
    "A": _ipv4,
    "AAAA": _ipv6,
    "TXT": _text,
    "SPF": _text,
    "CNAME": _name,
    "NS": _name,
    "PTR": _name,
    "MX": _numbers_then_name("MX", 1),
    "SRV": _numbers_then_name("SRV", 3),
    "CAA": _caa,
    "SOA": _soa,
    "TLSA": _tlsa,
}
