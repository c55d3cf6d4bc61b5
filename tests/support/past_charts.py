"""Charts of former releases, as users have them: in `tests/data/charts` are a package and values of each.

`<chart>-<version>.tgz` is what was handed out. `<chart>-<version>-values.yaml` are values with which that
version was tested, by the case: what users may have written then.
"""

import tarfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.support.charts import CHARTS, ROOT, Object, Values, helm, is_hook, merge, parse
from tests.support.helm import Release
from tests.support.umbrella import UMBRELLA, package

FOLDER = ROOT / "tests" / "data" / "charts"

FINDS_BY = (
    *("leaderElectName", "leaderElectNamespace", "leaseName", "leaseNamespace", "socket", "stateDir"),
    *("backingStore", "statusConfigMapName", "webhookName"),
)
"""Settings by which a daemon finds what it, or its predecessor, has left."""

_STATE = ("configmaps", "leases", "secrets")


class Past(NamedTuple):
    """A chart of a former release."""

    chart: str
    version: str

    @property
    def package(self) -> Path:
        """What was handed out."""
        return FOLDER / f"{self.chart}-{self.version}.tgz"

    @property
    def present(self) -> Path:
        """The chart that takes its place."""
        return package() if self.chart == UMBRELLA else CHARTS / self.chart

    def cases(self) -> dict[str, Values]:
        """The values with which it was tested."""
        found: dict[str, Values] = yaml.safe_load(
            self.package.with_name(f"{self.package.stem}-values.yaml").read_text()
        )
        return found


PAST = [Past(*path.stem.rsplit("-", 1)) for path in sorted(FOLDER.glob("*.tgz"))]
EVERY_CASE = [(past, case) for past in PAST for case in past.cases()]


def fixed(obj: Object) -> dict[str, Any]:
    """The fields of an object that an API server refuses to change."""
    spec = obj.get("spec", {})
    match obj["kind"]:
        case "Deployment" | "DaemonSet":
            return {"selector": spec["selector"]}
        case "StatefulSet":
            names = ("selector", "serviceName", "volumeClaimTemplates", "podManagementPolicy")
            return {name: spec.get(name) for name in names}
        case "Job":
            return {"selector": spec.get("selector"), "template": spec["template"]}
        case "Service":
            return {"clusterIP": spec.get("clusterIP")}
        case "RoleBinding" | "ClusterRoleBinding":
            return {"roleRef": obj["roleRef"]}
        case "IngressClass":
            return {"controller": spec["controller"]}
        case "PersistentVolumeClaim":
            return {"spec": spec}
        case "CustomResourceDefinition":
            return {name: spec[name] for name in ("group", "names", "scope")}
        case "ConfigMap" | "Secret":
            return {"immutable": obj.get("immutable")}
    return {}


def by_name(objects: list[Object]) -> dict[tuple[str, str, str], Object]:
    """What stays of a release, by kind, namespace and name."""
    return {
        (obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]): obj
        for obj in objects
        if not is_hook(obj)
    }


def templates(objects: Iterable[Object]) -> dict[str, Object]:
    """The templates of pods, by the name of their workload."""
    kinds = ("DaemonSet", "Deployment")
    return {obj["metadata"]["name"]: obj["spec"]["template"] for obj in objects if obj["kind"] in kinds}


def state(objects: list[Object]) -> set[tuple[str, ...]]:
    """Where the daemons of a release keep what outlives their pods: names, files of the node, settings."""
    found: set[tuple[str, ...]] = set()
    for obj in objects:
        if obj["kind"] == "Role":
            found |= set(_named(obj))
        if obj["kind"] in ("DaemonSet", "Deployment", "StatefulSet"):
            pods = obj["spec"]["template"]["spec"]
            paths = [each["hostPath"]["path"] for each in pods["volumes"] if "hostPath" in each]
            found |= {("path of the node", path) for path in paths}
        if obj["kind"] == "ConfigMap" and "config.yaml" in obj["data"]:
            settings = yaml.safe_load(obj["data"]["config.yaml"])
            found |= {(name, str(settings[name])) for name in FINDS_BY if name in settings}
    return found


def _named(role: Object) -> Iterator[tuple[str, ...]]:
    for rule in role["rules"]:
        for resource in rule["resources"]:
            if resource in _STATE:
                yield from (
                    (resource, role["metadata"]["namespace"], name) for name in rule.get("resourceNames", ())
                )


@cache
def definitions(chart: Path) -> dict[str, Object]:
    """The custom resources that come with a chart and are never upgraded by Helm, by name."""
    if chart.is_dir():
        texts = [file.read_text() for file in sorted((chart / "crds").glob("*.yaml"))]
    else:
        with tarfile.open(chart) as archive:
            names = [name for name in archive.getnames() if "/crds/" in name]
            texts = [(archive.extractfile(name) or _nothing()).read().decode() for name in names]
    return {obj["metadata"]["name"]: obj for text in texts for obj in parse(text)}


def _nothing() -> Any:
    raise ValueError("a folder among the definitions")


def lost(old: Object, new: Object) -> list[str]:
    """What objects of a custom resource may no longer say, or are no longer served as."""
    present = {each["name"]: each for each in new["spec"]["versions"]}
    found: list[str] = []
    for version in old["spec"]["versions"]:
        name = version["name"]
        if name not in present or not present[name]["served"]:
            found.append(name)
            continue
        schemas = [each["schema"]["openAPIV3Schema"] for each in (version, present[name])]
        found += [f"{name}{path}" for path in _narrowed(schemas[0], schemas[1])]
    return found


def _narrowed(old: Object, new: Object, path: str = "") -> Iterator[str]:
    if old.get("type") != new.get("type"):
        yield path
    yield from (
        f"{path}.{name} is required" for name in set(new.get("required", ())) - set(old.get("required", ()))
    )
    if "enum" in new and not set(old.get("enum", [None])) <= set(new["enum"]):
        yield f"{path} is an enum"
    for name, schema in old.get("properties", {}).items():
        if name in new.get("properties", {}):
            yield from _narrowed(schema, new["properties"][name], f"{path}.{name}")
        elif not new.get("x-kubernetes-preserve-unknown-fields"):
            yield f"{path}.{name}"
    if "items" in old:
        yield from _narrowed(old["items"], new.get("items", {}), f"{path}[]")


class PastRelease(Release):
    """The release `aws` of a former chart, which goes on as one of the present chart."""

    def __init__(self, config: Any, past: Past) -> None:
        super().__init__(config, past.chart)
        self._past = past
        self._installed = False

    def chart(self) -> Any:
        """What is installed: first the former one."""
        path = self._past.present if self._installed else self._past.package
        self._installed = True
        return helm.Chart.load(path)

    def given(self, *more: Values) -> Values:
        """The values of its users, and more."""
        given = self._past.cases()["default"]
        for layer in more:
            given = merge(given, layer)
        return given
