"""The alerts of the iamproxy chart: about metrics, labels and reasons that exist."""

import re

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from addons.iamproxy import __main__, names
from addons.iamproxy.store.vault import COMFORT, FLOOR
from tests.support.charts import CHARTS, Values, only, render, values

assert __main__, "imported for the metrics that it and all it imports declare"

MONITORED: Values = {
    "serviceMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "config": {"adminNetworks": ["10.0.0.0/16"]},
}
OF_THE_TARGET = {"namespace", "service", "pod"}


def alerts(**config: object) -> dict[str, str]:
    """The expression of every alert."""
    given = values(MONITORED, {"config": config}, chart="iamproxy")
    (group,) = only(render(given, CHARTS / "iamproxy"), "PrometheusRule")["spec"]["groups"]
    return {rule["alert"]: rule["expr"] for rule in group["rules"]}


def declared(name: str) -> MetricWrapperBase:
    """The metric of that name."""
    found = REGISTRY._names_to_collectors[name]
    assert isinstance(found, MetricWrapperBase)
    return found


def test_every_metric_is_exported_with_the_labels_that_are_asked_for() -> None:
    asked = {found for text in alerts().values() for found in re.findall(r"\b(addons_\w+)\{([^}]*)\}", text)}
    assert len({name for name, _ in asked}) == 7
    for name, selector in asked:
        labels = set(re.findall(r'(\w+)="', selector)) - OF_THE_TARGET
        assert labels <= set(declared(name)._labelnames), name


def test_every_reason_is_one_that_is_given() -> None:
    given = {value for name, value in vars(names).items() if name.isupper()}
    named = {reason for text in alerts().values() for reason in re.findall(r'reason="(\w+)"', text)}
    assert named == {names.CREDENTIALS_LATE, names.CREDENTIALS_DENIED, names.POLICY_UNREADABLE}
    assert named <= given


def test_every_alert_is_about_the_pods_of_the_release() -> None:
    for text in alerts().values():
        selectors = re.findall(r"\{([^}]*)\}", text)
        assert selectors
        assert all(each.startswith('namespace="kube-system",service="aws-iamproxy"') for each in selectors)


def test_credentials_that_end_are_told_after_what_is_usual_and_before_the_last_moment() -> None:
    (seconds,) = re.findall(r"time\(\) < (\d+)", alerts()["AddonsIamproxyCredentialsEnd"])
    assert FLOOR.total_seconds() < int(seconds) < COMFORT.total_seconds()


def test_a_redirect_that_is_another_s_is_not_watched() -> None:
    theirs = alerts(interceptor="none")
    assert alerts().keys() - theirs.keys() == {
        "AddonsIamproxyRedirectMissing",
        "AddonsIamproxyRedirectRemoved",
    }


@pytest.mark.parametrize("alert", alerts())
def test_every_alert_says_what_it_means_for_pods_or_where_to_look(alert: str) -> None:
    given = values(MONITORED, chart="iamproxy")
    (group,) = only(render(given, CHARTS / "iamproxy"), "PrometheusRule")["spec"]["groups"]
    (rule,) = [rule for rule in group["rules"] if rule["alert"] == alert]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= {
        "pod",
        "resource",
        "instance",
    }
