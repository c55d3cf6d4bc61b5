"""The settings told to people and to charts: `--help`, `--print-config`, a Markdown table, a JSON schema."""

import textwrap
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Literal, get_args, get_origin

import msgspec
import yaml
from msgspec import Meta

from addons.runtime.setting_values import to_yaml
from addons.runtime.settings import HIDDEN, CommonConfig, Setting, settings_of

_JSON_TYPES: dict[Any, dict[str, object]] = {
    str: {"type": "string"},
    int: {"type": "integer", "maximum": 2**53 - 1},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    timedelta: {
        "type": "string",
        "pattern": r"^(0|(([0-9]{1,8}(\.[0-9]{0,9})?|\.[0-9]{1,9})(ns|us|µs|μs|ms|s|m|h)){1,9})$",
    },
}
"""Helm writes larger numbers as 1e+16, and longer durations would be too long for Python."""

_NAMES = {str: "text", int: "int", float: "float", bool: "bool", timedelta: "duration"}
_LIMITS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "min_length": "minLength",
    "pattern": "pattern",
}


def help_text(name: str, config_type: type[CommonConfig], env_prefixes: Sequence[str]) -> str:
    """Give the whole of `--help`: the settings in their groups, with environment names and defaults."""
    lines = [f"usage: addons {name} [--help] [--version] [--print-config] [settings]"]
    groups: dict[str, list[str]] = {}
    for setting in settings_of(config_type, env_prefixes):
        groups.setdefault(setting.group, []).extend(_help_entry(setting))
    for group, entries in groups.items():
        lines += ["", f"{group}:", *entries]
    return "\n".join(lines)


def effective_yaml(config: CommonConfig) -> str:
    """Give the settings in force as a YAML file that `--config` reads; secrets are hidden."""
    shown = {
        setting.key: _shown(setting, getattr(config, setting.name))
        for setting in settings_of(type(config))
        if setting.name != "config"
    }
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=110)


def settings_table(config_type: type[CommonConfig], env_prefixes: Sequence[str] = ()) -> str:
    """Give the settings as a Markdown table, for the README of an add-on."""
    rows = ["| flag | environment | YAML key | type | default | meaning |", "|---|---|---|---|---|---|"]
    for setting in settings_of(config_type, env_prefixes):
        variables = "<br>".join(f"`{name}`" for name in setting.environment)
        names = (f"`{_flag(setting)}`", variables, f"`{setting.key}`")
        cells = (*names, _type_text(setting.type), _default(setting), setting.doc)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def json_schema(config_type: type[CommonConfig]) -> dict[str, object]:
    """Give the JSON schema of the YAML file, closed: what is no setting is an error in the chart as well."""
    settings = [setting for setting in settings_of(config_type) if setting.name != "config"]
    schema: dict[str, object] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {setting.key: _property(setting) for setting in settings},
    }
    if required := [setting.key for setting in settings if setting.required]:
        schema["required"] = required
    return schema


def _help_entry(setting: Setting) -> list[str]:
    variables = "".join(f"${name}, " for name in setting.environment)
    default = "required" if setting.required else f"default: {_default(setting)}"
    indent = " " * 8
    body = textwrap.wrap(setting.doc, 100, initial_indent=indent, subsequent_indent=indent)
    value = "" if setting.type is bool else f" {_type_text(setting.type)}"
    return [f"  {_flag(setting)}{value}", *body, f"{indent}({variables}{default})"]


def _flag(setting: Setting) -> str:
    return setting.flag.replace("--", "--[no-]", 1) if setting.type is bool else setting.flag


def _default(setting: Setting) -> str:
    if setting.required:
        return "required"
    match _shown(setting, setting.default):
        case None | "" | [] | {}:
            return "none"
        case bool() as value:
            return str(value).lower()
        case list() as items:
            return ",".join(map(str, items))
        case dict() as pairs:
            return ",".join(f"{key}={value}" for key, value in pairs.items())
        case value:
            return str(value)


def _shown(setting: Setting, value: object) -> object:
    return HIDDEN if setting.secret and value else to_yaml(value)


def _type_text(type_: Any) -> str:
    match get_origin(type_):
        case origin if origin is tuple:
            return f"{_type_text(get_args(type_)[0])},..."
        case origin if origin is dict:
            return "key=value,..."
        case origin if origin is Literal:
            return "|".join(map(str, get_args(type_)))
    return _NAMES[type_]


def _property(setting: Setting) -> dict[str, object]:
    schema = _schema(setting.type, _limits(setting.item_constraints)) | _limits(setting.constraints)
    if setting.default == "" and "pattern" in schema:
        schema["pattern"] = f"^$|{schema['pattern']}"
    if setting.optional:
        schema = {"anyOf": [schema, {"type": "null"}]}
    schema["description"] = setting.doc
    if not setting.required:
        schema["default"] = msgspec.to_builtins(to_yaml(setting.default))
    return schema


def _limits(constraints: Iterable[Meta]) -> dict[str, object]:
    """What constraints are in a JSON schema."""
    found: dict[str, object] = {}
    for constraint in constraints:
        limits = {name: getattr(constraint, attribute) for attribute, name in _LIMITS.items()}
        found |= {name: limit for name, limit in limits.items() if limit is not None}
        found |= constraint.extra_json_schema or {}
    return found


def _schema(type_: Any, item_limits: dict[str, object]) -> dict[str, object]:
    match get_origin(type_):
        case origin if origin is tuple:
            return {"type": "array", "items": _schema(get_args(type_)[0], {}) | item_limits}
        case origin if origin is dict:
            return {"type": "object", "additionalProperties": {"type": "string", **item_limits}}
        case origin if origin is Literal:
            return {"enum": list(get_args(type_))}
    return dict(_JSON_TYPES[type_])
