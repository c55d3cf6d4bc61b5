"""Domain names in one canonical form: lower-case ASCII, no trailing dot, `*` for a wildcard label."""

import re

import idna

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_PLAIN_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_ESCAPE = re.compile(r"\\([0-7]{3})")
_LONGEST_NAME = 253
_LONGEST_LABEL = 63


class InvalidHostname(ValueError):
    """The text is no host name that DNS could hold."""


def parse_hostname(text: str) -> str:
    """The canonical form of a name that a person wrote; case, IDN and one trailing dot do not matter.

    Underscores are allowed (service labels have them) and `*` as the whole first label. No name ends with a
    number: `192.0.2.300` is an address that cannot be. Raises InvalidHostname with a message that quotes the
    text.
    """
    labels = text.strip().removesuffix(".").split(".")
    wildcard = ["*"] if labels[0] == "*" and len(labels) > 1 else []
    try:
        name = ".".join(wildcard + [_parse_label(label) for label in labels[len(wildcard) :]])
    except (idna.IDNAError, UnicodeError) as error:
        raise InvalidHostname(f"{text!r} is not a host name: {error}") from None
    if name.rpartition(".")[2].isdigit():
        raise InvalidHostname(f"{text!r} is not a host name: its last label is a number")
    if len(name) > _LONGEST_NAME:
        raise InvalidHostname(f"{text!r} is not a host name: {len(name)} characters, at most {_LONGEST_NAME}")
    return name


def _parse_label(label: str) -> str:
    if not label.isascii():
        return idna.alabel(idna.uts46_remap(label)).decode("ascii")
    lowered = label.lower()
    if not _LABEL.fullmatch(lowered):
        raise idna.IDNAError(
            f"label {label!r} is empty, longer than 63 characters or has a character it must not"
        )
    return lowered


def from_route53(name: str) -> str:
    r"""The canonical form of a name as Route 53 writes it: `\052.Example.com.` -> `*.example.com`.

    Escapes of characters that would change the meaning of the text (dot, backslash, space, anything
    not printable) stay escaped, so two different names never become one.
    """
    name = name.removesuffix(".")
    if _PLAIN_NAME.fullmatch(name):
        return name
    return _ESCAPE.sub(_unescape, name).lower()


def _unescape(match: re.Match[str]) -> str:
    character = chr(int(match[1], 8))
    return character if "!" <= character <= "~" and character not in ".\\" else match[0]


def is_within(name: str, domain: str) -> bool:
    """True when `name` is `domain` or lies below it; labels are never cut (`notexample.com` is elsewhere)."""
    return name.endswith(domain) and (len(name) == len(domain) or name[-len(domain) - 1] == ".")


def fits_dns(name: str) -> bool:
    """True when no label and not the whole name is longer than DNS can carry."""
    if len(name) <= _LONGEST_LABEL:
        return True
    return len(name) <= _LONGEST_NAME and max(map(len, name.split("."))) <= _LONGEST_LABEL


def fits_below(name: str, domain: str) -> bool:
    """True when `name` lies below `domain` and DNS can carry it."""
    return name != domain and is_within(name, domain) and fits_dns(name)
