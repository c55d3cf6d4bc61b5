"""Templates: JSON or YAML text becomes declared resources, or is refused as CloudFormation refuses it."""

import json
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

import yaml

from addons.sim.aws.cloudformation.errors import invalid, not_simulated
from addons.sim.aws.cloudformation.kinds.kind import Kind
from addons.sim.aws.cloudformation.model import Declared, Parameter, Template
from addons.sim.aws.cloudformation.values import references

_SECTIONS = {"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Resources", "Outputs"}
_OTHER_SECTIONS = {"Conditions", "Mappings", "Rules", "Transform"}
_ATTRIBUTES = {
    *("Type", "Properties", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "UpdatePolicy", "Metadata"),
}
_PSEUDO = {
    f"AWS::{name}"
    for name in ("AccountId", "NoValue", "Partition", "Region", "StackId", "StackName", "URLSuffix")
}
_TYPES = ("String", "Number", "CommaDelimitedList", "List<Number>")


def read_template(body: str, kinds: Mapping[str, Kind]) -> Template:
    """Read a template. Raises ValidationError."""
    content = _parse(body)
    if other := sorted(content.keys() & _OTHER_SECTIONS):
        raise not_simulated(f"the section {other[0]} of a template")
    if unknown := sorted(content.keys() - _SECTIONS):
        raise invalid(f"Invalid template property or properties [{', '.join(unknown)}]")
    if not content.get("Resources"):
        raise invalid("Template format error: At least one Resources member must be defined.")
    parameters = {name: _parameter(name, each) for name, each in content.get("Parameters", {}).items()}
    _check_types(content["Resources"], kinds)
    resources = {id_: _declared(id_, each) for id_, each in content["Resources"].items()}
    outputs = content.get("Outputs", {})
    _check_references(resources, parameters, outputs, kinds)
    return Template(
        body, str(content.get("Description", "")), parameters, resources, outputs, _order(resources)
    )


def empty_template() -> Template:
    """The template of a stack that has never had one."""
    return Template("", "", {}, {}, {}, ())


def _parse(body: str) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except ValueError:
        if body.lstrip().startswith("{"):
            raise invalid("Template format error: JSON not well-formed.") from None
        content = _parse_yaml(body)
    if not isinstance(content, dict):
        raise invalid("Template format error: unsupported structure.")
    return content


def _parse_yaml(body: str) -> Any:
    try:
        return yaml.load(body, Loader=_Loader)
    except yaml.YAMLError as error:
        raise invalid(f"Template format error: YAML not well-formed. ({error})") from None


class _Loader(yaml.SafeLoader):
    """YAML with the short forms of functions, such as !Ref."""


def _short_form(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _short_form)


def _parameter(name: str, content: Mapping[str, Any]) -> Parameter:
    type_ = content.get("Type", "")
    if not type_:
        raise invalid(
            f"Template format error: [/Parameters/{name}] Every Parameters object must contain a Type"
        )
    if type_ not in _TYPES and not type_.startswith(("AWS::EC2::", "List<AWS::EC2::")):
        raise not_simulated(f"the type {type_} of the parameter {name}")
    default = content.get("Default")
    return Parameter(
        name,
        type_,
        None if default is None else str(default),
        tuple(map(str, content.get("AllowedValues", ()))),
        str(content.get("AllowedPattern", "")),
        _number(content.get("MinLength")),
        _number(content.get("MaxLength")),
        str(content.get("NoEcho", "")).lower() == "true",
        str(content.get("Description", "")),
        str(content.get("ConstraintDescription", "")),
    )


def _number(value: Any) -> int | None:
    return None if value is None else int(value)


def _check_types(resources: Mapping[str, Any], kinds: Mapping[str, Kind]) -> None:
    for id_, each in resources.items():
        if not re.fullmatch("[A-Za-z0-9]{1,255}", id_):
            raise invalid(f"Template format error: Resource name {id_} is non alphanumeric.")
        if not isinstance(each, dict) or not each.get("Type"):
            raise invalid(
                f"Template format error: [/Resources/{id_}] Every Resources object must contain a Type "
                "member."
            )
        if unknown := sorted(each.keys() - _ATTRIBUTES):
            raise invalid(f"Invalid template resource property '{unknown[0]}'")
    types = {each["Type"] for each in resources.values()}
    if unknown := sorted(types - kinds.keys()):
        raise invalid(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")


def _declared(id_: str, content: Mapping[str, Any]) -> Declared:
    properties = content.get("Properties", {})
    given = content.get("DependsOn", [])
    named = {reference.name for reference in references(properties)}
    scheduled = content.get("UpdatePolicy", {}).get("AutoScalingScheduledAction", {})
    return Declared(
        id_,
        content["Type"],
        properties,
        frozenset(named | set([given] if isinstance(given, str) else given)),
        content.get("DeletionPolicy", "Delete"),
        content.get("UpdateReplacePolicy", "Delete"),
        str(scheduled.get("IgnoreUnmodifiedGroupSizeProperties", "")).lower() == "true",
        content.get("Metadata", {}),
    )


def _check_references(
    resources: Mapping[str, Declared],
    parameters: Mapping[str, Parameter],
    outputs: Mapping[str, Any],
    kinds: Mapping[str, Kind],
) -> None:
    known = resources.keys() | parameters.keys() | _PSEUDO
    lacking = {name for each in resources.values() for name in each.needs if name not in known}
    if lacking:
        raise _unresolved(lacking, "Resources")
    shown = list(references(list(outputs.values())))
    if lacking := {each.name for each in shown if each.name not in known}:
        raise _unresolved(lacking, "Outputs")
    asked = [each for one in resources.values() for each in references(one.properties)] + shown
    for reference in asked:
        if reference.attribute:
            _check_attribute(reference.name, reference.attribute, resources, kinds)


def _unresolved(names: set[str], section: str) -> Exception:
    return invalid(
        f"Template format error: Unresolved resource dependencies [{', '.join(sorted(names))}] in the "
        f"{section} block of the template"
    )


def _check_attribute(
    name: str, attribute: str, resources: Mapping[str, Declared], kinds: Mapping[str, Kind]
) -> None:
    if name not in resources:
        raise invalid(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
    if attribute not in kinds[resources[name].type].attributes:
        raise invalid(
            f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt"
        )


def _order(resources: Mapping[str, Declared]) -> tuple[str, ...]:
    """Give the logical ids, each after what it needs. Raises ValidationError for a circle."""
    sorter = TopologicalSorter(
        {id_: sorted(each.needs & resources.keys()) for id_, each in resources.items()}
    )
    try:
        return tuple(sorter.static_order())
    except CycleError as error:
        names = ", ".join(dict.fromkeys(error.args[1]))
        raise invalid(f"Circular dependency between resources: [{names}]") from None


def needed_by(template: Template, logical_ids: set[str]) -> Iterator[str]:
    """Give what these resources refer to, directly."""
    for id_ in logical_ids:
        if id_ in template.resources:
            yield from template.resources[id_].needs
