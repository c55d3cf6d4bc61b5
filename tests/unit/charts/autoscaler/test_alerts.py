"""Which alerts the autoscaler chart has, depending on its values."""

from tests.support.charts import CHARTS, Values, cases, only, render, values


def alerts(*more: Values) -> set[str]:
    """The names of its alerts."""
    given = values(cases("autoscaler")["monitoring"], *more, chart="autoscaler")
    (group,) = only(render(given, CHARTS / "autoscaler"), "PrometheusRule")["spec"]["groups"]
    return {rule["alert"] for rule in group["rules"]}


def test_a_dry_run_has_no_leader_to_miss() -> None:
    assert alerts() - alerts({"config": {"dryRun": True}}) == {"AddonsAutoscalerNoLeader"}
