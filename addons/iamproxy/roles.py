"""The grammar of roles: as a setting, an annotation or an entry of an allow-list writes them. Pure."""

import re

ROLES = r"arn:aws(?:-[a-z]+)*:iam::\d{12}:role"
"""How the ARNs of the roles of an account begin, as a pattern of ASCII."""

PART = r"[\w+=,.@-]"
"""A character of the name of a role and of its path, as a pattern of ASCII."""

_ROLE = re.compile(rf"(?P<path>(?:{PART}+/)*)(?P<name>{PART}+)", re.ASCII)
_ROLE_ARN = re.compile(rf"{ROLES}(?P<path>/(?:{PART}+/)*)(?P<name>{PART}+)", re.ASCII)
_BASE = re.compile(rf"{ROLES}(?P<path>(?:/{PART}+)*)/?", re.ASCII)
_GLOB = re.compile(r"(?:arn:[\w+=,.@/*:-]*|[\w+=,.@/*-]+)", re.ASCII)

_LONGEST_NAME = 64
_LONGEST_PATH = 512
LONGEST_ARN = 640
"""Characters of the ARN of a role, with the longest path and name that IAM permits."""

_LONGEST_SHOWN = 120

_LIKE_AN_ARN = "arn:aws:iam::123456789012:role/web"
_LIKE_A_NAME = "web, or with a path team/web"
_LIKE_A_BASE = "arn:aws:iam::123456789012:role/"


class NoBase(ValueError):
    """A role is given by name, and it is not known what stands before it."""


def role_arn(written: str, base: str) -> str:
    """Give the ARN of a role that is written as a name, a path and name, or an ARN; `base` ends with `/`.

    A slash at the front is no part of the name. Raises ValueError in words, NoBase where it lacks `base`.
    """
    if written.lower().startswith("arn:"):
        return checked_arn(written)
    name = written.removeprefix("/")
    _check(written, _ROLE.fullmatch(name), _LIKE_A_NAME)
    if not base:
        raise NoBase(f"role {written} is no ARN, and the base of ARNs is not known: set --base-role-arn")
    return checked_arn(base + name)


def checked_arn(written: str) -> str:
    """Give the ARN of a role as it is written. Raises ValueError in words."""
    _check(written, _ROLE_ARN.fullmatch(written), _LIKE_AN_ARN)
    return written


def checked_base(written: str) -> str:
    """Give what stands before the names of roles, with `/` at its end. Raises ValueError in words."""
    if not _BASE.fullmatch(written):
        raise ValueError(f"{shown(written)} is no base of roles: it should look like {_LIKE_A_BASE}")
    return written.removesuffix("/") + "/"


def glob_fault(pattern: str) -> str:
    """Why no role can match an entry of an allow-list, in words; empty when one can."""
    if "*" not in pattern:
        try:
            role_arn(pattern, _LIKE_A_BASE)
        except ValueError as error:
            return str(error)
        return ""
    if len(pattern) > LONGEST_ARN:
        return f"{shown(pattern)} is longer than any role: at most {LONGEST_ARN} characters"
    is_possible = _GLOB.fullmatch(pattern) and "//" not in pattern
    return (
        ""
        if is_possible
        else f"{shown(pattern)} matches no role: roles have letters, digits and _+=,.@-/ only"
    )


def shown(written: str) -> str:
    """Quote what somebody wrote, of which a message needs no more than the beginning."""
    return repr(shortened(written))


def shortened(text: str) -> str:
    """Give a text, or its beginning with dots where it is too long for a message."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _check(written: str, found: re.Match[str] | None, form: str) -> None:
    if not found:
        raise ValueError(f"{shown(written)} is no role: it should look like {form}")
    for part, longest in (("name", _LONGEST_NAME), ("path", _LONGEST_PATH)):
        if len(found[part]) > longest:
            raise ValueError(f"{shown(written)} is no role: its {part} has more than {longest} characters")


def role_name(arn: str, base: str) -> str:
    """How the list of roles shows a role: without `base`, or in full where it is of another account."""
    return arn.removeprefix(base) if base else arn


def account_prefix(arn: str) -> str:
    """What all roles of the same account begin with."""
    return arn[: arn.index(":role/")] + ":role/"


def account_of(arn: str) -> str:
    """The account that a role is of."""
    return arn.split(":", 5)[4]
