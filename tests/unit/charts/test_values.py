"""The values of every chart: its own are described, and `config` is the Config of the daemon."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from addons.registry import config_of, daemons
from addons.runtime.setting_values import to_yaml
from addons.runtime.settings import settings_of
from docs.generate_charts import chart_settings, generate, owned, read_values, settings_read
from tests.support.charts import (
    APPLICATIONS,
    CHARTS,
    Values,
    cases,
    helm,
    loaded,
    render,
    values,
)

every_chart = pytest.mark.parametrize("chart", APPLICATIONS)


def keys(chart: str) -> set[str]:
    """The settings that a chart has values for."""
    return {setting.key for setting in chart_settings(chart)}


def schema(chart: str) -> dict[str, Any]:
    """The schema of `config`."""
    text = (CHARTS / chart / "values.schema.json").read_text()
    config: dict[str, Any] = json.loads(text)["properties"]["config"]
    return config


def config_values(chart: str) -> Values:
    """What values.yaml says below `config`."""
    found: Values = yaml.safe_load((CHARTS / chart / "values.yaml").read_text())["config"]
    return found


def plain(value: object) -> object:
    """What YAML has in the place of a value."""
    return msgspec.to_builtins(to_yaml(value))


def test_every_daemon_has_a_chart() -> None:
    assert list(daemons()) == APPLICATIONS


@every_chart
def test_the_chart_knows_every_setting_of_the_daemon_but_its_own_and_secrets(chart: str) -> None:
    assert schema(chart)["properties"].keys() == keys(chart)
    settings = settings_of(config_of(chart))
    secrets = {setting.key for setting in settings if setting.secret}
    assert {setting.key for setting in settings} - keys(chart) == owned(chart) | secrets


@every_chart
def test_values_yaml_explains_every_setting_in_the_words_of_the_daemon(chart: str) -> None:
    text = (CHARTS / chart / "values.yaml").read_text()
    explained = re.findall(r"^  # -- (.*)\n  (?:# )?(\w+): ", text[text.index("\nconfig:\n") :], re.MULTILINE)
    assert explained == [(setting.doc, setting.key) for setting in chart_settings(chart)]


@every_chart
def test_values_yaml_has_the_defaults_of_the_daemon(chart: str, tmp_path: Path) -> None:
    defaults = {setting.key: setting.default for setting in chart_settings(chart)}
    given = config_values(chart)
    assert given == {key: plain(defaults[key]) for key in given}
    config = loaded(render(cases(chart)["default"], CHARTS / chart), tmp_path)
    said = cases(chart)["default"]["config"]
    for setting in chart_settings(chart):
        wanted = said.get(setting.key, setting.default)
        assert plain(getattr(config, setting.name)) == plain(wanted), setting.key


@every_chart
def test_templates_read_only_settings_that_exist(chart: str) -> None:
    templates = "".join(file.read_text() for file in (CHARTS / chart / "templates").iterdir())
    assert settings_read(templates) <= config_values(chart).keys() <= keys(chart)


@every_chart
def test_the_daemon_accepts_every_setting_that_the_chart_accepts(chart: str, tmp_path: Path) -> None:
    given = cases(chart)["every-setting"]
    assert given["config"].keys() == keys(chart)
    config = loaded(render(given, CHARTS / chart), tmp_path)
    defaults = loaded(render(cases(chart)["default"], CHARTS / chart), tmp_path)
    same = {
        setting.key
        for setting in chart_settings(chart)
        if getattr(config, setting.name) == getattr(defaults, setting.name)
    }
    assert same <= {
        *("baseRoleArn", "clusterName", "credentialSource", "enableBackendSecurityGroup", "events"),
        *("externalsnat", "provider", "registry", "txtOwnerId", "txtSuffix"),
    }


@every_chart
def test_what_the_chart_decides_cannot_be_set(chart: str) -> None:
    for key in owned(chart):
        with pytest.raises(helm.HelmValuesError, match=f"additional properties '{key}' not allowed"):
            render(values({"config": {key: "x"}}, chart=chart), CHARTS / chart)


@every_chart
@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"confg": {}}, "additional properties 'confg' not allowed"),
        ({"image": {"tags": "x"}}, "at '/image': additional properties 'tags' not allowed"),
        ({"config": {"loglevel": "x"}}, "at '/config': additional properties 'loglevel' not allowed"),
        ({"config": {"logLevel": "loud"}}, "at '/config/logLevel': value must be one of"),
        ({"port": 0}, "at '/port': minimum"),
        ({"port": "80"}, "at '/port': got string, want integer"),
        ({"extraArgs": [1]}, "at '/extraArgs/0': got number, want string"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(given: Values, complaint: str, chart: str) -> None:
    with pytest.raises(helm.HelmValuesError, match=re.escape(complaint)):
        render(values(given, chart=chart), CHARTS / chart)


@every_chart
def test_what_is_generated_is_fresh(chart: str) -> None:
    for path, text in generate(chart).items():
        assert path.read_text() == text, f"{path.name} is out of date: run `make docs`"


@every_chart
def test_every_value_has_words(chart: str) -> None:
    text = (CHARTS / chart / "values.yaml").read_text()
    described = {value.path for value in read_values(text) if value.doc}
    assert [path for path in leaves(yaml.safe_load(text), ()) if not covered(path, described)] == []


@every_chart
def test_the_full_case_has_every_value_of_the_chart(chart: str) -> None:
    own = yaml.safe_load((CHARTS / chart / "values.yaml").read_text())
    exclusive = {"global", "updateStrategy", "strategy"}
    missing = own.keys() - cases(chart)["full"].keys() - exclusive
    assert {key for key in missing if own[key] in ("", [], {}, None)} == set()


def leaves(values_: Any, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The paths of all values but those of the daemon."""
    if path == ("config",) or not isinstance(values_, dict) or not values_:
        return [] if path == ("config",) else [path]
    return [leaf for key, value in values_.items() for leaf in leaves(value, (*path, key))]


def covered(path: tuple[str, ...], described: set[tuple[str, ...]]) -> bool:
    """True when the value or a map that holds it is described."""
    return any(path[:length] in described for length in range(1, len(path) + 1))


def of_originals(chart: str) -> dict[str, str]:
    """The values of the chart of the original, and what there is in their place here."""
    (file,) = (CHARTS / chart / "files").glob("values-of-*.yaml")
    found: dict[str, str] = yaml.safe_load(file.read_text())
    return found


ELSEWHERE = [
    (chart, key, here) for chart in APPLICATIONS for key, here in of_originals(chart).items() if here
]


@pytest.mark.parametrize(("chart", "key", "here"), ELSEWHERE)
def test_a_value_of_the_original_s_chart_is_refused_with_what_it_is_here(
    chart: str, key: str, here: str
) -> None:
    given: Any = "x"
    for step in reversed(key.split(".")):
        given = {step: given}
    with pytest.raises(helm.HelmRenderError, match=re.escape(f"{key} {here}")):
        render(values(given, chart=chart), CHARTS / chart)


@every_chart
def test_what_is_named_in_the_place_of_a_value_exists(chart: str) -> None:
    whole = json.loads((CHARTS / chart / "values.schema.json").read_text())
    for key, here in of_originals(chart).items():
        for path in [key] if not here else re.findall(r"^is ((?:config\.)?\w+(?:\.\w+)*) here", here):
            at = whole
            for step in path.split("."):
                properties = at.get("properties", {})
                is_open = at.get("additionalProperties", True) is not False
                assert step in properties or is_open, f"{key}: there is no {path}"
                at = properties.get(step, {})


@every_chart
@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"extraArgs": {"log-level": "debug"}}, "extraArgs is a list of flags here"),
        ({"extraEnv": {"A": "b"}}, "extraEnv is a list here, as in a container"),
    ],
)
def test_a_map_in_the_place_of_a_list_is_refused_in_words(more: Values, complaint: str, chart: str) -> None:
    with pytest.raises(helm.HelmRenderError, match=complaint):
        render(values(more, chart=chart), CHARTS / chart)


@every_chart
def test_the_guard_speaks_before_any_other_complaint(chart: str) -> None:
    with pytest.raises(helm.HelmRenderError, match="extraArgs is a list of flags here"):
        render({"extraArgs": {"log-level": "debug"}}, CHARTS / chart)


@pytest.mark.parametrize("chart", APPLICATIONS)
def test_a_digest_that_is_none_is_refused_in_words(chart: str) -> None:
    with pytest.raises(helm.HelmRenderError, match=r'image\.digest: "latest" is not a digest, sha256: and'):
        render(values({"image": {"digest": "latest"}}, chart=chart), CHARTS / chart)
