"""The pod of the dns chart: it needs nothing of its node, and is asked for what the daemon answers."""

import re

import pytest

from tests.support.charts import MINIMUM, Object, Values, helm, only, render, values


def pod(*more: Values) -> Object:
    """The spec of the pod."""
    spec: Object = only(render(values(*more)), "Deployment")["spec"]["template"]["spec"]
    return spec


def container(*more: Values) -> Object:
    """Its one container."""
    (found,) = pod(*more)["containers"]
    return dict(found)


def test_it_meets_the_restricted_pod_security_standard() -> None:
    security = container()["securityContext"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["readOnlyRootFilesystem"] is True
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert pod()["securityContext"]["runAsUser"] == 65532
    assert pod()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod().keys()


def test_it_asks_for_processor_time_and_is_never_throttled() -> None:
    resources = container()["resources"]
    assert resources["requests"].keys() == {"cpu", "memory"}
    assert resources["limits"].keys() == {"memory"}


def test_it_is_important_and_its_replicas_keep_apart() -> None:
    (term,) = pod()["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    labels = only(render(MINIMUM), "Deployment")["spec"]["selector"]
    assert term["podAffinityTerm"] == {"topologyKey": "kubernetes.io/hostname", "labelSelector": labels}
    assert pod()["priorityClassName"] == "system-cluster-critical"


def test_an_affinity_replaces_the_default() -> None:
    mine: Values = {"nodeAffinity": {}}
    assert pod({"affinity": mine})["affinity"] == mine


def test_a_slow_start_has_two_minutes_before_it_counts_as_a_hang() -> None:
    probe = container()["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 120


def test_the_port_is_the_one_it_is_told_to_listen_at() -> None:
    objects = render(values({"port": 9000}))
    assert "listen: :9000" in only(objects, "ConfigMap")["data"]["config.yaml"]
    assert container({"port": 9000})["ports"] == [{"name": "http", "containerPort": 9000}]
    assert only(objects, "Service")["spec"]["ports"][0]["port"] == 9000


def test_it_has_longer_to_stop_than_it_needs() -> None:
    assert pod()["terminationGracePeriodSeconds"] > 20


def test_no_service_of_its_namespace_can_set_its_environment() -> None:
    assert pod()["enableServiceLinks"] is False


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ({}, "r/addons:0.1.0"),
        ({"tag": "v2"}, "r/addons:v2"),
        ({"tag": "v2", "digest": "sha256:" + "a" * 64}, "r/addons@sha256:" + "a" * 64),
    ],
)
def test_a_digest_wins_over_a_tag_and_a_tag_over_the_version_of_the_chart(
    image: Values, reference: str
) -> None:
    assert container({"image": {"repository": "r/addons", **image}})["image"] == reference


def test_an_umbrella_may_name_the_image_for_all() -> None:
    given = {"image": {"repository": ""}, "global": {"image": {"repository": "shared/addons", "tag": "v3"}}}
    assert container(given)["image"] == "shared/addons:v3"


def test_without_an_image_it_is_refused_in_words() -> None:
    with pytest.raises(helm.HelmRenderError, match=r"image\.repository is required: registry and name"):
        render(values({"image": {"repository": ""}}))


def test_a_change_of_config_restarts_the_pods_and_the_version_of_the_chart_does_not() -> None:
    def template(*more: Values) -> Object:
        found: Object = only(render(values(*more)), "Deployment")["spec"]["template"]["metadata"]
        return found

    before, after = template(), template({"config": {"policy": "sync"}})
    assert re.fullmatch(r"[0-9a-f]{64}", before["annotations"]["checksum/config"])
    assert before["annotations"] != after["annotations"]
    assert before["labels"].keys().isdisjoint({"helm.sh/chart", "app.kubernetes.io/version"})


def test_every_mount_has_its_volume() -> None:
    more = {
        "extraVolumes": [{"name": "ca", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca"}],
    }
    mounts = [mount["name"] for mount in container(more)["volumeMounts"]]
    assert sorted(mounts) == sorted(volume["name"] for volume in pod(more)["volumes"])
    assert len(set(mounts)) == 3


def test_the_escape_hatches_reach_the_container() -> None:
    more = {
        "extraArgs": ["--log-level=debug"],
        "extraEnv": [{"name": "A", "value": "b"}],
        "extraEnvFrom": [{"secretRef": {"name": "c"}}],
    }
    found = container(more)
    assert found["args"][-1] == "--log-level=debug"
    assert (found["env"], found["envFrom"]) == (more["extraEnv"], more["extraEnvFrom"])
