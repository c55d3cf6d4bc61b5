"""Roles as users write them, and as AWS knows them."""

import re
from hashlib import sha1

_ARN = re.compile(r"arn:[a-z][a-z-]*:iam::\d{12}:role/[\w+=,.@/-]*[\w+=,.@-]", re.ASCII)
_NAME = re.compile(r"[\w+=,.@-][\w+=,.@/-]*[\w+=,.@-]|[\w+=,.@-]", re.ASCII)
_NOT_IN_SESSION_NAME = re.compile(r"[^\w+=,.@-]", re.ASCII)

_LONGEST_ARN = 640
_LONGEST_SESSION_NAME = 64
_SHORTEST_SESSION_NAME = 2
_DIGEST = 8


_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)


class NoBase(ValueError):
    """A role is given by name, and it is not known what stands before it."""


def role_arn(written: str, base: str) -> str:
    """Give the ARN of a role that is written as a name, a path and name, or an ARN; `base` ends with `/`.

    A slash at the front is no part of the name. Raises ValueError in words, NoBase where it lacks `base`.
    """
    text = written.strip()
    if text.lower().startswith("arn:"):
        arn, is_good, form = text, bool(_ARN.fullmatch(text)), "arn:aws:iam::123456789012:role/web"
    else:
        name = text.removeprefix("/")
        arn, is_good, form = base + name, bool(_NAME.fullmatch(name)), "web, or with a path team/web"
    if not is_good or "//" in arn or len(arn) > _LONGEST_ARN:
        raise ValueError(f"{written!r} is no role: it should look like {form}")
    if not arn.startswith("arn:"):
        raise NoBase(f"role {text} is no ARN, and the base of ARNs is not known: set --base-role-arn")
    return arn


def role_name(arn: str, base: str) -> str:
    """How the list of roles shows a role: without `base`, or in full where it is of another account."""
    return arn.removeprefix(base) if base else arn


def account_prefix(arn: str) -> str:
    """What all roles of the same account begin with."""
    return arn[: arn.index(":role/")] + ":role/"


def account_of(arn: str) -> str:
    """The account that a role is of."""
    return arn.split(":", 5)[4]


def external_id(written: str) -> str:
    """Give an external id as STS takes it, or the empty one. Raises ValueError in words."""
    text = written.strip()
    if text and not _EXTERNAL_ID.fullmatch(text):
        raise ValueError(f"{written!r} is no external id: 2 to 1224 letters, digits and _+=,.@:/-")
    return text


def session_name(wanted: str) -> str:
    """Make a name that STS takes: other characters become `-`, and a long one ends in a digest of itself."""
    name = _NOT_IN_SESSION_NAME.sub("-", wanted)
    if len(name) > _LONGEST_SESSION_NAME:
        digest = sha1(wanted.encode(), usedforsecurity=False).hexdigest()[:_DIGEST]
        name = f"{name[: _LONGEST_SESSION_NAME - _DIGEST - 1]}-{digest}"
    return name.ljust(_SHORTEST_SESSION_NAME, "-")
