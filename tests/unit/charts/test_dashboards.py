"""The Grafana dashboards of every chart: about metrics and labels that exist, of the pods of one release."""

import json
import re
from typing import Any

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics import Histogram, MetricWrapperBase

from addons.registry import module_of
from docs.dashboard_panels import RELEASE
from docs.generate_dashboards import texts
from tests.support.charts import APPLICATIONS, CHARTS, Object, cases, render

every_chart = pytest.mark.parametrize("chart", APPLICATIONS)

OF_THE_TARGET = {"cluster", "namespace", "service", "pod"}
METRIC = r"\b((?:addons|awscni|cluster_autoscaler|external_dns)_\w+)\{([^}]*)\}"


def made(chart: str, case: str) -> list[Object]:
    """The ConfigMaps with dashboards that a chart makes."""
    objects = render(cases(chart)[case], CHARTS / chart)
    return [obj for obj in objects if obj["metadata"]["name"].endswith("-dashboards")]


def dashboard(chart: str) -> dict[str, Any]:
    """The dashboard of a chart, as Grafana gets it."""
    (found,) = made(chart, "monitoring")
    (text,) = found["data"].values()
    read: dict[str, Any] = json.loads(text)
    return read


def queries(chart: str) -> list[dict[str, str]]:
    return [target for panel in dashboard(chart)["panels"] for target in panel.get("targets", ())]


def labels_of(chart: str, name: str) -> set[str]:
    """The labels of a metric that the code of a daemon declares, by the name of one of its series."""
    assert module_of(chart, "__main__"), "imported for the metrics that it and all it imports declare"
    found = REGISTRY._names_to_collectors[name]
    assert isinstance(found, MetricWrapperBase)
    more = {"le"} if isinstance(found, Histogram) and name.endswith("_bucket") else set()
    return {*found._labelnames, *more}


@every_chart
def test_the_files_are_as_their_source_says(chart: str) -> None:
    path = CHARTS / chart / "dashboards" / f"aws-{chart}.json"
    assert path.read_text() == texts()[path]


@every_chart
def test_every_metric_is_exported_with_the_labels_that_are_asked_for_and_shown(chart: str) -> None:
    assert len(queries(chart)) > 10
    for query in queries(chart):
        found = re.findall(METRIC, query["expr"])
        assert found, query
        selected = {label for _, selector in found for label in re.findall(r"(\w+)[=!]", selector)}
        kept = {
            label for each in re.findall(r"by \(([\w, ]+)\)", query["expr"]) for label in each.split(", ")
        }
        known = set.intersection(*(labels_of(chart, name) for name, _ in found)) | OF_THE_TARGET
        assert selected | kept <= known, query
        assert set(re.findall(r"\{\{(\w+)\}\}", query["legendFormat"])) <= kept, query


@every_chart
def test_every_query_is_about_one_release(chart: str) -> None:
    for query in queries(chart):
        assert all(selector.startswith(RELEASE) for _, selector in re.findall(METRIC, query["expr"]))


@every_chart
def test_every_panel_is_a_question_with_what_the_answer_means(chart: str) -> None:
    panels = [panel for panel in dashboard(chart)["panels"] if panel["type"] != "row"]
    assert all(panel["title"].endswith("?") and panel["description"].endswith(".") for panel in panels)
    assert len({panel["title"] for panel in panels}) == len(panels)


@every_chart
def test_no_panel_covers_another_or_leaves_the_screen(chart: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard(chart)["panels"]:
        at = panel["gridPos"]
        squares = {
            (x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not taken & squares, panel["title"]
        taken |= squares


@every_chart
def test_every_variable_of_a_query_is_there_to_choose(chart: str) -> None:
    read = dashboard(chart)
    names = {variable["name"] for variable in read["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps([read["panels"], read["templating"]]))) <= {
        *names,
        "__all",
    }
    for variable in read["templating"]["list"][1:]:
        assert re.match(r"label_values\((\w+)", variable["query"]["query"])
        assert labels_of(chart, re.findall(r"\((\w+)", variable["query"]["query"])[0]) is not None


@every_chart
def test_grafana_finds_it_by_its_label_where_it_is_asked_for_alone(chart: str) -> None:
    (plain,), (full,) = made(chart, "monitoring"), made(chart, "full")
    assert plain["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert full["metadata"]["namespace"] == "monitoring"
    assert {"grafana_dashboard": "1", "release": "prometheus"}.items() <= full["metadata"]["labels"].items()
    assert full["metadata"]["annotations"] == {"grafana_folder": "AWS add-ons"}
    assert made(chart, "default") == []
