"""Which alerts the cni chart has, depending on its values."""

from tests.support.charts import CHARTS, Values, cases, only, render, values


def alerts(*more: Values) -> set[str]:
    """The names of the alerts."""
    given = values(cases("cni")["monitoring"], *more, chart="cni")
    (group,) = only(render(given, CHARTS / "cni"), "PrometheusRule")["spec"]["groups"]
    return {rule["alert"] for rule in group["rules"]}


def test_who_tells_the_scheduler_nothing_cannot_fail_to() -> None:
    silent: Values = {
        "webhook": {"enabled": False},
        "config": {"capacity": "none", "exhaustionTaint": False},
    }
    assert alerts() - alerts(silent) == {"AddonsCniCapacityNotTold"}
    tainting: Values = {"webhook": {"enabled": False}, "config": {"capacity": "none"}}
    assert alerts(tainting) == alerts()
