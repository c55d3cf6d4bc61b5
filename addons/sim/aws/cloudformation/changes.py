"""What an update would do, told as change sets tell it."""

from collections.abc import Iterator, Mapping
from typing import Any

from addons.sim.aws.cloudformation.kinds.kind import Kind
from addons.sim.aws.cloudformation.kinds.typed import text
from addons.sim.aws.cloudformation.model import Declared, Resource, Stack, Wish
from addons.sim.aws.cloudformation.scopes import scope_of
from addons.sim.aws.cloudformation.values import Reference, references, resolve

Change = dict[str, Any]


def property_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The names of the properties that differ; 1 and "1" do not."""
    names = sorted(old.keys() | new.keys())
    return [name for name in names if _plain(old.get(name)) != _plain(new.get(name))]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if value is None else text(value)


def has_changes(stack: Stack, wish: Wish, kinds: Mapping[str, Kind]) -> bool:
    """Whether an update to the wish would do anything, if only to outputs or to the tags of the stack."""
    old = stack.wish
    return (
        bool(changes_of(stack, wish, kinds))
        or dict(old.tags) != dict(wish.tags)
        or _plain(dict(old.template.outputs)) != _plain(dict(wish.template.outputs))
    )


def changes_of(stack: Stack, wish: Wish, kinds: Mapping[str, Kind]) -> list[Change]:
    """Give the changes of resources: removed ones first, then in the order of the template."""
    there = {id_: each for id_, each in stack.resources.items() if each.physical_id}
    gone = [_removal(each) for id_, each in there.items() if id_ not in wish.template.resources]
    return gone + list(_kept_or_new(stack, wish, kinds, there))


def _kept_or_new(
    stack: Stack, wish: Wish, kinds: Mapping[str, Kind], there: Mapping[str, Resource]
) -> Iterator[Change]:
    replaced: set[str] = set()
    modified: set[str] = set()
    for id_ in wish.template.order:
        declared = wish.template.resources[id_]
        if id_ not in there:
            replaced.add(id_)
            modified.add(id_)
            yield _addition(declared)
            continue
        scope = scope_of(stack, wish, there, replaced=replaced, modified=modified)
        details = list(_details(stack, wish, declared, there[id_], kinds[declared.type], scope))
        if details:
            change = _modification(there[id_], details)
            modified.add(id_)
            if change["Replacement"] != "False":
                replaced.add(id_)
            yield change


def _details(
    stack: Stack, wish: Wish, declared: Declared, there: Resource, kind: Kind, scope: Any
) -> Iterator[Change]:
    before = stack.wish.template.resources.get(declared.logical_id)
    raw_old = before.properties if before else {}
    for name in sorted(declared.properties.keys() | there.properties.keys()):
        scope.causes.clear()
        given = declared.properties.get(name)
        # NO_VALUE and lists are resolved within a mapping, as the properties are when they are carried out.
        new = resolve({name: given}, scope).get(name) if name in declared.properties else None
        is_told = _plain(raw_old.get(name)) != _plain(given)
        recreation = kind.properties.get(name, "Never")
        if scope.causes:
            for cause in dict.fromkeys(scope.causes):
                yield _detail(name, recreation, "Dynamic", *_source(cause))
            if is_told:
                yield _detail(name, recreation, "Static", "DirectModification")
        elif _plain(there.properties.get(name)) != _plain(new):
            yield from _settled(name, recreation, given, wish, is_told=is_told)
    if kind.is_taggable and dict(there.tags) != dict(wish.tags):
        yield {
            "Target": {"Attribute": "Tags", "RequiresRecreation": "Never"},
            "Evaluation": "Static",
            "ChangeSource": "DirectModification",
        }
    if before and _plain(dict(before.metadata)) != _plain(dict(declared.metadata)):
        yield {
            "Target": {"Attribute": "Metadata", "RequiresRecreation": "Never"},
            "Evaluation": "Static",
            "ChangeSource": "DirectModification",
        }


def _settled(name: str, recreation: str, given: Any, wish: Wish, *, is_told: bool) -> Iterator[Change]:
    """Details of a value that is known already: another text in the template, or other parameters."""
    parameters = [each.name for each in references(given) if each.name in wish.parameters]
    if is_told or not parameters:
        yield _detail(name, recreation, "Static", "DirectModification")
        return
    for parameter in dict.fromkeys(parameters):
        yield _detail(name, recreation, "Static", "ParameterReference", parameter)
    yield _detail(name, recreation, "Dynamic", "DirectModification")


def _source(cause: Reference) -> tuple[str, str]:
    if cause.attribute:
        return "ResourceAttribute", f"{cause.name}.{cause.attribute}"
    return "ResourceReference", cause.name


def _detail(name: str, recreation: str, evaluation: str, source: str, entity: str = "") -> Change:
    return {
        "Target": {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation},
        "Evaluation": evaluation,
        "ChangeSource": source,
        "CausingEntity": entity or None,
    }


def _modification(there: Resource, details: list[Change]) -> Change:
    return {
        "Action": "Modify",
        "LogicalResourceId": there.logical_id,
        "PhysicalResourceId": there.physical_id,
        "ResourceType": there.type,
        "Replacement": _replacement(details),
        "Scope": sorted({detail["Target"]["Attribute"] for detail in details}),
        "Details": details,
    }


def _replacement(details: list[Change]) -> str:
    """True when it is sure, Conditional when it hangs on what is not known yet."""
    recreations = {(detail["Target"]["RequiresRecreation"], detail["Evaluation"]) for detail in details}
    if ("Always", "Static") in recreations:
        return "True"
    if all(recreation == "Never" for recreation, _ in recreations):
        return "False"
    return "Conditional"


def _addition(declared: Declared) -> Change:
    return {
        "Action": "Add",
        "LogicalResourceId": declared.logical_id,
        "ResourceType": declared.type,
        "Scope": [],
        "Details": [],
    }


def _removal(there: Resource) -> Change:
    return {
        "Action": "Remove",
        "LogicalResourceId": there.logical_id,
        "PhysicalResourceId": there.physical_id,
        "ResourceType": there.type,
        "Scope": [],
        "Details": [],
        "PolicyAction": "Delete",
    }
