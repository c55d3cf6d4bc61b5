"""Paths of Ingresses: the patterns that a load balancer compares, and the order in which it does. Pure."""

from collections.abc import Iterable
from typing import Final, Protocol, TypeVar

from msgspec import Struct

from addons.albingress.desired.not_usable import NotUsable

_RANKS: Final = {"Exact": 0, "Prefix": 1, "ImplementationSpecific": 2}
_WILDCARDS: Final = "*?"


class PathPatterns(Struct, frozen=True):
    """Patterns with wildcards, or regular expressions: never both."""

    values: tuple[str, ...] = ()
    regex: tuple[str, ...] = ()


class Pathlike(Protocol):
    """A path with its type."""

    @property
    def path(self) -> str:
        """The path as it is written."""

    @property
    def path_type(self) -> str:
        """Exact, Prefix or ImplementationSpecific."""


P = TypeVar("P", bound=Pathlike)


def path_patterns(path: str, path_type: str, *, regex: bool = False) -> PathPatterns:
    """What a path matches: none for a path that is not given. Raises NotUsable.

    A wildcard has no meaning of its own in an exact path or a prefix, and a load balancer would give it one.
    With `regex` a path of no standard type is a regular expression, without the slash that Kubernetes wants
    in front of it.
    """
    if not path:
        return PathPatterns()
    if path_type not in _RANKS:
        raise NotUsable(f"path {path}: pathType {path_type} is none of {', '.join(_RANKS)}")
    if path_type == "ImplementationSpecific":
        return PathPatterns(regex=(path[1:],)) if regex else PathPatterns((path,))
    if any(wildcard in path for wildcard in _WILDCARDS):
        raise NotUsable(
            f"path {path}: a path of type {path_type} cannot hold * or ?;"
            " a pattern needs pathType ImplementationSpecific"
        )
    if path_type == "Exact":
        return PathPatterns((path,))
    if path == "/":
        return PathPatterns(("/*",))
    start = path.removesuffix("/")
    return PathPatterns((start, f"{start}/*"))


def in_order(paths: Iterable[P]) -> list[P]:
    """The paths of one host: exact ones, then prefixes with the longest first, then all others as written."""
    return sorted(paths, key=path_rank)


def path_rank(path: Pathlike) -> tuple[int, int]:
    """Sorts paths as `in_order` has them; a type that is not known goes last."""
    rank = _RANKS.get(path.path_type, len(_RANKS))
    return rank, -len(path.path) if path.path_type == "Prefix" else 0


def host_rank(host: str) -> tuple[int, int]:
    """Sorts hosts as the Ingress specification has them: full names, then wildcards, then any host."""
    if not host:
        return 2, 0
    return (1, -len(host)) if host.startswith("*") else (0, 0)
