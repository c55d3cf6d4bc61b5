"""Which paths exist: an exact dictionary. A path that is not in it does not exist, whatever it looks like.

Targets are compared as they came in, byte for byte: nothing is decoded, joined or cleaned, so that `//`,
`..`, `%2F`, other case and full URLs name nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import Enum

from msgspec import Struct

from addons.iamproxy.roles import LONGEST_ARN
from addons.runtime.settings import SettingError

HARMLESS_KEYS = frozenset(
    {
        "ami-id",
        "hostname",
        "instance-id",
        "instance-life-cycle",
        "instance-type",
        "local-hostname",
        "local-ipv4",
        "mac",
        "placement/availability-zone",
        "placement/availability-zone-id",
        "placement/group-name",
        "placement/host-id",
        "placement/partition-number",
        "placement/region",
        "public-hostname",
        "public-ipv4",
        "reservation-id",
        "services/domain",
        "services/partition",
    }
)
"""The metadata of a node that may be shown to its pods at all."""

_READ = frozenset({b"GET", b"HEAD"})
_WRITE = frozenset({b"PUT"})

_LATEST = b"/latest"
_DATE_CHARACTERS = 10
_ROLES = b"/latest/meta-data/iam/security-credentials/"
_EXTENDED_ROLES = b"/latest/meta-data/iam/security-credentials-extended/"
_ROLE_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+=,.@-/:"


class Kind(Enum):
    """What a route is about."""

    HEALTH = "health"
    TOKEN = "token"  # noqa: S105
    LISTING = "listing"
    ROLES = "roles"
    CREDENTIALS = "credentials"
    INFO = "info"
    NODE_KEY = "node-key"


class Route(Struct, frozen=True):
    """One path that exists.

    `names` are the lines of a listing, `key` is a key of the node's metadata, `role` is the role named in the
    path, and `extended` tells the newer credential paths, whose answers include the account.
    """

    kind: Kind
    methods: frozenset[bytes] = _READ
    names: tuple[str, ...] = ()
    key: str = ""
    role: str = ""
    extended: bool = False


class Routes:
    """All paths that exist, with these keys of the node's metadata; raises SettingError for any other key."""

    def __init__(self, node_keys: Iterable[str]) -> None:
        keys = sorted(set(node_keys))
        for key in keys:
            if key not in HARMLESS_KEYS:
                allowed = ", ".join(sorted(HARMLESS_KEYS))
                raise SettingError(f"--metadata-allow {key!r} is not allowed: one of {allowed}")
        self._exact = _paths(keys)

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


def _paths(keys: Sequence[str]) -> dict[bytes, Route]:
    """Every path of the version `latest` but those that end in a role's name."""
    leaves = {
        "api/token": Route(Kind.TOKEN, _WRITE),
        "meta-data/iam/info": Route(Kind.INFO),
        "meta-data/iam/security-credentials/": Route(Kind.ROLES),
        "meta-data/iam/security-credentials-extended/": Route(Kind.ROLES, extended=True),
    }
    leaves |= {f"meta-data/{key}": Route(Kind.NODE_KEY, key=key) for key in keys}
    listed = [path for path, route in leaves.items() if route.methods is _READ]
    paths = {"/healthz": Route(Kind.HEALTH), "/": Route(Kind.LISTING, names=("latest",))}
    for folder, names in _listings(listed).items():
        paths[f"/latest/{folder}"] = Route(Kind.LISTING, names=names)
    paths |= {f"/latest/{path}": route for path, route in leaves.items()}
    paths |= {f"/latest/meta-data/{key}/": leaves[f"meta-data/{key}"] for key in keys}  # so botocore asks
    without_slash = {path[:-1]: route for path, route in paths.items() if path.endswith("/") and path != "/"}
    return {path.encode(): route for path, route in (paths | without_slash).items()}


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


def _credentials(role: bytes, extended: bool) -> Route | None:
    """The path of a role's credentials, if that can be the name or the ARN of a role."""
    if not role or len(role) > LONGEST_ARN or role.translate(None, _ROLE_CHARACTERS):
        return None
    if not {b"", b".", b".."}.isdisjoint(role.split(b"/")):
        return None
    return Route(Kind.CREDENTIALS, role=role.decode("ascii"), extended=extended)
