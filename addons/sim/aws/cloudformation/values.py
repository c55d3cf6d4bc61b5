"""Intrinsic functions: what the values of a template become, and what they refer to."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from addons.sim.aws.cloudformation.errors import invalid, not_simulated

_IN_SUB = re.compile(r"\$\{(!?)([^}]*)\}")
NO_VALUE = object()
"""What AWS::NoValue becomes: the property is left out."""


class Reference(NamedTuple):
    """What a value refers to: a parameter or a resource, and for a resource perhaps an attribute."""

    name: str
    attribute: str = ""


@dataclass
class Scope:
    """What names mean. `refs` has parameters, pseudo parameters and resources; `attributes` is by resource.

    `unsettled` are the resources that are changed, or with their attributes made anew, meanwhile: a reference
    to one of them is put down in `causes`.
    """

    refs: Mapping[str, Any]
    attributes: Mapping[str, Mapping[str, str]]
    replaced: AbstractSet[str] = frozenset()
    modified: AbstractSet[str] = frozenset()
    causes: list[Reference] = field(default_factory=list)

    def value(self, reference: Reference) -> Any:
        """Give what a reference means."""
        name, attribute = reference
        if name in self.replaced or (attribute and name in self.modified):
            self.causes.append(reference)
        if name == "AWS::NoValue":
            return NO_VALUE
        if attribute:
            return self.attributes.get(name, {}).get(attribute, "")
        return self.refs.get(name, "")


def resolve(value: Any, scope: Scope) -> Any:
    """Give a value with every function carried out."""
    if isinstance(value, list):
        return [each for each in (resolve(item, scope) for item in value) if each is not NO_VALUE]
    if not isinstance(value, dict):
        return value
    if name := _function(value):
        return _FUNCTIONS[name](value[name], scope)
    found = {key: resolve(inner, scope) for key, inner in value.items()}
    return {key: inner for key, inner in found.items() if inner is not NO_VALUE}


def references(value: Any) -> Iterator[Reference]:
    """Give everything that a value refers to. Raises ValidationError for what is not simulated."""
    _check_text(value)
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        name = _function(value)
        if name == "Ref":
            yield Reference(str(value["Ref"]))
        elif name == "Fn::GetAtt":
            yield _get_att(value[name])
        elif name == "Fn::Sub":
            yield from _in_sub(value[name])
        else:
            for inner in value.values():
                yield from references(inner)


def _in_sub(argument: Any) -> Iterator[Reference]:
    text, own = _sub_parts(argument)
    yield from references(list(own.values()))
    for escaped, name in _IN_SUB.findall(text):
        if not escaped and name.strip() not in own:
            yield _named(name.strip())


def _function(value: Mapping[str, Any]) -> str:
    """Give the name of the function that a mapping is, "" for a plain one."""
    name = next(iter(value), "") if len(value) == 1 else ""
    if name in _FUNCTIONS:
        return name
    if name.startswith("Fn::") or name == "Condition":
        raise not_simulated(name)
    return ""


def _check_text(value: Any) -> None:
    if isinstance(value, str) and "{{resolve:" in value:
        raise not_simulated("a dynamic reference {{resolve:…}}")


def _named(path: str) -> Reference:
    name, _, attribute = path.partition(".")
    return Reference(name, attribute)


def _get_att(argument: Any) -> Reference:
    if isinstance(argument, str):
        return _named(argument)
    if isinstance(argument, list) and len(argument) == 2:
        return Reference(*map(str, argument))
    raise invalid("Template error: every Fn::GetAtt object must have two non-empty parameters")


def _sub_parts(argument: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(argument, str):
        return argument, {}
    if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], dict):
        return str(argument[0]), argument[1]
    raise invalid(
        "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a "
        "string as first argument, and an optional second argument to specify a mapping of values"
    )


def _sub(argument: Any, scope: Scope) -> str:
    text, own = _sub_parts(argument)
    values = {name: resolve(inner, scope) for name, inner in own.items()}

    def replacement(found: re.Match[str]) -> str:
        escaped, name = found[1], found[2].strip()
        if escaped:
            return f"${{{found[2]}}}"
        return str(values[name] if name in values else scope.value(_named(name)))

    return _IN_SUB.sub(replacement, text)


def _join(argument: Any, scope: Scope) -> str:
    if not isinstance(argument, list) or len(argument) != 2:
        raise invalid("Template error: every Fn::Join object requires two parameters")
    return str(argument[0]).join(map(str, resolve(argument[1], scope)))


def _select(argument: Any, scope: Scope) -> Any:
    index, items = int(resolve(argument[0], scope)), resolve(argument[1], scope)
    if not 0 <= index < len(items):
        raise invalid("Template error: Fn::Select cannot select nonexistent value at index " + str(index))
    return items[index]


def _split(argument: Any, scope: Scope) -> list[str]:
    return str(resolve(argument[1], scope)).split(str(argument[0]))


_FUNCTIONS: Mapping[str, Callable[[Any, Scope], Any]] = {
    "Ref": lambda argument, scope: scope.value(Reference(str(argument))),
    "Fn::GetAtt": lambda argument, scope: scope.value(_get_att(argument)),
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::Base64": lambda argument, scope: b64encode(str(resolve(argument, scope)).encode()).decode(),
}
