"""The alerts of every chart: about metrics, labels and reasons that exist, of the pods of the release."""

import re

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from addons.registry import module_of
from tests.support.charts import APPLICATIONS, CHARTS, ROOT, Object, cases, render
from tests.support.prometheus import rules_of

every_chart = pytest.mark.parametrize("chart", APPLICATIONS)

OF_THE_TARGET = {"namespace", "service", "pod", "instance"}


def alerts(chart: str) -> dict[str, Object]:
    """The rules of a chart by their names, whatever values they need."""
    return {rule["alert"]: rule for rule in rules_of(chart)["groups"][0]["rules"]}


def declared(name: str) -> MetricWrapperBase:
    """The metric of that name."""
    found = REGISTRY._names_to_collectors[name]
    assert isinstance(found, MetricWrapperBase)
    return found


@every_chart
def test_every_metric_is_exported_with_the_labels_that_are_asked_for(chart: str) -> None:
    assert module_of(chart, "__main__"), "imported for the metrics that it and all it imports declare"
    texts = [rule["expr"] for rule in alerts(chart).values()]
    asked = {found for text in texts for found in re.findall(r"\b(addons_\w+)\{([^}]*)\}", text)}
    assert asked
    for name, selector in asked:
        labels = set(re.findall(r'(\w+)="', selector)) - OF_THE_TARGET
        assert labels <= set(declared(name)._labelnames), name


@every_chart
def test_every_reason_is_one_that_is_given(chart: str) -> None:
    given = {value for name, value in vars(module_of(chart, "names")).items() if name.isupper()}
    texts = [rule["expr"] for rule in alerts(chart).values()]
    named = {reason for text in texts for reason in re.findall(r'reason="(\w+)"', text)}
    assert named
    assert named <= given


@every_chart
def test_every_alert_is_about_the_pods_of_the_release(chart: str) -> None:
    for rule in alerts(chart).values():
        selectors = re.findall(r"\{([^}]*)\}", rule["expr"])
        assert selectors
        ours = f'namespace="kube-system",service="aws-{chart}"'
        assert all(selector.startswith(ours) for selector in selectors), rule["expr"]


@every_chart
def test_every_alert_says_how_severe_it_is_what_it_means_and_where_it_is_explained(chart: str) -> None:
    for name, rule in alerts(chart).items():
        assert name.startswith(f"Addons{chart.capitalize()}")
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["runbook"] == f"docs/troubleshooting.md, {name}"
        used = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        kept = re.findall(r" by \(([\w, ]+)\)", rule["expr"])
        given = {"pod", "instance", "resource", "zone", "name", "about", "subnet"}
        assert used <= ({label for each in kept for label in each.split(", ")} if kept else given)


@every_chart
def test_every_alert_is_explained_once_and_no_other(chart: str) -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    _, _, rest = page.partition(f"\n## Alerts of {chart}\n")
    explained = re.findall(r"^\| `(\w+)` \|", rest.partition("\n## ")[0], re.MULTILINE)
    assert sorted(explained) == sorted(alerts(chart))


@every_chart
def test_alerts_are_made_only_when_asked_for(chart: str) -> None:
    objects = render(cases(chart)["default"], CHARTS / chart)
    assert not [obj for obj in objects if obj["kind"] in ("PrometheusRule", "ServiceMonitor")]
