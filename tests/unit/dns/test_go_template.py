"""Templates for names: what they make of an object, and how faults in them are told."""

import pytest

from addons.dns.desired.go_template import TemplateError, parse_template
from addons.dns.desired.go_template_functions import EvaluationError

OBJECT = {
    "Name": "www",
    "Namespace": "shop",
    "Kind": "Service",
    "Labels": {"app": "Web", "app.kubernetes.io/name": "api", "marker": ""},
    "Annotations": {"zone": "eu.example.com", "json": '{"hosts": ["one", "two"]}'},
    "APIVersion": "v1",
    "Source": "service",
    "Spec": {"type": "NodePort", "clusterIP": "10.0.0.1", "ports": [{"port": 80, "name": "web"}]},
    "Status": {},
    "Metadata": {"name": "www", "uid": "u-1"},
    "Object": {"kind": "Service", "spec": {"type": "NodePort"}},
}


def made(template: str) -> str:
    return parse_template(template).render(OBJECT)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain.example.com", "plain.example.com"),
        ("{{.Name}}.{{.Namespace}}.example.com", "www.shop.example.com"),
        ("{{ .Name }}.example.com", "www.example.com"),
        ("{{.Name}}.a.com,{{.Name}}.b.com", "www.a.com,www.b.com"),
        ("{{.Labels.app}}", "Web"),
        ("{{.Annotations.zone}}", "eu.example.com"),
        ('{{ index .Labels "app.kubernetes.io/name" }}', "api"),
        ("{{ index .Labels `app` }}", "Web"),
        ('a{{ index .Labels "absent" }}b', "ab"),
        ("{{ toLower .Labels.app }}", "web"),
        ("{{ .Labels.app | toLower }}", "web"),
        ('{{ trimPrefix .Name "w" }}', "ww"),
        ('{{ trimSuffix .Annotations.zone ".com" }}', "eu.example"),
        ('{{ trim "  x " }}', "x"),
        ('{{ replace "w" "v" .Name }}', "vvv"),
        ('{{ .Annotations.zone | replace "." "-" }}', "eu-example-com"),
        ('{{ trimSuffix (toLower .Labels.app) "b" }}', "we"),
        ("{{ if .Labels.absent }}a{{ else }}b{{ end }}", "b"),
        ('{{ if hasKey .Labels "marker" }}a{{ end }}', "a"),
        ('{{ if eq .Kind "Service" }}s{{ else if eq .Kind "Node" }}n{{ else }}o{{ end }}', "s"),
        ('{{ if eq .Kind "Pod" }}s{{ else if ne .Kind "Node" }}n{{ else }}o{{ end }}', "n"),
        ('{{ if and (contains .Name "w") (not (isIPv4 .Name)) }}y{{ end }}', "y"),
        ('{{ if or (isIPv4 "10.0.0.1") false }}4{{ end }}{{ if isIPv6 "::1" }}6{{ end }}', "46"),
        ('{{ index (fromJson .Annotations.json) "hosts" 1 }}', "two"),
        ("a  {{- .Name -}}  b", "awwwb"),
        (
            "{{ .Spec.type }}-{{ .Object.spec.type }}-{{ .Object.kind }}-{{ .APIVersion }}",
            "NodePort-NodePort-Service-v1",
        ),
        ("{{ .Spec.Type }}.{{ .Spec.ClusterIP }}.{{ .Metadata.uid }}", "NodePort.10.0.0.1.u-1"),
        ('{{ index .Spec.ports 0 "name" }}', "web"),
        ('{{ if hasKey .Spec "externalName" }}a{{ else }}b{{ end }}', "b"),
        ('{{ if and (hasKey .Spec "x") (eq .Spec.x "y") }}a{{ end }}b', "b"),
        ('{{ if or (eq .Spec.type "NodePort") .Spec.x }}a{{ end }}', "a"),
        ('{{ printf "%s-%03d.%v%%" .Name 7 true }}', "www-007.true%"),
        ('{{ .Name | printf "%5s%-4sx%x%q" "a" "b" 255 }}', '    ab   xff"www"'),
        ('{{ if isSource "Service" }}s{{ end }}{{ if isSource "ingress" }}i{{ end }}', "s"),
        ('{{ if not (len .Status) }}{{ len "abc" }}{{ end }}', "3"),
    ],
)
def test_a_template_makes(template: str, text: str) -> None:
    assert made(template) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{.Name", "column 1: {{ without its other half"),
        ("a.{{.Spek.x}}", "column 5: .Spek is not known; allowed are .Name, .Namespace"),
        ("{{ upper .Name }}", "column 4: 'upper' is not known; allowed are and, contains"),
        ("{{ trimPrefix .Name }}", "column 4: trimPrefix takes 2 arguments, not 1"),
        ("{{ $x }}", "column 4: '$x' is not understood; allowed are fields like .Name"),
        ("{{ .Name | .Namespace }}", "column 12: '.Namespace' after | is no function"),
        ("{{ .Name .Namespace }}", "column 10: '.Namespace' where }} was expected"),
        ("{{ if .Name }}a", "column 16: an if without its end"),
        ("a{{ end }}", "column 5: 'end' without an if before it"),
        ("{{ toLower (trim .Name }}", "column 24: '}}' where ) was expected"),
        ("{{}}", "column 3: '}}' where a field, a text or a number was expected"),
    ],
)
def test_a_fault_is_told_with_its_column_and_what_is_allowed(template: str, message: str) -> None:
    with pytest.raises(TemplateError) as raised:
        parse_template(template)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{.Labels.absent}}.example.com", "the object has no .Labels.absent"),
        ("{{.Labels}}", "is no text"),
        ("{{.Spec.externalName}}", "the object has no .Spec.externalName"),
        ("{{if .Spec.externalName}}a{{end}}", "the object has no .Spec.externalName"),
        ("{{.Spec.clusterip}}", "the object has no .Spec.clusterip"),
        ("{{.Spec.ports}}", "is no text"),
        ('{{printf "%d" .Name}}', "printf: %d of 'www', which is no whole number"),
        ('{{printf "%s"}}', "printf: '%s' has more verbs than values"),
        ('{{printf "a" 1}}', "printf: 'a' has fewer verbs than values"),
        ("{{ fromJson .Name }}", "fromJson: 'www' is no JSON"),
        ('{{ index .Name "x" }}', "index: 'www' has no 'x'"),
    ],
)
def test_an_object_that_it_does_not_suit_is_told(template: str, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        made(template)


def test_a_template_knows_which_parts_of_objects_it_reads() -> None:
    template = parse_template("{{.Name}}{{.Spec.type}}{{if .Metadata.labels}}{{.Object.status.phase}}{{end}}")
    assert template.content == {("spec", "type"), ("metadata", "labels"), ("status", "phase")}
    assert parse_template("{{.Name}}").content == frozenset()
    assert parse_template("{{.Object}}").content == {()}
