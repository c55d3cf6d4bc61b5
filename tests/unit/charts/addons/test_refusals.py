"""What the umbrella refuses, and in which words."""

import re
from typing import Any

import pytest

from tests.support.charts import APPLICATIONS, Values, cases, helm, merge
from tests.support.umbrella import all_five, chosen, render
from tests.unit.charts.test_values import ELSEWHERE


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (
            {},
            "nothing is chosen: set one or more of albingress.enabled, autoscaler.enabled, cni.enabled, dns",
        ),
        ({"dns": {"enabled": False}}, "nothing is chosen: "),
        ({"dsn": {"enabled": True}}, "dsn is no value of this chart: dns is what was meant?"),
        ({"iamProxy": {}}, "iamProxy is no value of this chart: iamproxy is what was meant?"),
        ({"globals": {}}, "globals is no value of this chart: global is what was meant?"),
        (
            {"replicas": 2},
            "replicas is no value of this chart: values of an add-on stand below its name, such",
        ),
        ({"image": {"tag": "x"}}, "image stands below global here (global.image), or below the name of one"),
        ({"external-dns": {}}, "external-dns is dns here, and its values are others"),
        ({"cluster-autoscaler": {}}, "cluster-autoscaler is autoscaler here"),
        ({"kiam": {}}, "kiam is iamproxy here"),
        ({"aws-load-balancer-controller": {}}, "aws-load-balancer-controller is albingress here"),
        ({"aws-vpc-cni": {}}, "aws-vpc-cni is cni here"),
        (
            {"global": {"clustername": "x"}},
            "global.clustername is no value of this chart: global.clusterName",
        ),
        (
            {"global": {"image": {"tags": "x"}}},
            "global.image.tags is no value of this chart: global.image.tag",
        ),
        ({"global": {"image": {"whole": "x"}}}, "value of this chart: there are digest, repository, tag"),
        ({"global": {"monitoring": {"enable": True}}}, "global.monitoring.enabled is what was meant?"),
    ],
)
def test_what_is_not_known_is_refused_with_what_was_meant(given: Values, complaint: str) -> None:
    with pytest.raises(helm.HelmRenderError, match=re.escape(complaint)):
        render(given)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"dns": {"enabled": "yes"}}, "at '/dns/enabled': got string, want boolean"),
        ({"global": {"clusterName": 1}}, "at '/global/clusterName': got number, want string"),
    ],
)
def test_a_value_of_another_type_is_refused_by_its_place(given: Values, complaint: str) -> None:
    with pytest.raises(helm.HelmValuesError, match=re.escape(complaint)):
        render(given)


@pytest.mark.parametrize("chart", APPLICATIONS)
def test_a_slip_below_an_add_on_is_refused_by_its_schema(chart: str) -> None:
    with pytest.raises(helm.HelmValuesError, match="additional properties 'confg' not allowed") as told:
        render(all_five({chart: {"confg": {}}}))
    assert chart in str(told.value)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"region": "eu west"}, 'global.region: "eu west" is not'),
        ({"awsEndpointUrl": "aws"}, 'global.awsEndpointUrl: "aws" is not'),
        ({"image": {"digest": "latest"}}, 'global.image.digest: "latest" is not a digest'),
    ],
)
def test_what_is_shared_must_have_its_form(more: Values, complaint: str) -> None:
    with pytest.raises(helm.HelmRenderError, match=re.escape(complaint)):
        render(all_five({"global": more}))


@pytest.mark.parametrize(("chart", "key", "here"), ELSEWHERE[::8])
def test_a_value_of_an_original_is_refused_below_the_name_of_its_add_on(
    chart: str, key: str, here: str
) -> None:
    given: Any = "x"
    for step in reversed(key.split(".")):
        given = {step: given}
    with pytest.raises(helm.HelmRenderError, match=re.escape(f"below {chart}: {key} {here}")):
        render(merge(chosen(chart), {chart: given}))


def test_a_name_that_two_add_ons_would_share_is_refused() -> None:
    with pytest.raises(
        helm.HelmRenderError, match=r"objects of cni and dns would both be called cni-dns: call"
    ):
        render(all_five(), name="cni-dns")
    named = {"fullnameOverride": "names"}
    assert render(all_five({"dns": named}), name="cni-dns")


@pytest.mark.parametrize(("port", "other"), [(8181, "config.appPort"), (8182, "port")])
def test_a_port_of_the_node_that_two_would_share_is_refused(port: int, other: str) -> None:
    with pytest.raises(helm.HelmRenderError, match=rf"cni.port and iamproxy.{other} are both {port}: "):
        render(all_five({"cni": {"port": port}}))
    assert render(chosen("cni"))


def test_what_a_chart_asks_for_is_asked_for_here_as_well() -> None:
    for chart in APPLICATIONS:
        given = {chart: {"enabled": True, "image": cases(chart)["default"]["image"]}}
        with pytest.raises(helm.HelmRenderError, match=rf"addons/charts/{chart}/.*config\.\w+.* is required"):
            render(given)
