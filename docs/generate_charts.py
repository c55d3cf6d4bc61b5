"""Write what the charts repeat of the code: values.schema.json, settings in values.yaml, tables in README.md.

The schema of a chart's own values comes from its values.yaml: the types from the defaults, the words from the
comments. `# -- text` above a key documents it, `# @schema {...}` adds to its schema, in YAML. A map with keys
is closed, an empty one is open. Below `config` stand the settings of the daemon, from its Config, but not
those that the chart decides itself: `# @owned [...]` names them.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from addons.registry import config_of, daemons
from addons.runtime.setting_docs import json_schema
from addons.runtime.setting_values import allowed, to_yaml
from addons.runtime.settings import Setting, settings_of

ROOT = Path(__file__).resolve().parents[1]
CHARTS = ROOT / "charts"
UMBRELLA = CHARTS / "addons"

_KEY = re.compile(r"(?P<indent> *)(?P<key>\w+):")
_CONFIG = "config:\n"
_START, _END = "<!-- values: written by `make docs` -->", "<!-- end of values -->"
_ORIGINALS = "values-of-*.yaml"
_FORMS_HEAD = "# What texts of settings must match, and what that is in words. Written by `make docs`.\n"

Schema = dict[str, Any]


@dataclass(frozen=True)
class Value:
    """One key of values.yaml as its comments describe it; `schema` is what they add to its schema."""

    path: tuple[str, ...]
    doc: str
    schema: Schema
    owned: frozenset[str] = frozenset()


def generate(daemon: str) -> dict[Path, str]:
    """Give the text of every generated file of a daemon's chart, without writing it."""
    chart = CHARTS / daemon
    settings = chart_settings(daemon)
    written = (chart / "values.yaml").read_text()
    values = written[: written.index("\n" + _CONFIG) + 1] + _CONFIG + _config_block(chart, settings)
    return {
        chart / "values.yaml": values,
        chart / "files" / "forms.yaml": _FORMS_HEAD + yaml.safe_dump(chart_forms(daemon), width=1000),
        chart / "values.schema.json": json.dumps(_chart_schema(values, daemon), indent=2) + "\n",
        chart / "README.md": _with_table(chart / "README.md", _values_table(values)),
        **dict(_migration_guides(chart)),
    }


def generate_umbrella() -> dict[Path, str]:
    """Give the text of every generated file of the umbrella chart, without writing it.

    Its schema leaves keys that nobody knows to its guard, which says what was meant; what stands below the
    name of an add-on, the schema of that add-on's chart checks.
    """
    text = (UMBRELLA / "values.yaml").read_text()
    described = {value.path: value for value in read_values(text)}
    schema = _open(_schema_of(yaml.safe_load(text), (), described))
    return {
        UMBRELLA / "values.schema.json": json.dumps(_DRAFT | schema, indent=2) + "\n",
        UMBRELLA / "README.md": _with_table(UMBRELLA / "README.md", _values_table(text)),
    }


def _open(schema: Schema) -> Schema:
    properties = {key: _open(inner) for key, inner in schema.get("properties", {}).items()}
    closed = schema.get("additionalProperties") is False
    rest = {key: value for key, value in schema.items() if not (closed and key == "additionalProperties")}
    return rest | ({"properties": properties} if properties else {})


def _with_table(page: Path, table: str) -> str:
    """The text of a page with its table of values written anew."""
    before, _, rest = page.read_text().partition(_START)
    return f"{before}{_START}\n{table}\n{_END}{rest.partition(_END)[2]}"


def _migration_guides(chart: Path) -> Iterator[tuple[Path, str]]:
    """The guides that tell what the values of an original's chart are here."""
    for file in sorted((chart / "files").glob(_ORIGINALS)):
        original = file.stem.removeprefix("values-of-")
        rows = "\n".join(_value_of_original(*pair) for pair in yaml.safe_load(file.read_text()).items())
        guide = ROOT / "docs" / f"migrating-from-{original}.md"
        yield guide, _with_table(guide, f"\n| value of {original}'s chart | here |\n|---|---|\n{rows}\n")


def _value_of_original(key: str, here: str) -> str:
    words = here.removeprefix("is ").replace(" here", "", 1) if here else "the same"
    return f"| `{key}` | {words} |"


def chart_settings(daemon: str) -> list[Setting]:
    """List the settings that may stand under `config`: none that the chart decides itself, and no secret."""
    decided = owned(daemon)
    return [s for s in settings_of(config_of(daemon)) if s.key not in decided and not s.secret]


def chart_forms(daemon: str) -> dict[str, dict[str, str]]:
    """The pattern that texts of these settings must match, and what that is in words, by the key.

    The guard of the chart refuses in words what has another form.
    """
    properties: Any = json_schema(config_of(daemon))["properties"]
    found = {setting.key: _form(setting, properties[setting.key]) for setting in chart_settings(daemon)}
    return {key: form for key, form in found.items() if form}


def _form(setting: Setting, schema: Schema) -> dict[str, str]:
    limits = (*setting.item_constraints, *setting.constraints)
    words = [limit.description for limit in limits if limit.description]
    words += [allowed(timedelta)] if setting.type is timedelta else []
    places = (
        schema,
        *schema.get("anyOf", ()),
        schema.get("items", {}),
        schema.get("additionalProperties", {}),
    )
    patterns = [place["pattern"] for place in places if "pattern" in place]
    return {"pattern": patterns[0], "words": words[0]} if patterns and words else {}


def owned(daemon: str) -> frozenset[str]:
    """The settings that the chart decides itself, so that its values have no say in them."""
    values = read_values((CHARTS / daemon / "values.yaml").read_text())
    return next(value.owned for value in values if value.path == ("config",))


def read_values(text: str) -> Iterator[Value]:
    """Give the keys of a values.yaml that have a comment or stand at the root, in their order."""
    path: list[str] = []
    comments: list[str] = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            comments.append(line.strip().removeprefix("#").strip())
            continue
        if match := _KEY.match(line):
            path[len(match["indent"]) // 2 :] = [match["key"]]
            if comments or not match["indent"]:
                yield Value(tuple(path), *_read_comments(comments))
        comments = []


def _read_comments(comments: Iterable[str]) -> tuple[str, Schema, frozenset[str]]:
    schema: Schema = {}
    words: list[str] = []
    decided: frozenset[str] = frozenset()
    for comment in comments:
        if comment.startswith("@schema "):
            schema |= yaml.safe_load(comment.removeprefix("@schema "))
        elif comment.startswith("@owned "):
            decided |= set(yaml.safe_load(comment.removeprefix("@owned ")))
        elif words or comment.startswith("-- "):
            words.append(comment.removeprefix("-- "))
    return " ".join(words), schema, decided


def _config_block(chart: Path, settings: Sequence[Setting]) -> str:
    """Every setting with its words. Those that templates read are live, so that these need no defaults."""
    templates = "".join(path.read_text() for path in sorted((chart / "templates").iterdir()))
    live = settings_read(templates)
    return "\n".join(
        f"  # -- {setting.doc}\n  {'' if setting.key in live else '# '}{setting.key}: {_default(setting)}\n"
        for setting in settings
    )


def settings_read(templates: str) -> set[str]:
    """The settings that templates read, also by a variable `$config`."""
    return set(re.findall(r"(?:\.Values\.|\$)config\.(\w+)", templates))


def _default(setting: Setting) -> str:
    return "null" if setting.default is None else json.dumps(to_yaml(setting.default))


def _chart_schema(values_text: str, daemon: str) -> Schema:
    described = {value.path: value for value in read_values(values_text)}
    own = {key: value for key, value in yaml.safe_load(values_text).items() if key != "config"}
    schema = _schema_of(own, (), described)
    settings = {setting.key for setting in chart_settings(daemon)}
    config: Schema = json_schema(config_of(daemon))
    known = {key: value for key, value in config["properties"].items() if key in settings}
    for key in chart_forms(daemon):
        known[key] = _without_pattern(known[key])
    hints = described["config",].schema
    for key, more in hints.pop("properties", {}).items():
        known[key] = known[key] | more
    schema["properties"]["config"] = _closed(known) | hints
    schema["properties"] |= _HELM_ADDS
    for file in sorted((CHARTS / daemon / "files").glob(_ORIGINALS)):
        for key, here in yaml.safe_load(file.read_text()).items():
            if here:
                _let_through(schema, key.split("."), f"{key} {here}.")
    return _DRAFT | schema


def _without_pattern(schema: Schema) -> Schema:
    """Helm would show the pattern, where the guard has a sentence."""
    inner = {key: _without_pattern(value) for key, value in schema.items() if isinstance(value, dict)}
    return {key: inner.get(key, value) for key, value in schema.items() if key != "pattern"}


def _let_through(schema: Schema, path: Sequence[str], words: str) -> None:
    """Permit a value, whatever it is: the guard refuses it in words."""
    *above, key = path
    for step in above:
        schema = schema["properties"].setdefault(step, _closed({}))
    schema["properties"][key] = {"description": words}


def _schema_of(default: object, path: tuple[str, ...], described: dict[tuple[str, ...], Value]) -> Schema:
    value = described.get(path, Value(path, "", {}))
    words: Schema = {"description": value.doc} if value.doc else {}
    if isinstance(default, dict) and default and not value.schema.get("additionalProperties"):
        properties = {key: _schema_of(item, (*path, key), described) for key, item in default.items()}
        return words | _closed(properties) | value.schema
    return words | {"type": _TYPES[type(default)]} | value.schema


_HELM_ADDS: Schema = {
    "common": {"type": "object", "description": "What Helm hands to the library chart."},
    "enabled": {"type": "boolean", "description": "Read by an umbrella chart."},
}
_DRAFT: Schema = {"$schema": "http://json-schema.org/draft-07/schema#"}
_TYPES: dict[type, str] = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}


def _closed(properties: Schema) -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _values_table(values_text: str) -> str:
    own = [value for value in read_values(values_text) if value.doc and value.path[0] != "config"]
    defaults = yaml.safe_load(values_text)
    rows = [(".".join(value.path), json.dumps(_at(defaults, value.path)), value.doc) for value in own]
    return "\n".join(("", *_table(rows), ""))


def _at(values: Any, path: Sequence[str]) -> Any:
    for key in path:
        values = values[key]
    return values


def _table(rows: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    yield "| value | default | meaning |\n|---|---|---|"
    for key, default, doc in rows:
        yield f"| `{key}` | `{default}` | {doc.replace('|', '&#124;')} |"


def main() -> None:
    """Write the generated files of every chart."""
    for files in (*map(generate, daemons()), generate_umbrella()):
        for path, text in files.items():
            path.write_text(text)


if __name__ == "__main__":
    main()
