"""The YAML file with settings that `--config` names."""

import re
from pathlib import Path
from typing import Any

import yaml


class BadFile(Exception):
    """A file cannot be read, or is no mapping in YAML; one line says which it is and why."""


class _UniqueKeyLoader(yaml.SafeLoader):
    """Refuses a mapping that says a thing twice; plain YAML loaders keep the last and say nothing."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{name} is set twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


_UniqueKeyLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)
"""As YAML 1.2 and Helm write large and small numbers; to YAML 1.1 these are texts."""


def read_mapping(path: Path) -> dict[Any, Any]:
    """Read a file of settings, an empty one as a mapping without any. Raises BadFile."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeyLoader)  # noqa: S506
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise BadFile(f"{path} is no valid YAML: {line}{error.problem}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadFile(f"{path} is no valid YAML: {' '.join(str(error).split())}") from None
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}") from None
    if not isinstance(content, dict | None):
        raise BadFile(f"{path} must hold a mapping of settings, such as `logLevel: debug`")
    return content or {}
