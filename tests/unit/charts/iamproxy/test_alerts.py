"""Which alerts the iamproxy chart has, depending on its values."""

import re

from addons.iamproxy.cache.credentials import COMFORT, FLOOR
from tests.support.charts import CHARTS, Values, cases, only, render, values


def alerts(*more: Values) -> dict[str, str]:
    """The expression of every alert."""
    given = values(cases("iamproxy")["monitoring"], {"privileged": False}, *more, chart="iamproxy")
    (group,) = only(render(given, CHARTS / "iamproxy"), "PrometheusRule")["spec"]["groups"]
    return {rule["alert"]: rule["expr"] for rule in group["rules"]}


def test_credentials_that_expire_are_told_after_what_is_usual_and_before_the_last_moment() -> None:
    (seconds,) = re.findall(r"time\(\) < (\d+)", alerts()["AddonsIamproxyCredentialsExpiring"])
    assert FLOOR.total_seconds() < int(seconds) < COMFORT.total_seconds()


def test_a_redirect_that_is_another_s_is_not_watched() -> None:
    theirs = alerts({"config": {"interceptor": "none"}, "privileged": True})
    assert alerts().keys() - theirs.keys() == {
        "AddonsIamproxyRedirectMissing",
        "AddonsIamproxyRedirectChanged",
    }
    assert "AddonsIamproxyPodsUncovered" not in theirs


def test_pods_of_the_node_s_network_are_watched_where_they_can_be_covered() -> None:
    assert alerts({"privileged": True}).keys() - alerts().keys() == {"AddonsIamproxyPodsUncovered"}
