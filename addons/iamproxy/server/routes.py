"""Which paths exist: an exact dictionary. A path that is not in it does not exist, whatever it looks like.

Targets are compared as they came in, byte for byte: nothing is joined or cleaned, so that `//`, `..`, other
case and full URLs name nothing. Only the role behind the folder of credentials is decoded, once, since some
SDKs encode it: `arn%3Aaws%3Aiam%3A%3A123456789012%3Arole/web`, `etl%40prod`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import get_args

from msgspec import Struct

from addons.iamproxy.config import MetadataKey
from addons.iamproxy.roles import LONGEST_ARN
from addons.iamproxy.server.instance import IDENTITY_KEYS
from addons.runtime.settings import SettingError

HARMLESS_KEYS = frozenset(get_args(MetadataKey))

_READ = frozenset({b"GET", b"HEAD"})
_WRITE = frozenset({b"PUT"})

_LATEST = b"/latest"
_DATE_CHARACTERS = 10
_ROLES = b"/latest/meta-data/iam/security-credentials/"
_EXTENDED_ROLES = b"/latest/meta-data/iam/security-credentials-extended/"
_ROLE_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-/:"
_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")


class Kind(Enum):
    """What a route is about."""

    HEALTH = "health"
    TOKEN = "token"  # noqa: S105
    LISTING = "listing"
    ROLES = "roles"
    CREDENTIALS = "credentials"
    INFO = "info"
    IDENTITY = "identity"
    INSTANCE_ID = "instance-id"
    NODE_KEY = "node-key"


class Route(Struct, frozen=True):
    """One path that exists.

    `names` are the lines of a listing, `keys` are the keys of the node's metadata that the answer is made of,
    `role` is the role named in the path, and `extended` tells the newer credential paths, whose answers
    include the account.
    """

    kind: Kind
    methods: frozenset[bytes] = _READ
    names: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    role: str = ""
    extended: bool = False


class Routes:
    """All paths that exist, with these keys of the node's metadata; raises SettingError for any other key.

    With `identity`, pods find an identity document and an instance id of our making.
    """

    def __init__(self, node_keys: Iterable[str], *, identity: bool) -> None:
        keys = sorted(set(node_keys))
        for key in keys:
            if key not in HARMLESS_KEYS:
                allowed = ", ".join(sorted(HARMLESS_KEYS))
                raise SettingError(f"--metadata-allow {key!r} is not allowed: one of {allowed}")
        self._exact = _paths(keys, identity=identity)

    def find(self, target: bytes) -> Route | None:
        """The route of a request target; None when there is none."""
        if (found := self._exact.get(target)) is not None:
            return found
        if not target.startswith(_LATEST):
            if not _is_dated(target):
                return None
            target = _LATEST + target[_DATE_CHARACTERS + 1 :]
            if (found := self._exact.get(target)) is not None:
                return found
        for folder, extended in ((_ROLES, False), (_EXTENDED_ROLES, True)):
            if target.startswith(folder):
                return _credentials(target[len(folder) :].removesuffix(b"/"), extended)
        return None


def _paths(keys: Sequence[str], *, identity: bool) -> dict[bytes, Route]:
    """Every path of the version `latest` but those that end in a role's name.

    What is listed exists with and without a slash behind it: botocore asks for `placement/region/`.
    """
    leaves = {
        "meta-data/iam/info": Route(Kind.INFO),
        "meta-data/iam/security-credentials/": Route(Kind.ROLES),
        "meta-data/iam/security-credentials-extended/": Route(Kind.ROLES, extended=True),
    }
    if identity:
        seen = tuple(key for key in keys if key in IDENTITY_KEYS)
        leaves["dynamic/instance-identity/document"] = Route(Kind.IDENTITY, keys=seen)
        leaves["meta-data/instance-id"] = Route(Kind.INSTANCE_ID)
    leaves |= {f"meta-data/{key}": Route(Kind.NODE_KEY, keys=(key,)) for key in keys}
    listings = {folder: Route(Kind.LISTING, names=names) for folder, names in _listings(leaves).items()}
    paths = {
        "/healthz": Route(Kind.HEALTH),
        "/": Route(Kind.LISTING, names=("latest",)),
        "/latest/api/token": Route(Kind.TOKEN, _WRITE),
    }
    for path, route in (listings | leaves).items():
        name = f"/latest/{path}".removesuffix("/")
        paths |= {name: route, f"{name}/": route}
    return {path.encode(): route for path, route in paths.items()}


def _listings(paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The folders above some paths, each with the names in it; a folder ends in a slash."""
    children: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        parts = path.removesuffix("/").split("/")
        for depth, part in enumerate(parts):
            is_leaf = depth == len(parts) - 1 and not path.endswith("/")
            folder = "".join(f"{above}/" for above in parts[:depth])
            children[folder].add(part if is_leaf else f"{part}/")
    return {folder: tuple(sorted(names)) for folder, names in children.items()}


def _is_dated(target: bytes) -> bool:
    """Whether a path begins with a version other than `latest`: a date, such as /2021-07-15."""
    year, month, day = target[1:5], target[6:8], target[9:11]
    digits = year + month + day
    return (
        target[:1] + target[5:6] + target[8:9] == b"/--"
        and len(digits) == 8
        and digits.isdigit()
        and target[11:12] in (b"", b"/")
    )


def _credentials(written: bytes, extended: bool) -> Route | None:
    """The path of a role's credentials, if that can be the name or the ARN of a role.

    A percent sign that does not stand for a character stays, and is none that a role can have.
    """
    role = _ENCODED.sub(lambda found: bytes.fromhex(found[1].decode()), written)
    if not role or len(role) > LONGEST_ARN or role.translate(None, _ROLE_CHARACTERS):
        return None
    if not {b"", b".", b".."}.isdisjoint(role.split(b"/")):
        return None
    return Route(Kind.CREDENTIALS, role=role.decode("ascii"), extended=extended)
