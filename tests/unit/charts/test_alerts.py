"""The alerts of the dns chart: about metrics and reasons that exist."""

import re

from prometheus_client import REGISTRY

from addons.dns import __main__, names
from tests.support.charts import Values, only, render, values

assert __main__, "imported for the metrics that it and all it imports declare"


def expressions(**config: object) -> dict[str, str]:
    """The expression of every alert."""
    given: Values = {"prometheusRule": {"enabled": True}, "config": config}
    (group,) = only(render(values(given)), "PrometheusRule")["spec"]["groups"]
    return {rule["alert"]: rule["expr"] for rule in group["rules"]}


def test_every_metric_is_exported() -> None:
    exported = {sample for metric in REGISTRY.collect() for sample in (metric.name, f"{metric.name}_total")}
    named = {name for text in expressions().values() for name in re.findall(r"\baddons_\w+", text)}
    assert len(named) >= 4
    assert named <= exported


def test_every_reason_is_one_that_is_given() -> None:
    given = {value for name, value in vars(names).items() if name.isupper()}
    named = {reason for text in expressions().values() for reason in re.findall(r'reason="(\w+)"', text)}
    assert named == {"RecordError", "DeleteBudget"}
    assert named <= given


def test_every_alert_is_about_the_pods_of_the_release() -> None:
    for text in expressions().values():
        selectors = re.findall(r"\{([^}]*)\}", text)
        assert selectors
        assert all(
            selector.startswith('namespace="kube-system",service="aws-dns"') for selector in selectors
        ), text


def test_a_dry_run_has_no_leader_to_miss() -> None:
    assert expressions().keys() - expressions(dryRun=True).keys() == {"AddonsDnsNobodyActs"}
