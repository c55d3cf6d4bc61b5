"""What a call asks a stack to be: template, parameters, tags and capabilities, checked."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from addons.sim.aws.cloudformation.errors import invalid, not_simulated, violates
from addons.sim.aws.cloudformation.kinds.kind import Kind
from addons.sim.aws.cloudformation.model import Parameter, Template, Wish
from addons.sim.aws.cloudformation.template import read_template
from addons.sim.aws.errors import Refusal

Call = Mapping[str, Any]
_LONGEST_BODY = 51_200
_MOST_TAGS, _LONGEST_KEY, _LONGEST_VALUE = 50, 128, 256
_CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
_NAME = re.compile("[a-zA-Z][-a-zA-Z0-9]*")
_IAM = re.compile(r"AWS::IAM::\w+")
_NAMED = re.compile(r"(Role|User|Group|ManagedPolicy|InstanceProfile|Policy)Name")


def check_name(name: str, path: str = "stackName") -> None:
    """Refuse a name for a new stack or change set that has not the form of one."""
    if len(name) > 128:
        raise violates(path, name, "have length less than or equal to 128")
    if not _NAME.fullmatch(name):
        raise violates(path, name, "satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*")


def read_wish(call: Call, kinds: Mapping[str, Kind], old: Wish | None = None) -> Wish:
    """Give what a call asks for; tags that an update does not name stay as they are."""
    template = _template(call, kinds, old)
    capabilities = tuple(call.get("Capabilities", ()))
    for each in capabilities:
        if each not in _CAPABILITIES:
            raise violates(
                "capabilities", str([each]), f"satisfy enum value set: [{', '.join(_CAPABILITIES)}]"
            )
    tags = old.tags if old and "Tags" not in call else _tags(call.get("Tags", ()))
    return Wish(template, _parameters(template, call.get("Parameters", ()), old), tags, capabilities)


def _template(call: Call, kinds: Mapping[str, Kind], old: Wish | None) -> Template:
    if call.get("UsePreviousTemplate"):
        if "TemplateBody" in call or "TemplateURL" in call or old is None:
            raise invalid("You cannot specify both usePreviousTemplate and Template Body/Template URL.")
        return old.template
    return check_template(call, kinds)


def check_template(call: Call, kinds: Mapping[str, Kind]) -> Template:
    """Read the template of a call. Raises ValidationError or InsufficientCapabilitiesException."""
    body = call.get("TemplateBody")
    if "TemplateURL" in call:
        raise not_simulated("TemplateURL")
    if not body:
        raise invalid("Either Template URL or Template Body must be specified.")
    if len(body.encode()) > _LONGEST_BODY:
        raise violates("templateBody", body, f"have length less than or equal to {_LONGEST_BODY}")
    _check_capabilities(body, call.get("Capabilities", ()))
    return read_template(body, kinds)


def _check_capabilities(body: str, given: Iterable[str]) -> None:
    """Refuse a template with identities that nobody has acknowledged."""
    if not _IAM.search(body):
        return
    wanted = "CAPABILITY_NAMED_IAM" if _NAMED.search(body) else "CAPABILITY_IAM"
    if wanted not in given and "CAPABILITY_NAMED_IAM" not in given:
        raise Refusal("InsufficientCapabilitiesException", f"Requires capabilities : [{wanted}]")


def _tags(items: Iterable[Call]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for item in items:
        key, value = item["Key"], item.get("Value", "")
        if key.startswith("aws:"):
            raise invalid("aws: prefixed tag key names are not allowed for external use.")
        if key in tags:
            raise invalid(f"Duplicate tag keys found. Please remove the duplicate key: {key}")
        if not 1 <= len(key) <= _LONGEST_KEY or not 1 <= len(value) <= _LONGEST_VALUE:
            raise invalid(f"The key or the value of the tag {key[:40]} is empty or too long")
        tags[key] = value
    if len(tags) > _MOST_TAGS:
        raise invalid(f"Number of tags must not exceed {_MOST_TAGS}")
    return tags


def _parameters(template: Template, items: Iterable[Call], old: Wish | None) -> dict[str, str]:
    given: dict[str, str] = {}
    for item in items:
        name = item.get("ParameterKey", "")
        if name not in template.parameters:
            raise invalid(f"Parameters: [{name}] do not exist in the template")
        if not item.get("UsePreviousValue"):
            given[name] = str(item.get("ParameterValue", ""))
        elif old is not None and name in old.parameters:
            given[name] = old.parameters[name]
        else:
            raise invalid(f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true")
    values = {name: given.get(name, each.default) for name, each in template.parameters.items()}
    if lacking := [name for name, value in values.items() if value is None]:
        raise invalid(f"Parameters: [{', '.join(lacking)}] must have values")
    found = {name: value for name, value in values.items() if value is not None}
    for name, value in found.items():
        _check_value(template.parameters[name], value)
    return found


def _check_value(parameter: Parameter, value: str) -> None:
    name = parameter.name
    if parameter.type == "Number" and not re.fullmatch(r"-?\d+(\.\d+)?", value):
        raise invalid(f"Parameter '{name}' must be a number.")
    if parameter.allowed and value not in parameter.allowed:
        raise invalid(f"Parameter '{name}' must be one of AllowedValues")
    why = parameter.constraint
    if parameter.pattern and not re.fullmatch(parameter.pattern, value):
        raise invalid(f"Parameter '{name}' {why or f'must match pattern {parameter.pattern}'}")
    if parameter.shortest is not None and len(value) < parameter.shortest:
        raise invalid(f"Parameter '{name}' {why or f'must contain at least {parameter.shortest} characters'}")
    if parameter.longest is not None and len(value) > parameter.longest:
        raise invalid(f"Parameter '{name}' {why or f'must contain at most {parameter.longest} characters'}")
