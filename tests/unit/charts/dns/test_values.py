"""What the dns chart refuses, by its schema and, where Helm is told to skip that, in words."""

import re
import shutil
from pathlib import Path

import pytest

from addons.dns.desired.go_template import FIELDS, parse_template
from addons.dns.desired.go_template_functions import FUNCTIONS
from tests.support.charts import CHARTS, Values, helm, render, values


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"config": {"txtOwnerID": "x"}}, "at '/config': additional properties 'txtOwnerID' not allowed"),
        ({"config": {"policy": "delete"}}, "at '/config/policy': value must be one of 'sync'"),
        ({"config": {"interval": 5}}, "at '/config/interval': got number, want string"),
        ({"config": {"deleteBudget": 101}}, "at '/config/deleteBudget': maximum: got 101, want 100"),
        ({"replicas": "2"}, "at '/replicas': got string, want integer"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(given: Values, complaint: str) -> None:
    with pytest.raises(helm.HelmValuesError, match=re.escape(complaint)):
        render(values(given))


REFUSED_IN_WORDS: list[tuple[Values, str]] = [
    ({"interval": "soon"}, r'config\.interval: "soon" is not a duration such as 90s or 1h30m'),
    (
        {"awsAssumeRole": "dns"},
        r'config\.awsAssumeRole: "dns" is not the ARN of a role, such as arn:aws:iam::',
    ),
    ({"zoneIdFilter": ["Z1", "a b"]}, r'config\.zoneIdFilter: "a b" is not the id of a hosted zone, such as'),
    ({"awsZoneRole": {"Z1": "dns"}}, r'config\.awsZoneRole: "dns" is not the ARN of a role, such as'),
    ({"txtOwnerId": ""}, r"config\.txtOwnerId is required: a name for this cluster"),
    ({"source": []}, r"config\.source is required: at least one kind of object"),
    ({"registry": "noop", "policy": "sync"}, r"config\.registry noop cannot go with config\.policy sync"),
    ({"registry": "noop", "adoptUnowned": True}, r"config\.adoptUnowned need config\.registry txt"),
    ({"registry": "noop", "migrateFromTxtOwner": "a"}, r"config\.migrateFromTxtOwner and .* need"),
    ({"migrateFromTxtOwner": "test"}, r"config\.migrateFromTxtOwner is the same as config\.txtOwnerId"),
    ({"txtPrefix": "a", "txtSuffix": "b"}, r"config\.txtPrefix and config\.txtSuffix exclude each other"),
    ({"events": False}, r"config\.events cannot be off"),
    ({"txtEncryptEnabled": True}, r"config\.txtEncryptEnabled needs the key: ADDONS_DNS_TXT_ENCRYPT_AES_KEY"),
    ({"fqdnTemplate": "{{.Nam}}.a.org"}, r"config\.fqdnTemplate: \.Nam is not known; allowed are \.Name"),
    ({"fqdnTemplate": "{{upper .Name}}.a.org"}, r"config\.fqdnTemplate: upper is not known; allowed are"),
    ({"fqdnTemplate": ".Name}}"}, r"config\.fqdnTemplate: }} without its other half"),
    ({"fqdnTemplate": "{{.Name"}, r"cannot parse template"),
    ({"fqdnTemplate": "{{if .Name}}a"}, r"cannot parse template"),
]


@pytest.mark.parametrize(("config", "complaint"), REFUSED_IN_WORDS)
def test_what_cannot_work_is_refused_in_words_before_the_schema_has_its_say(
    config: Values, complaint: str
) -> None:
    with pytest.raises(helm.HelmRenderError, match=complaint):
        render(values({"config": config}))


@pytest.mark.parametrize(("config", "complaint"), REFUSED_IN_WORDS)
def test_what_cannot_work_is_refused_in_words_where_helm_skips_the_schema(
    config: Values, complaint: str, tmp_path: Path
) -> None:
    bare = shutil.copytree(
        CHARTS / "dns", tmp_path / "dns", ignore=shutil.ignore_patterns("values.schema.json")
    )
    with pytest.raises(helm.HelmRenderError, match=complaint):
        render(values({"config": config}), Path(bare))


CALLS = {
    "and": ".Name .Kind",
    "contains": '.Name "a"',
    "eq": '.Kind "Node"',
    "fromJson": "`{}`",
    "ge": "1 2",
    "gt": "1 2",
    "hasKey": '.Labels "a"',
    "index": '.Labels "a"',
    "le": "1 2",
    "lt": "1 2",
    "ne": '.Kind "Node"',
    "or": ".Name .Kind",
    "replace": '"a" "b" .Name',
    "trimPrefix": '"a" .Name',
    "trimSuffix": '"a" .Name',
}
"""Arguments of the functions that take more than a text."""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_template_may_call_every_function_that_the_daemon_knows(function: str) -> None:
    template = f"{{{{if {function} {CALLS.get(function, '.Name')}}}}}a{{{{else}}}}b{{{{end}}}}.a.org"
    assert parse_template(template)
    assert render(values({"config": {"fqdnTemplate": template}}))


@pytest.mark.parametrize("field", FIELDS)
def test_a_template_may_ask_for_every_field_that_the_daemon_knows(field: str) -> None:
    assert render(values({"config": {"fqdnTemplate": f"{{{{- .{field} -}}}}.a.org"}}))


@pytest.mark.parametrize(
    "template",
    [
        "{{range $i, $port := .Spec.ports}}{{if $i}},{{end}}{{$port.name}}.{{$.Name}}.a.org{{end}}",
        "{{with .Labels}}{{.team}}.a.org{{else}}{{.Name}}.a.org{{end}}",
        '{{/* two */}}{{$zone := "a.org"}}{{(index .Spec.ports 0).name}}.{{$zone}}',
        "{{range .Spec.ports}}{{if eq .port 80}}{{break}}{{else}}{{continue}}{{end}}{{end}}a.org",
    ],
)
def test_a_template_may_have_blocks_and_variables(template: str) -> None:
    assert parse_template(template)
    assert render(values({"config": {"fqdnTemplate": template}}))


@pytest.mark.parametrize(
    "given",
    [
        {"extraEnv": [{"name": "ADDONS_DNS_TXT_ENCRYPT_AES_KEY", "value": "k"}]},
        {"extraEnvFrom": [{"secretRef": {"name": "dns"}}]},
    ],
)
def test_the_key_of_encrypted_texts_comes_with_the_environment(given: Values) -> None:
    assert render(values(given, {"config": {"txtEncryptEnabled": True}}))
