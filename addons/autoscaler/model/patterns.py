"""Patterns of names of groups: regular expressions of RE2."""

from functools import lru_cache
from typing import Any, Final

from addons.runtime.regular_expressions import BadExpression, compiled

_LONGEST: Final = 1000
_KEPT: Final = 1024
"""So many expressions are kept compiled: more than any list of priorities has."""


def is_found(pattern: str, text: str) -> bool:
    """Whether a pattern matches any part of a text. Raises BadExpression."""
    return _compiled(pattern).search(text) is not None


def fault_of(pattern: str) -> str:
    """What is wrong with a pattern, in words; "" where nothing is."""
    try:
        _compiled(pattern)
    except BadExpression as error:
        return str(error)
    return ""


@lru_cache(maxsize=_KEPT)
def _compiled(pattern: str) -> Any:
    return compiled(pattern, _LONGEST)
