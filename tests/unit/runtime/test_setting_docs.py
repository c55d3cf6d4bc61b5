"""How settings are told: help, table, schema, and the ones in force."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from addons.runtime.setting_docs import effective_yaml, help_text, json_schema, settings_table
from addons.runtime.settings import load
from tests.support.config import SampleConfig

PREFIXES = ("ADDONS_DNS_",)


class TestHelp:
    text = help_text("dns", SampleConfig, PREFIXES)

    def test_groups_come_one_after_the_other(self) -> None:
        assert self.text.index("\nSettings of every add-on:\n") < self.text.index(
            "\nSettings of the sample:\n"
        )

    def test_an_entry_has_flag_type_meaning_variable_and_default(self) -> None:
        lines = self.text.splitlines()
        start = lines.index("  --interval duration")
        assert lines[start + 1].strip() == "Time between two full passes."
        assert lines[start + 2].strip() == "($ADDONS_DNS_INTERVAL, default: 1m)"

    def test_a_boolean_shows_its_negative_form(self) -> None:
        assert "\n  --[no-]once\n" in self.text

    def test_a_list_shows_its_default_as_it_is_typed(self) -> None:
        assert "default: service,ingress)" in self.text

    def test_what_has_no_default_is_called_required(self) -> None:
        assert "($ADDONS_DNS_TXT_OWNER_ID, required)" in self.text


class TestEffectiveYaml:
    def test_it_reads_back_as_the_same_settings(self, tmp_path: Path) -> None:
        argv = ["--txt-owner-id=007", "--interval=90s", "--zone-tags=a=b", "--no-leader-elect"]
        config = load(SampleConfig, argv, {})
        file = tmp_path / "settings.yaml"
        file.write_text(effective_yaml(config))
        again = load(SampleConfig, [f"--config={file}"], {})
        assert again.interval == timedelta(seconds=90)
        assert again == load(SampleConfig, [*argv, f"--config={file}"], {})

    def test_secrets_are_hidden(self) -> None:
        config = load(SampleConfig, ["--txt-owner-id=me", "--encrypt-key=hunter2"], {})
        assert "encryptKey: (hidden)" in effective_yaml(config)
        assert "hunter2" not in effective_yaml(config)


class TestTable:
    def test_a_row_tells_all_about_a_setting(self) -> None:
        names = "| `--batch-size` | `ADDONS_DNS_BATCH_SIZE` | `batchSize` |"
        row = f"{names} int | 1000 | Changes in one request. |"
        assert row in settings_table(SampleConfig, PREFIXES).splitlines()

    def test_all_rows_have_the_same_number_of_columns(self) -> None:
        rows = settings_table(SampleConfig, PREFIXES).splitlines()
        assert {row.replace("\\|", "").count("|") for row in rows} == {7}


class TestSchema:
    schema: Any = json_schema(SampleConfig)

    def test_it_is_closed_and_knows_what_is_required(self) -> None:
        assert self.schema["additionalProperties"] is False
        assert self.schema["required"] == ["txtOwnerId"]

    def test_a_limit_a_default_and_the_meaning_are_in_it(self) -> None:
        assert self.schema["properties"]["batchSize"] == {
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
            "default": 1000,
            "description": "Changes in one request.",
        }

    def test_lists_pairs_choices_and_null_have_their_form(self) -> None:
        properties = self.schema["properties"]
        assert properties["source"]["items"] == {"enum": ["service", "ingress", "pod"]}
        assert properties["zoneTags"]["additionalProperties"] == {"type": "string"}
        assert properties["zoneType"]["anyOf"] == [{"enum": ["public", "private"]}, {"type": "null"}]

    def test_it_is_json(self) -> None:
        assert json.loads(json.dumps(self.schema)) == self.schema
