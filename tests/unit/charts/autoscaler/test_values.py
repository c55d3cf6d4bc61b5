"""What the autoscaler chart refuses in words, before the schema has its say."""

import pytest

from tests.support.charts import CHARTS, Values, helm, render, values

CHART = CHARTS / "autoscaler"
NONE: Values = {"config": {"nodeGroupAutoDiscovery": []}}


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"config": {"clusterName": ""}}, r"config\.clusterName is required"),
        (
            NONE,
            r"config\.nodeGroupAutoDiscovery or config\.nodes is required: .*/enabled,.*/example\"\] finds",
        ),
        ({"config": {"nodeGroupAutoDiscovery": ["tag=a"]}}, r'"tag=a" is not asg:tag=KEY\[=VALUE\]'),
        (
            {"config": {"nodes": ["web"]}},
            r'config\.nodes: "web" is not MIN:MAX:NAME of an auto scaling group',
        ),
        ({"config": {"nodes": ["5:1:web"]}}, r'config\.nodes: 5 is more than 1 in "5:1:web"'),
        ({"config": {"nodes": ["1:5:web", "0:9:web"]}}, r"config\.nodes: the group web is named twice"),
        ({"config": {"coresTotal": "8:4"}}, r"config\.coresTotal: 8 is more than 4"),
        ({"config": {"memoryTotal": "8:4"}}, r"config\.memoryTotal: 8 is more than 4"),
        ({"config": {"scanInterval": "soon"}}, r'config\.scanInterval: "soon" is not a duration'),
        ({"prometheusRule": {"enabled": True}}, r"serviceMonitor\.enabled is required"),
        ({"fullnameOverride": "cluster-autoscaler"}, "would have the Lease of the original"),
    ],
)
def test_what_cannot_work_is_refused_in_words(given: Values, complaint: str) -> None:
    with pytest.raises(helm.HelmRenderError, match=complaint):
        render(values(given, chart="autoscaler"), CHART)


def test_a_release_with_the_name_of_the_original_is_refused() -> None:
    with pytest.raises(helm.HelmRenderError, match="call it autoscaler, or set fullnameOverride"):
        render(values(chart="autoscaler"), CHART, name="cluster-autoscaler")
    assert render(
        values({"fullnameOverride": "autoscaler"}, chart="autoscaler"), CHART, name="cluster-autoscaler"
    )


def test_groups_by_name_need_no_tags() -> None:
    assert render(values(NONE, {"config": {"nodes": ["1:5:web"]}}, chart="autoscaler"), CHART)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"autoDiscovery": {"clusterName": "prod"}}, r"is config\.clusterName here"),
        ({"autoscalingGroups": [{"name": "web"}]}, r"is config\.nodes here, as MIN:MAX:NAME"),
        ({"awsRegion": "eu-west-1"}, r"config\.awsRegion"),
        ({"extraArgs": {"v": 4}}, "extraArgs is a list of flags here"),
        ({"replicaCount": 2}, "replicas"),
        ({"rbac": {"serviceAccount": {"name": "a"}}}, r"serviceAccount\.name"),
    ],
)
def test_the_original_s_values_are_told_where_they_are_here(given: Values, complaint: str) -> None:
    with pytest.raises(helm.HelmRenderError, match=complaint):
        render(values(given, chart="autoscaler"), CHART)
