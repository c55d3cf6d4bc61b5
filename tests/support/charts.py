"""Charts as the real Helm sees them, and the schemas of Kubernetes to hold what they render against."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from referencing import Registry, Resource

helm = pytest.importorskip("helm_python", reason="helm-python-sdk has no wheel for this platform")

ROOT = Path(__file__).resolve().parents[2]
CHARTS = ROOT / "charts"
OLDEST, NEWEST = "1.34", "1.37"
"""The Kubernetes minors that are supported."""

Object = dict[str, Any]
Values = dict[str, Any]

MINIMUM: Values = {
    "image": {"repository": "registry.example.org/aws-cluster-addons"},
    "config": {"txtOwnerId": "test"},
}
"""What must be said to install dns."""

IAMPROXY: Values = {
    "image": MINIMUM["image"],
    "config": {"baseRoleArn": "arn:aws:iam::123456789012:role/pods/"},
}
"""What must be said to install iamproxy."""

MINIMA: dict[str, Values] = {"dns": MINIMUM, "iamproxy": IAMPROXY}
"""What must be said to install each chart."""


def values(*more: Values, chart: str = "dns") -> Values:
    """Give the minimum of a chart and more, merged as Helm merges values: maps key by key."""
    merged: Values = {}
    for layer in (MINIMA[chart], *more):
        merged = _merge(merged, layer)
    return merged


def _merge(below: Values, above: Values) -> Values:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


@cache
def chart(path: Path) -> Any:
    """Load a chart once for all tests."""
    return helm.Chart.load(path)


def render_files(
    given: Values, path: Path = CHARTS / "dns", *, name: str = "aws", namespace: str = "kube-system"
) -> dict[str, str]:
    """Render a chart; the text of every template by its path."""
    rendered: dict[str, str] = chart(path).render(given, name=name, namespace=namespace)
    return rendered


def render(
    given: Values, path: Path = CHARTS / "dns", *, name: str = "aws", namespace: str = "kube-system"
) -> list[Object]:
    """Render a chart; its objects, in the order of the templates' names."""
    texts = render_files(given, path, name=name, namespace=namespace)
    return [obj for file, text in sorted(texts.items()) if file.endswith(".yaml") for obj in parse(text)]


def installed(objects: list[Object]) -> list[Object]:
    """Leave out what Helm makes only for a while, as hooks."""
    return [obj for obj in objects if not is_hook(obj)]


def is_hook(obj: Object) -> bool:
    """Whether Helm makes an object only for a while."""
    return "helm.sh/hook" in obj["metadata"].get("annotations", {})


def parse(text: str) -> Iterator[Object]:
    """Read YAML documents; a key that stands twice in one map raises."""
    yield from filter(None, yaml.load_all(text, Loader=_StrictLoader))


class _StrictLoader(yaml.CSafeLoader):
    """Helm and Kubernetes keep the last of equal keys without a word; here they are an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise ValueError(f"{', '.join(sorted(twice))} stands twice{node.start_mark}")
        return super().construct_mapping(node, deep)


def only(objects: list[Object], kind: str) -> Object:
    """Give the one object of a kind."""
    found = [obj for obj in objects if obj["kind"] == kind]
    assert len(found) == 1, f"{len(found)} objects of kind {kind}"
    return found[0]


def check_schema(obj: Object, minor: str) -> None:
    """Raise unless a minor of Kubernetes knows the kind, every field and every type in the object."""
    group, _, version = obj["apiVersion"].rpartition("/")
    prefix = f"{group.split('.')[0]}-" if group else ""
    schema = _schema(minor, f"{obj['kind'].lower()}-{prefix}{version}.json")
    jsonschema.Draft202012Validator(schema.contents, registry=schema @ _definitions(minor)).validate(obj)


@cache
def _schema(minor: str, name: str) -> Resource[Any]:
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{minor}.0-local-strict"
    return Resource.from_contents(json.loads((folder / name).read_text()))


@cache
def _definitions(minor: str) -> Registry[Any]:
    return _schema(minor, "_definitions.json") @ Registry()
