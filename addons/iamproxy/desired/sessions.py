"""How sessions of roles are called, and the external id that their trust policies may ask for."""

import re
from hashlib import sha1

_EXTERNAL_ID = re.compile(r"[\w+=,.@:/-]{2,1224}", re.ASCII)
_NOT_IN_SESSION_NAME = re.compile(r"[^\w+=,.@-]", re.ASCII)

_LONGEST_SESSION_NAME = 64
_SHORTEST_SESSION_NAME = 2
_DIGEST = 8


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
