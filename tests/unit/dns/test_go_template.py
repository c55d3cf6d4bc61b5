"""Templates for names: what they make of an object, and how faults in them are told."""

import pytest

from addons.dns.desired.go_template import parse_template
from addons.dns.desired.go_template_tokens import TemplateError
from addons.dns.desired.go_template_values import EvaluationError

OBJECT = {
    "Name": "www",
    "Namespace": "shop",
    "Kind": "Service",
    "Labels": {"app": "Web", "app.kubernetes.io/name": "api", "marker": ""},
    "Annotations": {"zone": "eu.example.com", "json": '{"hosts": ["one", "two"]}'},
    "APIVersion": "v1",
    "Source": "service",
    "Spec": {
        "type": "NodePort",
        "clusterIP": "10.0.0.1",
        "ports": [{"port": 80, "name": "web"}, {"port": 443, "name": "tls"}],
        "selector": {"b": "2", "a": "1"},
    },
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
        (
            "{{ range $i, $p := .Spec.ports }}{{ if $i }},{{ end }}{{ $p.name }}.{{ $.Name }}{{ end }}",
            "web.www,tls.www",
        ),
        ("{{ range .Spec.Ports }}{{ .Name }}-{{ .port }}.{{ end }}", "web-80.tls-443."),
        ("{{ range $key, $value := .Spec.selector }}{{ $key }}{{ $value }}{{ end }}", "a1b2"),
        ("{{ range (fromJson .Annotations.json).hosts }}{{ . }},{{ else }}none{{ end }}", "one,two,"),
        ("{{ range .Labels.absent }}a{{ else }}none{{ end }}", "none"),
        ("{{ range 3 }}{{ . }}{{ end }}", "012"),
        ("{{ range $i := .Spec.ports }}{{ if eq .port 443 }}{{ break }}{{ end }}{{ .name }}{{ end }}", "web"),
        ("{{ range .Spec.ports }}{{ if eq .port 80 }}{{ continue }}{{ end }}{{ .name }}{{ end }}", "tls"),
        ("{{ with .Labels.app }}{{ . }}-{{ $.Name }}{{ end }}", "Web-www"),
        ("{{ with .Labels }}{{ .app }}{{ if .absent }}x{{ end }}{{ end }}", "Web"),
        ("{{ with .Labels.absent }}a{{ else with .Labels.app }}{{ . }}{{ end }}", "Web"),
        ("{{ with $t := .Spec.type }}{{ $t }}{{ . }}{{ else }}b{{ end }}", "NodePortNodePort"),
        ('{{ $z := "a.org" }}{{ if .Name }}{{ $z = "b.org" }}{{ end }}{{ .Name }}.{{ $z }}', "www.b.org"),
        ('{{ $z := "a.org" }}{{ if .Name }}{{ $z := "b.org" }}{{ $z }}.{{ end }}{{ $z }}', "b.org.a.org"),
        ("{{ $spec := .Spec }}{{ $spec.type }}.{{ (index $spec.ports 1).name }}", "NodePort.tls"),
        ("{{ if $p := .Spec.ports }}{{ len $p }}{{ else }}none{{ end }}", "2"),
        ("{{ with . }}{{ .Name }}.{{ .Spec.type }}{{ end }}", "www.NodePort"),
        ("a{{/* not said }} */}}b{{- /* nor this */ -}} c", "abc"),
        ('{{ if and (lt 1 2) (ge "b" "a") (le 1.5 1.5) (gt 3 2) }}y{{ end }}', "y"),
        ('{{ slice .Name 1 }}{{ slice "abcd" 1 3 }}{{ print "x" 7 }}|{{ print 1 2 "b" }}', "wwbcx7|1 2b"),
        (
            '{{ printf "%.2s|%c|%T|%X|%x|%o|%b|%5.1f|%-3s|" "abc" 97 .Name 255 "k" 8 5 1.25 "z" }}',
            "ab|a|string|FF|6b|10|101|  1.2|z  |",
        ),
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
        ("{{ $x }}", "column 4: the variable $x is not known here; {{ $x := … }} makes one"),
        ("{{ if .Name }}{{ $x := 1 }}{{ end }}{{ $x }}", "column 40: the variable $x is not known here"),
        ("{{ $x = 1 }}", "column 11: the variable $x is not known here"),
        ("{{ $x, $y := .Spec }}", "column 14: two variables where one was expected"),
        ("{{ # }}", "column 4: '#' is not understood; allowed are fields like .Name, variables like $x"),
        ("{{ break }}", "column 4: 'break' is not known"),
        ("{{ range .Spec.ports }}a", "column 25: a range without its end"),
        ("{{ with .Name }}a{{ else if .Name }}b{{ end }}", "column 26: 'if' where }} was expected"),
        ("{{ trim len .Name }}", "column 9: 'len' among arguments: write it in ( )"),
        ("{{ $.Spek }}", "column 4: .Spek is not known"),
        ("{{ .Name | .Namespace }}", "column 12: '.Namespace' after | is no function"),
        ("{{ .Name .Namespace }}", "column 10: '.Namespace' where }} was expected"),
        ("{{ if .Name }}a", "column 16: an if without its end"),
        ("a{{ end }}", "column 5: 'end' without an if, with or range before it"),
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
        ('{{printf "%y" .Name}}', "printf: %y is not known; allowed are %s %v"),
        ('{{printf "%c" 99999999}}', "chr"),
        ("{{index .Labels .Spec.ports}}", "unhashable"),
        ('{{printf "50%"}}', "printf: '50%' has a % without a verb"),
        ('{{printf "%t" .Name}}', "printf: %t of 'www', which is neither true nor false"),
        ('{{printf "%f" .Name}}', "printf: %f of 'www', which is no number"),
        ("{{ range .Name }}a{{ end }}", "range: 'www' has no entries"),
        ("{{ range .Spec.ports }}{{ .nodePort }}{{ end }}", "the object has no .nodePort"),
        ('{{ if lt "a" 1 }}a{{ end }}', "'a' and 1 cannot be compared"),
        ("{{ slice .Name 2 9 }}", "slice: 'www' has nothing from 2 to 9"),
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
    loop = parse_template("{{range $p := .Spec.ports}}{{$p.name}}{{.port}}{{$.Status.phase}}{{end}}")
    assert loop.content == {("spec", "ports"), ("status", "phase")}
    assert parse_template("{{with $x := $}}{{$x.Spec.type}}{{end}}").content == {()}
    assert parse_template("{{.Object}}").content == {()}
