"""Charts as the real Helm sees them, and the schemas of Kubernetes to hold what they render against."""

import copy
import json
import os
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from referencing import Registry, Resource

from addons.registry import config_of, prefixes_of
from addons.runtime.settings import load

helm = (import_module if os.environ.get("CI") else pytest.importorskip)("helm_python")
"""The real Helm as a library. Not every platform has a wheel: without it skip, or fail where CI=true."""

ROOT = Path(__file__).resolve().parents[2]
CHARTS = ROOT / "charts"
MINORS: tuple[str, ...] = next(
    tuple(row["versions"])
    for row in yaml.safe_load((ROOT / "docs" / "compatibility.yaml").read_text())
    if row["what"] == "Kubernetes"
)
"""The Kubernetes minors that are supported, the oldest first."""

OLDEST, NEWEST = MINORS[0], MINORS[-1]

OPERATOR = ("PrometheusRule", "ServiceMonitor")
"""Kinds of the Prometheus operator, of which Kubernetes has no schema."""

CUSTOM = (*OPERATOR, "ENIConfig", "IngressClassParams")
"""All kinds of which Kubernetes has no schema."""

NAMED_BY_USERS = ("CustomResourceDefinition", "ENIConfig", "IngressClass", "IngressClassParams")
"""Kinds whose names users know: there is one of each in a cluster, whatever the release is called."""

Object = dict[str, Any]
Values = dict[str, Any]

APPLICATIONS = [
    path.parent.name
    for path in sorted(CHARTS.glob("*/Chart.yaml"))
    if yaml.safe_load(path.read_text())["type"] == "application" and path.parent.name != "addons"
]
"""The charts that can be installed, each of the daemon by its name; the umbrella is no such chart."""


def cases(chart: str) -> dict[str, Values]:
    """The values with which a chart is tested, by the names of their files: whole, as for `helm -f`."""
    return copy.deepcopy(_cases(chart))


@cache
def _cases(chart: str) -> dict[str, Values]:
    suffix = "-values.yaml"
    files = sorted((CHARTS / chart / "ci").glob(f"*{suffix}"))
    return {file.name.removesuffix(suffix): yaml.safe_load(file.read_text()) for file in files}


EVERY_CASE = [(chart, case) for chart in APPLICATIONS for case in cases(chart)]

MINIMUM = cases("dns")["default"]
"""What must be said to install dns."""


def values(*more: Values, chart: str = "dns") -> Values:
    """Give what must be said to install a chart and more, merged as Helm merges values: maps key by key."""
    merged = cases(chart)["default"]
    for layer in more:
        merged = merge(merged, layer)
    return merged


def merge(below: Values, above: Values) -> Values:
    """Give values with others over them, as Helm merges: maps key by key."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
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


def is_hook(obj: Object, event: str = "") -> bool:
    """Whether Helm makes an object only for a while, at whatever event or at this one."""
    on = obj["metadata"].get("annotations", {}).get("helm.sh/hook", "")
    return on == event if event else bool(on)


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
    """Give the one object of a kind that is about the daemon."""
    found = [obj for obj in objects if obj["kind"] == kind and is_of_daemon(obj)]
    assert len(found) == 1, f"{len(found)} objects of kind {kind}"
    return found[0]


def workload(objects: list[Object]) -> Object:
    """Give the one object that keeps the daemon's pods running."""
    (found,) = [obj for obj in objects if obj["kind"] in ("DaemonSet", "Deployment") and is_of_daemon(obj)]
    return found


def is_webhook(obj: Object) -> bool:
    """Whether an object is about a webhook that runs beside the daemon."""
    name: str = obj["metadata"]["name"]
    return name.partition(".")[0].endswith("-webhook")


def is_matrix(obj: Object) -> bool:
    """Whether an object is about the Job of an ASG matrix, which has nothing of the daemon's."""
    return "-matrix" in obj["metadata"]["name"] or obj["metadata"]["name"] == "groups"


def is_dashboard(obj: Object) -> bool:
    """Whether an object is for Grafana."""
    return "grafana_dashboard" in obj["metadata"].get("labels", {})


def is_of_daemon(obj: Object) -> bool:
    """Whether an object is about the daemon itself."""
    return not (is_webhook(obj) or is_matrix(obj) or is_dashboard(obj))


def pod_of(objects: list[Object]) -> Object:
    """Give the spec of the daemon's pods."""
    spec: Object = workload(objects)["spec"]["template"]["spec"]
    return spec


def container_of(objects: list[Object]) -> Object:
    """Give the daemon's container of its pods; others are the user's."""
    return dict(pod_of(objects)["containers"][0])


def loaded(objects: list[Object], folder: Path) -> Any:
    """Give the settings of the daemon in its pod: from its arguments, its file and the chart's variables."""
    container = container_of(objects)
    daemon, file, *flags = container["args"]
    assert file == "--config=/etc/aws-addons/config.yaml"
    (folder / "config.yaml").write_text(only(objects, "ConfigMap")["data"]["config.yaml"])
    environment = {
        variable["name"]: "of the pod" for variable in container.get("env", ()) if "valueFrom" in variable
    }
    return load(
        config_of(daemon),
        [f"--config={folder / 'config.yaml'}", *flags],
        environment,
        env_prefixes=prefixes_of(daemon),
    )


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
