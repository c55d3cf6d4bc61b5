"""Which daemons there are: the packages here that have a `config` and a `__main__`."""

import importlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from addons.runtime.settings import CommonConfig

_ROOT = Path(__file__).parent


@cache
def daemons() -> tuple[str, ...]:
    """The names of all daemons, sorted; none of them is imported."""
    mains = (path.parent for path in _ROOT.glob("*/__main__.py"))
    return tuple(sorted(package.name for package in mains if (package / "config.py").is_file()))


def module_of(daemon: str, part: str = "") -> ModuleType:
    """Import a daemon's package, or one part of it."""
    return importlib.import_module(".".join(filter(None, ("addons", daemon, part))))


def summary_of(package: str) -> str:
    """What a package here is for, in the words of the first line of its docstring."""
    return (module_of(package).__doc__ or "").partition("\n")[0]


def config_of(daemon: str) -> "type[CommonConfig]":
    """The settings of a daemon."""
    config: type[CommonConfig] = module_of(daemon, "config").Config
    return config


def prefixes_of(daemon: str) -> Sequence[str]:
    """What the names of a daemon's environment variables begin with, ours first."""
    prefixes: Sequence[str] = module_of(daemon, "config").ENV_PREFIXES
    return prefixes
