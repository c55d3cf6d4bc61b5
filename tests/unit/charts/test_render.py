"""What every chart renders, whatever its values: valid, stable and deterministic."""

import copy
import re

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.support.charts import (
    APPLICATIONS,
    CHARTS,
    CUSTOM,
    EVERY_CASE,
    MINIMUM,
    MINORS,
    NAMED_BY_USERS,
    NEWEST,
    OLDEST,
    OPERATOR,
    Object,
    cases,
    check_schema,
    helm,
    installed,
    is_of_daemon,
    only,
    parse,
    render,
    render_files,
    values,
    workload,
)

every_case = pytest.mark.parametrize(("chart", "case"), EVERY_CASE)
every_chart = pytest.mark.parametrize("chart", APPLICATIONS)

WORD = r"kube-system|aws-[a-z]+"


def rendered(chart: str, case: str = "default", name: str = "aws") -> list[Object]:
    """The objects of a chart for values of its ci folder."""
    return render(cases(chart)[case], CHARTS / chart, name=name)


@every_case
@pytest.mark.parametrize("minor", MINORS)
def test_every_object_is_known_to_each_supported_minor_of_kubernetes(
    chart: str, case: str, minor: str
) -> None:
    objects = [obj for obj in rendered(chart, case) if obj["kind"] not in CUSTOM]
    assert {workload(objects)["kind"], "ConfigMap"} <= {obj["kind"] for obj in objects}
    for obj in objects:
        check_schema(obj, minor)


def test_an_unknown_field_would_be_found() -> None:
    deployment = only(render(MINIMUM), "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["imagePolicy"] = "Always"
    with pytest.raises(jsonschema.ValidationError, match="imagePolicy"):
        check_schema(deployment, NEWEST)


def test_a_key_that_stands_twice_would_be_found() -> None:
    with pytest.raises(ValueError, match="a stands twice"):
        list(parse("a: 1\na: 2"))


@every_case
def test_lint_has_nothing_to_say(chart: str, case: str) -> None:
    for minor in (OLDEST, NEWEST):
        report = helm.lint(CHARTS / chart, cases(chart)[case], strict=True, kube_version=f"v{minor}.0")
        assert (report["messages"], report["errors"]) == ([], [])


@every_case
def test_equal_values_render_equal_bytes(chart: str, case: str) -> None:
    given = cases(chart)[case]
    assert render_files(given, CHARTS / chart) == render_files(copy.deepcopy(given), CHARTS / chart)


TAKE_OVER = ("cni", "take-over")
"""The case in which the DaemonSet has the name and the selector of somebody else's, as its values say."""


@every_case
def test_no_value_changes_a_selector(chart: str, case: str) -> None:
    if (chart, case) == TAKE_OVER:
        return
    selector = {"app.kubernetes.io/name": chart, "app.kubernetes.io/instance": "aws"}
    objects = [obj for obj in rendered(chart, case) if is_of_daemon(obj)]
    found = [(obj["kind"], labels) for obj in objects for labels in selectors(obj)]
    assert workload(objects)["kind"] in dict(found)
    assert [labels for _, labels in found] == [selector] * len(found)
    assert selector.items() <= workload(objects)["spec"]["template"]["metadata"]["labels"].items()


def selectors(obj: Object) -> list[Object]:
    """The labels by which an object finds the pods."""
    spec = obj.get("spec", {})
    match obj["kind"]:
        case "Service":
            return [spec["selector"]]
        case "DaemonSet" | "Deployment" | "PodDisruptionBudget" | "ServiceMonitor":
            return [spec["selector"]["matchLabels"]]
        case "NetworkPolicy":
            return [spec["podSelector"]["matchLabels"]]
    return []


@every_case
def test_every_object_of_the_chart_says_whose_it_is(chart: str, case: str) -> None:
    for obj in render({**cases(chart)[case], "extraObjects": []}, CHARTS / chart):
        labels = obj["metadata"]["labels"]
        name = f"{chart}-test" if obj["kind"] == "Pod" else chart
        assert labels["app.kubernetes.io/name"] == name
        assert labels["app.kubernetes.io/component"] == chart
        assert labels["app.kubernetes.io/instance"] == "aws"
        assert labels["app.kubernetes.io/part-of"] == "aws-addons"


@every_case
def test_names_are_those_of_the_release(chart: str, case: str) -> None:
    given = {**cases(chart)[case], "extraObjects": [], "nameOverride": "", "fullnameOverride": ""}
    given.pop("takeOver", None)
    named = {
        obj["metadata"]["name"]
        for obj in render(given, CHARTS / chart, name="release")
        if obj["kind"] not in ("ServiceAccount", *NAMED_BY_USERS)
    }
    assert all(f"release-{chart}" in name for name in named), named


@every_chart
def test_two_releases_of_one_name_share_no_cluster_wide_object(chart: str) -> None:
    named = [
        obj["metadata"]["name"]
        for obj in rendered(chart)
        if "namespace" not in obj["metadata"] and obj["kind"] not in NAMED_BY_USERS
    ]
    assert f"kube-system:aws-{chart}" in named
    assert [
        name for name in named if not {"kube-system", f"aws-{chart}"} <= set(re.findall(WORD, name))
    ] == []


@every_chart
def test_releases_that_hold_the_name_of_the_chart_do_not_say_it_twice(chart: str) -> None:
    assert workload(rendered(chart, name=chart))["metadata"]["name"] == chart
    long = "x" * 53
    assert workload(rendered(chart, name=long))["metadata"]["name"] == f"{long}-{chart}"[:63]


@every_chart
def test_extra_objects_are_rendered_as_templates(chart: str) -> None:
    found = [obj["metadata"]["name"] for obj in rendered(chart, "full") if obj["kind"] == "Secret"]
    assert found == ["aws-more", "second"]


@every_case
def test_every_role_is_bound_to_the_service_account_of_the_pods(chart: str, case: str) -> None:
    objects = [obj for obj in installed(rendered(chart, case)) if is_of_daemon(obj)]
    account = workload(objects)["spec"]["template"]["spec"]["serviceAccountName"]
    subject = {"kind": "ServiceAccount", "name": account, "namespace": "kube-system"}
    bindings = [obj for obj in objects if obj["kind"] in ("RoleBinding", "ClusterRoleBinding")]
    assert [binding["subjects"] for binding in bindings] == [[subject]] * len(bindings)
    assert {
        (binding["roleRef"]["kind"], binding["metadata"].get("namespace"), binding["roleRef"]["name"])
        for binding in bindings
    } == {
        (obj["kind"], obj["metadata"].get("namespace"), obj["metadata"]["name"])
        for obj in objects
        if obj["kind"].endswith("Role")
    }
    made = [obj["metadata"]["name"] for obj in objects if obj["kind"] == "ServiceAccount"]
    assert made == ([account] if cases(chart)[case].get("serviceAccount", {}).get("create", True) else [])


@every_chart
def test_access_of_ones_own_replaces_the_chart_s(chart: str) -> None:
    objects = installed(rendered(chart, "given-access"))
    assert not [obj for obj in objects if "Role" in obj["kind"] or obj["kind"] == "ServiceAccount"]
    assert workload(objects)["spec"]["template"]["spec"]["serviceAccountName"] == "given"


@every_chart
def test_the_service_monitor_scrapes_the_service_of_the_chart(chart: str) -> None:
    objects = rendered(chart, "monitoring")
    monitor, service = only(objects, "ServiceMonitor"), only(objects, "Service")
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": [service["metadata"]["namespace"]]}
    assert monitor["spec"]["endpoints"] == [{"port": service["spec"]["ports"][0]["name"], "path": "/metrics"}]
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


@every_chart
def test_an_override_of_the_name_is_the_name(chart: str) -> None:
    objects = render(values({"fullnameOverride": "names"}, chart=chart), CHARTS / chart)
    assert workload(objects)["metadata"]["name"] == "names"


@every_chart
def test_another_name_of_the_chart_is_in_the_names_and_in_no_selector(chart: str) -> None:
    objects = render(values({"nameOverride": "names"}, chart=chart), CHARTS / chart)
    found = workload(objects)
    assert found["metadata"]["name"] == "aws-names"
    assert found["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] == chart


@every_chart
@pytest.mark.parametrize("kind", OPERATOR)
def test_what_prometheus_reads_may_stand_in_a_namespace_of_its_own(chart: str, kind: str) -> None:
    metadata = only(rendered(chart, "full"), kind)["metadata"]
    assert metadata["namespace"] == "monitoring"
    assert metadata["annotations"] == {"note": "yes"}
    monitor = only(rendered(chart, "full"), "ServiceMonitor")["spec"]
    assert monitor["namespaceSelector"] == {"matchNames": ["kube-system"]}
    assert monitor["endpoints"][0]["scrapeTimeout"] == "5s"
    assert only(rendered(chart, "monitoring"), kind)["metadata"]["namespace"] == "kube-system"
