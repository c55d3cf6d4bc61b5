"""The `config` of the dns chart is the Config of the daemon: nothing more, nothing less."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from addons.dns.config import Config
from addons.runtime.settings import load, settings_of
from docs.generate_charts import CHART_OWNED, CHARTS, chart_settings, generate, read_values
from tests.support.charts import CHARTS as FOLDER
from tests.support.charts import Values, helm, only, render, values

CHART = FOLDER / "dns"
KEYS = {setting.key for setting in chart_settings(Config)}

SAMPLES: dict[str, Any] = {
    "annotationFilter": "team in (a,b)",
    "events": True,
    "labelFilter": "!internal",
    "logFormat": "json",
    "migrateFromTxtOwner": "other",
    "txtSuffix": "",
    "zoneIdFilter": ["Z0123456789"],
}
"""Values for settings whose type does not say what they must look like."""


def load_rendered(given: Values, folder: Path) -> Config:
    """What the daemon makes of the settings file in the rendered ConfigMap."""
    file = folder / "config.yaml"
    file.write_text(only(render(given), "ConfigMap")["data"]["config.yaml"])
    return load(Config, [f"--config={file}"], {})


def sample(key: str, schema: dict[str, Any]) -> Any:
    """A value that the schema permits and that is not the default, where there is one."""
    if key in SAMPLES:
        return SAMPLES[key]
    match schema:
        case {"enum": [*choices]}:
            return choices[-1]
        case {"type": "array", "items": {"enum": [first, *_]}}:
            return [first]
        case {"type": "array"}:
            return ["sample.example.org"]
        case {"type": "boolean"}:
            return not schema["default"]
        case {"type": "integer"}:
            return schema.get("maximum", 99) - 1
        case {"type": "number"}:
            return 1.5
        case {"type": "object"}:
            return {"sample": "value"}
        case {"pattern": _}:
            return "1h30m"
    return "sample"


def every_setting() -> dict[str, Any]:
    """Every setting that the chart knows, with a value."""
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]["config"]
    return {key: sample(key, item) for key, item in schema["properties"].items()}


def test_the_chart_knows_every_setting_of_the_daemon_but_its_own_and_secrets() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]["config"]
    assert schema["properties"].keys() == KEYS
    secrets = {setting.key for setting in settings_of(Config) if setting.secret}
    assert {setting.key for setting in settings_of(Config)} - KEYS == CHART_OWNED | secrets


def test_values_yaml_documents_every_setting() -> None:
    text = (CHART / "values.yaml").read_text()
    documented = re.findall(r"^  (?:# )?(\w+): ", text[text.index("\nconfig:\n") :], re.MULTILINE)
    assert len(documented) == len(set(documented))
    assert set(documented) == KEYS


def test_values_yaml_has_the_defaults_of_the_daemon(tmp_path: Path) -> None:
    assert load_rendered(values(), tmp_path) == Config(
        config=str(tmp_path / "config.yaml"),
        txt_owner_id="test",
        leader_elect_name="aws-dns",
        leader_elect_namespace="kube-system",
    )
    live = yaml.safe_load((CHART / "values.yaml").read_text())["config"]
    defaults = {setting.key: setting.default for setting in chart_settings(Config)}
    assert {key: tuple(value) if isinstance(value, list) else value for key, value in live.items()} == {
        key: defaults[key] for key in live
    }


def test_templates_read_only_settings_that_exist() -> None:
    templates = "".join(file.read_text() for file in (CHART / "templates").iterdir())
    read = set(re.findall(r"\.Values\.config\.(\w+)", templates))
    assert read <= yaml.safe_load((CHART / "values.yaml").read_text())["config"].keys() <= KEYS


def test_the_daemon_accepts_every_setting_that_the_chart_accepts(tmp_path: Path) -> None:
    wanted = every_setting() | {"registry": "txt", "policy": "sync"}
    config = load_rendered(values({"config": wanted}), tmp_path)
    assert config.delete_budget == wanted["deleteBudget"]
    assert config.audit_interval.total_seconds() == 5400


def test_the_chart_decides_where_the_daemon_listens_and_leads(tmp_path: Path) -> None:
    config = load_rendered(values({"port": 9000}), tmp_path)
    assert (config.listen, config.leader_elect) == (":9000", True)
    assert (config.leader_elect_name, config.leader_elect_namespace) == ("aws-dns", "kube-system")


@pytest.mark.parametrize("key", sorted(CHART_OWNED))
def test_what_the_chart_decides_cannot_be_set(key: str) -> None:
    with pytest.raises(helm.HelmValuesError, match=f"additional properties '{key}' not allowed"):
        render(values({"config": {key: "x"}}))


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"confg": {}}, "additional properties 'confg' not allowed"),
        ({"image": {"tags": "x"}}, "at '/image': additional properties 'tags' not allowed"),
        ({"config": {"txtOwnerID": "x"}}, "at '/config': additional properties 'txtOwnerID' not allowed"),
        ({"config": {"policy": "delete"}}, "at '/config/policy': value must be one of 'sync'"),
        ({"config": {"interval": "soon"}}, "at '/config/interval'"),
        ({"config": {"source": []}}, "at '/config/source': minItems"),
        ({"config": {"txtOwnerId": ""}}, "at '/config/txtOwnerId': minLength"),
        ({"replicas": "2"}, "at '/replicas': got string, want integer"),
        ({"port": 0}, "at '/port': minimum"),
        ({"image": {"digest": "latest"}}, "at '/image/digest'"),
        ({"extraArgs": [1]}, "at '/extraArgs/0': got number, want string"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(given: Values, complaint: str) -> None:
    with pytest.raises(helm.HelmValuesError, match=re.escape(complaint)):
        render(values(given))


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"txtOwnerId": ""}, r"config\.txtOwnerId is required: a name for this cluster"),
        ({"source": []}, r"config\.source is required: at least one kind of object"),
    ],
)
def test_what_is_required_is_refused_in_words_where_helm_skips_the_schema(
    config: Values, complaint: str, tmp_path: Path
) -> None:
    bare = Path(shutil.copytree(CHART, tmp_path / "dns", ignore=shutil.ignore_patterns("values.schema.json")))
    with pytest.raises(helm.HelmRenderError, match=complaint):
        render(values({"config": config}), bare)


def test_without_a_registry_no_owner_is_required(tmp_path: Path) -> None:
    given = values({"config": {"registry": "noop", "txtOwnerId": ""}})
    assert load_rendered(given, tmp_path).txt_owner_id == ""


@pytest.mark.parametrize("name", CHARTS)
def test_what_is_generated_is_fresh(name: str) -> None:
    for path, text in generate(FOLDER / name, CHARTS[name]).items():
        assert path.read_text() == text, f"{path.name} is out of date: run `make docs`"


def test_every_value_has_words() -> None:
    text = (CHART / "values.yaml").read_text()
    described = {value.path for value in read_values(text) if value.doc}
    assert [path for path in leaves(yaml.safe_load(text), ()) if not covered(path, described)] == []


def leaves(values_: Any, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The paths of all values but those of the daemon."""
    if path == ("config",) or not isinstance(values_, dict) or not values_:
        return [] if path == ("config",) else [path]
    return [leaf for key, value in values_.items() for leaf in leaves(value, (*path, key))]


def covered(path: tuple[str, ...], described: set[tuple[str, ...]]) -> bool:
    """True when the value or a map that holds it is described."""
    return any(path[:length] in described for length in range(1, len(path) + 1))
