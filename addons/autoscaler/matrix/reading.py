"""Reading of a matrix from YAML, with the line of everything, so that each fault is told where it stands."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

import msgspec
import yaml
from msgspec import inspect

from addons.autoscaler.matrix.file import MatrixFile
from addons.autoscaler.matrix.places import Fault, Faults, Path, Places, shown
from addons.autoscaler.matrix.wording import alternatives, bare_of, best, nearest, quoted, words, wrong

_POWER = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+")
"""A number to YAML 1.2 and to people, although not to YAML 1.1."""

_LARGEST = 10**18
"""No number of a file is larger: such a one is told as it is written, and cut."""

_FILE = inspect.type_info(MatrixFile)
_KINDS = {yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list", yaml.ScalarNode: "a single value"}


def read(text: str, file: str) -> tuple[MatrixFile | None, Places, list[Fault]]:
    """Read the text of a file: what it says, where, and all that has no form.

    What has no form is left out of what it says; None where nothing can be made of the rest. Raises Faults
    when it is no YAML at all.
    """
    reader = _Reader()
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        found = reader.read(root) if root else {}
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Faults(file, [Fault(line, "", f"no valid YAML: {error.problem}")]) from None
    except yaml.YAMLError as error:
        raise Faults(file, [Fault(1, "", f"no valid YAML: {' '.join(str(error).split())}")]) from None
    except RecursionError:
        raise Faults(file, [Fault(1, "", "nested too deep, or a part that contains itself")]) from None
    if root is None:
        raise Faults(file, [Fault(1, "", "the file is empty: it needs matrix, cluster and dimensions")])
    try:
        return msgspec.convert(found, MatrixFile), reader.places, reader.faults
    except msgspec.ValidationError:
        if not reader.faults:
            raise
        return None, reader.places, reader.faults


class _Missing:
    """Stands for a value that has no form."""


_MISSING = _Missing()


class _Reader:
    """Goes through the nodes of YAML by the types of the file, and collects what does not fit."""

    def __init__(self) -> None:
        self.places = Places()
        self.faults: list[Fault] = []
        self._loader = yaml.SafeLoader("")
        self._doubles: dict[int, list[tuple[str, int, yaml.Node]]] = {}

    def read(self, root: yaml.Node) -> Any:
        """The plain value of the whole file, or _MISSING. What is there twice is looked for before others are
        merged into it, once, as an alias may lead to it again."""
        self._doubles = dict(_doubles_in(root))
        return self.value(root, _FILE, ())

    def value(self, node: yaml.Node, type_: inspect.Type, path: Path) -> Any:
        """The plain value of a node, or _MISSING, with a fault."""
        self.places.lines.setdefault(path, node.start_mark.line + 1)
        choices = [each for each in alternatives(type_) if _fits(node, each)]
        if not choices:
            return self._fault(path, f"{_told(node)} is not allowed: write {words(type_)}", node)
        match node, choices[0]:
            case yaml.MappingNode(), inspect.StructType() as struct:
                return self._struct(node, struct, path)
            case yaml.MappingNode(), inspect.DictType() as mapping:
                return self._mapping(node, mapping, path)
            case yaml.SequenceNode(), inspect.VarTupleType() as items:
                found = [self.value(each, items.item_type, (*path, n)) for n, each in enumerate(node.value)]
                kept = tuple(n for n, each in enumerate(found) if each is not _MISSING)
                if len(kept) < len(found):
                    self.places.kept[path] = kept
                return [found[n] for n in kept]
        return self._scalar(cast(yaml.ScalarNode, node), type_, choices, path)

    def _struct(self, node: yaml.MappingNode, type_: inspect.StructType, path: Path) -> Any:
        fields = {each.encode_name: each for each in type_.fields}
        found: dict[str, Any] = {}
        for name, key, value in self._pairs(node, path):
            if name not in fields:
                if path or not name.startswith("x-"):
                    self._fault((*path, name), f"there is no such key{nearest(name, fields)}", key)
                continue
            read = self.value(value, fields[name].type, (*path, name))
            if read is not _MISSING:
                found[name] = read
        present = {name for name, _, _ in self._pairs(node, path, tell=False)}
        for name, each in fields.items():
            if each.required and name not in present:
                self._fault((*path, name), f"is missing: write {words(each.type)}", node)
        needed = {name for name, each in fields.items() if each.required}
        return found if needed <= found.keys() else _MISSING

    def _mapping(self, node: yaml.MappingNode, type_: inspect.DictType, path: Path) -> Any:
        found = {}
        for name, key, value in self._pairs(node, path):
            self.places.lines[(*path, name)] = key.start_mark.line + 1
            if (reason := wrong(name, type_.key_type)) is not None:
                self._fault((*path, name), reason, key)
                continue
            read = self.value(value, type_.value_type, (*path, name))
            if read is not _MISSING:
                found[name] = read
        return found

    def _pairs(
        self, node: yaml.MappingNode, path: Path, *, tell: bool = True
    ) -> Iterable[tuple[str, yaml.Node, yaml.Node]]:
        """The keys with their values; a key that is there twice counts once, and is told."""
        if tell:
            for name, line, key in self._doubles.pop(id(node), ()):
                self._fault((*path, name), f"is there twice, first in line {line}", key)
            self._loader.flatten_mapping(node)
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                found[key.value] = key, value
            elif tell:
                self._fault(path, "a key must be a text", key)
        for name, (key, value) in found.items():
            self.places.lines.setdefault((*path, name), key.start_mark.line + 1)
            yield name, key, value

    def _scalar(
        self, node: yaml.ScalarNode, type_: inspect.Type, choices: list[inspect.Type], path: Path
    ) -> Any:
        value = _plain(node)
        if isinstance(value, str) and node.style == "|":
            self.places.texts[path] = node.start_mark.line + 2
        reasons = [wrong(value, each) for each in choices]
        if None in reasons:
            return value
        return self._fault(path, best(value, type_, reasons), node)

    def _fault(self, path: Path, message: str, node: yaml.Node) -> _Missing:
        self.faults.append(Fault(node.start_mark.line + 1, shown(path), message))
        return _MISSING


def _doubles_in(root: yaml.Node) -> Iterator[tuple[int, list[tuple[str, int, yaml.Node]]]]:
    """For each mapping that has a key twice: its identity, and the keys, the line of the first, the other."""
    rest, seen = [root], set[int]()
    while rest:
        node = rest.pop()
        if id(node) in seen or isinstance(node, yaml.ScalarNode):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            rest += node.value
            continue
        lines: dict[str, int] = {}
        found = []
        for key, value in node.value:
            rest += (key, value)
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines and name != "<<":
                found.append((name, lines[name], key))
            lines.setdefault(name, line)
        if found:
            yield id(node), found


def _plain(node: yaml.ScalarNode) -> object:
    """The value that YAML gives a text; dates and the like stay texts."""
    if node.style is None and _POWER.fullmatch(node.value):
        return float(node.value)
    kind = node.tag.rpartition(":")[2]
    if kind not in ("int", "float", "bool", "null"):
        return node.value
    try:
        value = yaml.SafeLoader("").construct_object(node)
        return node.value if isinstance(value, int) and abs(value) > _LARGEST else value
    except (ValueError, LookupError):
        return node.value


def _fits(node: yaml.Node, type_: inspect.Type) -> bool:
    """Whether the node is of the sort that the type is written as."""
    bare = bare_of(type_)
    if isinstance(node, yaml.MappingNode):
        return isinstance(bare, (inspect.StructType, inspect.DictType))
    if isinstance(node, yaml.SequenceNode):
        return isinstance(bare, inspect.VarTupleType)
    return not isinstance(bare, (inspect.StructType, inspect.DictType, inspect.VarTupleType))


def _told(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return quoted(node.value) if node.value else "nothing"
    return _KINDS[type(node)]
