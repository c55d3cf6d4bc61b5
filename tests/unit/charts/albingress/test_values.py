"""What the albingress chart refuses in words, before the schema has its say."""

import pytest

from tests.support.charts import CHARTS, Values, helm, only, render, values

CHART = CHARTS / "albingress"


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"config": {"clusterName": ""}}, r"config\.clusterName is required"),
        ({"config": {"clusterName": "a b"}}, r'config\.clusterName: "a b" is not the name of the cluster'),
        ({"config": {"drain": "soon"}}, r'config\.drain: "soon" is not a duration'),
        ({"config": {"awsVpcId": "10.0.0.0/8"}}, r"config\.awsVpcId: .* is not the id of a VPC"),
        ({"ingressClass": "alb"}, r"ingressClass is a map here: {name: alb}"),
        (
            {"ingressClass": {"create": False, "params": {"scheme": "internal"}}},
            r"needs ingressClass\.create",
        ),
        ({"secrets": {"all": True, "names": {"a": ["b"]}}}, r"secrets\.names and secrets\.all exclude"),
        ({"prometheusRule": {"enabled": True}}, r"serviceMonitor\.enabled is required"),
        (
            {"config": {"backendSecurityGroup": "sg-1", "enableBackendSecurityGroup": False}},
            r"config\.backendSecurityGroup needs config\.enableBackendSecurityGroup",
        ),
    ],
)
def test_what_cannot_work_is_refused_in_words(given: Values, complaint: str) -> None:
    with pytest.raises(helm.HelmRenderError, match=complaint):
        render(values(given, chart="albingress"), CHART)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"clusterName": "prod"}, r"config\.clusterName"),
        ({"vpcId": "vpc-1"}, r"config\.awsVpcId"),
        ({"region": "eu-west-1"}, r"config\.awsRegion"),
        ({"defaultTags": {"a": "b"}}, r"config\.defaultTags"),
        ({"replicaCount": 2}, "replicas"),
    ],
)
def test_the_original_s_values_are_told_where_they_are_here(given: Values, complaint: str) -> None:
    with pytest.raises(helm.HelmRenderError, match=complaint):
        render(values(given, chart="albingress"), CHART)


def test_the_class_has_the_parameters_that_are_given_and_is_the_default_where_that_is_said() -> None:
    plain = render(values(chart="albingress"), CHART)
    assert only(plain, "IngressClass")["spec"] == {"controller": "ingress.k8s.aws/alb"}
    given = {"ingressClass": {"name": "web", "isDefault": True, "params": {"scheme": "internal"}}}
    objects = render(values(given, chart="albingress"), CHART)
    found, params = only(objects, "IngressClass"), only(objects, "IngressClassParams")
    assert found["metadata"]["annotations"]["ingressclass.kubernetes.io/is-default-class"] == "true"
    assert found["spec"]["parameters"]["name"] == params["metadata"]["name"] == "web"
    assert params["spec"] == {"scheme": "internal"}
    assert not [
        obj
        for obj in render(values({"ingressClass": {"create": False}}, chart="albingress"), CHART)
        if obj["kind"].startswith("IngressClass")
    ]


def test_definitions_come_with_the_chart_and_stay_when_it_goes() -> None:
    names = sorted(path.name for path in (CHART / "crds").iterdir())
    assert names == ["ingressclassparams.yaml", "targetgroupbinding.yaml"]
    kinds = {obj["kind"] for obj in render(values(chart="albingress"), CHART)}
    assert "CustomResourceDefinition" not in kinds
