"""Which alerts the dns chart has, depending on its values."""

from tests.support.charts import Values, cases, only, render, values


def alerts(*more: Values) -> set[str]:
    """The names of its alerts."""
    (group,) = only(render(values(cases("dns")["monitoring"], *more)), "PrometheusRule")["spec"]["groups"]
    return {rule["alert"] for rule in group["rules"]}


def test_a_dry_run_has_no_leader_to_miss() -> None:
    assert alerts() - alerts({"config": {"dryRun": True}}) == {"AddonsDnsNoLeader"}
