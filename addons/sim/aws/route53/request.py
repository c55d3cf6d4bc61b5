"""One call, as the operations see it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """The ids in the path, the query and the body."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
