"""The iamproxy chart: a pod on every node with one capability, and no right that it does not use."""

import copy
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from addons.iamproxy.config import ENV_PREFIXES, Config
from addons.runtime.settings import load, settings_of
from docs.generate_charts import ALSO_OWNED, CHART_OWNED, chart_settings
from tests.support.charts import (
    CHARTS,
    NEWEST,
    OLDEST,
    Object,
    Values,
    check_schema,
    helm,
    installed,
    only,
    render,
    render_files,
    values,
)

CHART = CHARTS / "iamproxy"
OWNED = (CHART_OWNED | ALSO_OWNED[Config]) & {setting.key for setting in settings_of(Config)}

EVERYTHING: Values = {
    "fullnameOverride": "names",
    "commonLabels": {"team": "security", "app.kubernetes.io/name": "other"},
    "image": {"digest": "sha256:" + "0" * 64, "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "port": 9000,
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/proxy"}},
    "cni": {"enabled": True},
    "podLabels": {"app.kubernetes.io/instance": "other", "color": "blue"},
    "podAnnotations": {"note": "yes", "checksum/config": "mine"},
    "affinity": {"nodeAffinity": {}},
    "extraArgs": ["--log-level=debug"],
    "extraEnv": [{"name": "AWS_REGION", "value": "eu-central-1"}],
    "extraEnvFrom": [{"secretRef": {"name": "more"}}],
    "extraVolumes": [{"name": "policy", "configMap": {"name": "policy"}}],
    "extraVolumeMounts": [{"name": "policy", "mountPath": "/etc/policy"}],
    "extraObjects": [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "more", "labels": {}}}],
    "config": {"policyFile": "/etc/policy/policy.yaml", "sessionTags": True},
}

MATRIX: dict[str, Values] = {
    "minimum": {},
    "everything": EVERYTHING,
    "no access of its own": {"rbac": {"create": False}, "serviceAccount": {"create": False, "name": "given"}},
    "monitoring": {
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
        "config": {"adminNetworks": ["10.0.0.0/16"]},
    },
    "web identity": {"config": {"credentialSource": "web-identity"}},
    "a base that is discovered": {"config": {"baseRoleArn": "", "autoDiscoverBaseArn": True}},
    "redirected by others": {"config": {"interceptor": "none"}},
    "no scheduling": {
        "priorityClassName": "",
        "nodeSelector": {"kubernetes.io/os": None},
        "tolerations": [],
    },
}

OPERATOR = ("PrometheusRule", "ServiceMonitor")
"""Kinds of the Prometheus operator, of which Kubernetes has no schema."""

every_case = pytest.mark.parametrize("case", MATRIX)


def given(*more: Values) -> Values:
    """Values for an install, and more."""
    return values(*more, chart="iamproxy")


def objects(*more: Values) -> list[Object]:
    """What an install makes."""
    return installed(render(given(*more), CHART))


def pod(*more: Values) -> Object:
    """The spec of the pod."""
    spec: Object = only(objects(*more), "DaemonSet")["spec"]["template"]["spec"]
    return spec


def container(*more: Values) -> Object:
    """Its one container; there is none before it either."""
    assert "initContainers" not in pod(*more)
    (found,) = pod(*more)["containers"]
    return dict(found)


@every_case
@pytest.mark.parametrize("minor", [OLDEST, NEWEST])
def test_every_object_is_known_to_the_oldest_and_the_newest_kubernetes(case: str, minor: str) -> None:
    found = [obj for obj in render(given(MATRIX[case]), CHART) if obj["kind"] not in OPERATOR]
    assert {"DaemonSet", "ConfigMap"} <= {obj["kind"] for obj in found}
    for obj in found:
        check_schema(obj, minor)


@every_case
def test_lint_has_nothing_to_say(case: str) -> None:
    report = helm.lint(CHART, given(MATRIX[case]), strict=True, kube_version=f"v{OLDEST}.0")
    assert (report["messages"], report["errors"]) == ([], [])


@every_case
def test_equal_values_render_equal_bytes(case: str) -> None:
    mine = given(MATRIX[case])
    assert render_files(mine, CHART) == render_files(copy.deepcopy(mine), CHART)


@every_case
def test_no_value_changes_the_selector(case: str) -> None:
    selector = {"app.kubernetes.io/name": "iamproxy", "app.kubernetes.io/instance": "aws"}
    spec = only(objects(MATRIX[case]), "DaemonSet")["spec"]
    assert spec["selector"]["matchLabels"] == selector
    assert selector.items() <= spec["template"]["metadata"]["labels"].items()


def test_it_is_privileged_only_when_asked_for() -> None:
    security = container({"privileged": True})["securityContext"]
    assert security == {"privileged": True, "readOnlyRootFilesystem": True}
    assert container()["securityContext"]["privileged"] is False


@every_case
def test_no_other_value_gives_more_than_one_capability(case: str) -> None:
    security = container(MATRIX[case])["securityContext"]
    assert security["privileged"] is False
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"]["drop"] == ["ALL"]
    assert set(security["capabilities"].get("add", ())) <= {"NET_ADMIN"}
    assert pod(MATRIX[case])["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostPID", "hostIPC"} & pod(MATRIX[case]).keys()


def test_the_redirect_needs_one_capability_which_only_root_gets() -> None:
    assert container()["securityContext"]["capabilities"]["add"] == ["NET_ADMIN"]
    assert pod()["securityContext"]["runAsUser"] == 0


def test_without_a_redirect_of_its_own_it_has_no_capability() -> None:
    found = container({"config": {"interceptor": "none"}})
    assert found["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_it_runs_in_the_network_of_every_node_and_finds_the_names_of_the_cluster() -> None:
    assert pod()["hostNetwork"] is True
    assert pod()["dnsPolicy"] == "ClusterFirstWithHostNet"
    assert pod()["tolerations"] == [{"operator": "Exists"}]
    assert pod()["priorityClassName"] == "system-node-critical"
    assert pod()["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert "affinity" not in pod()
    assert pod({"affinity": {"nodeAffinity": {}}})["affinity"] == {"nodeAffinity": {}}


def test_it_is_never_throttled_and_its_memory_is_bounded() -> None:
    resources = container()["resources"]
    assert resources["limits"] == {"memory": "160Mi"}
    assert resources["requests"]["memory"] == "80Mi"


def test_a_successor_serves_before_the_old_pod_goes() -> None:
    spec = only(objects(), "DaemonSet")["spec"]
    rolling = {"maxSurge": 1, "maxUnavailable": 0}
    assert spec["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": rolling}
    assert spec["minReadySeconds"] == 5, "the probes of both are answered by either"
    assert pod()["terminationGracePeriodSeconds"] == 30


@every_case
def test_no_port_is_claimed_that_a_pod_and_its_successor_share(case: str) -> None:
    assert "ports" not in container(MATRIX[case])


def test_it_is_probed_where_it_listens(tmp_path: Path) -> None:
    for more in ({}, {"port": 9000}):
        found = container(more)
        port = given(more).get("port", 8182)
        paths = {kind: found[kind]["httpGet"] for kind in ("startupProbe", "livenessProbe", "readinessProbe")}
        assert paths == {
            "startupProbe": {"path": "/healthz", "port": port},
            "livenessProbe": {"path": "/healthz", "port": port},
            "readinessProbe": {"path": "/readyz", "port": port},
        }
        assert load_rendered(tmp_path, more).listen == f":{port}"


def test_prometheus_finds_the_daemons_by_a_service_that_is_there_for_it_alone(tmp_path: Path) -> None:
    assert not [obj for obj in objects() if obj["kind"] == "Service"]
    found = objects(MATRIX["monitoring"])
    monitor, service = only(found, "ServiceMonitor"), only(found, "Service")
    labels = only(found, "DaemonSet")["spec"]["selector"]["matchLabels"]
    assert service["spec"]["selector"] == monitor["spec"]["selector"]["matchLabels"] == labels
    assert service["spec"]["ports"] == [{"name": "http", "port": 8182, "targetPort": 8182}]
    assert monitor["spec"]["endpoints"] == [{"port": "http", "path": "/metrics"}]
    assert load_rendered(tmp_path, MATRIX["monitoring"]).admin_networks == ("10.0.0.0/16",)


def test_it_is_told_the_name_of_its_node() -> None:
    (node, *_) = container()["env"]
    assert node == {
        "name": "ADDONS_IAMPROXY_NODE",
        "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}},
    }


def test_the_socket_of_the_cni_comes_from_the_node_when_asked_for() -> None:
    assert [volume["name"] for volume in pod()["volumes"]] == ["config", "tmp", "run"]
    more: Values = {"cni": {"enabled": True}, "config": {"cniSocket": "/run/other/cni.sock"}}
    volume = pod(more)["volumes"][-1]
    assert volume == {"name": "cni", "hostPath": {"path": "/run/other", "type": "DirectoryOrCreate"}}
    mount = container(more)["volumeMounts"][-1]
    assert mount == {"name": "cni", "mountPath": "/run/other", "readOnly": True}


def test_a_pod_and_its_successor_share_the_key_of_session_tokens() -> None:
    (volume,) = [each for each in pod()["volumes"] if each["name"] == "run"]
    (mount,) = [each for each in container()["volumeMounts"] if each["name"] == "run"]
    assert f"--token-key-file={mount['mountPath']}/token.key" in container()["args"]
    assert mount["mountPath"] == volume["hostPath"]["path"]
    assert "readOnly" not in mount


def test_every_mount_has_its_volume() -> None:
    mounts = [mount["name"] for mount in container(EVERYTHING)["volumeMounts"]]
    assert sorted(mounts) == sorted(volume["name"] for volume in pod(EVERYTHING)["volumes"])
    assert len(set(mounts)) == 5


def test_a_change_of_config_restarts_the_pods() -> None:
    def checksum(*more: Values) -> str:
        metadata = only(objects(*more), "DaemonSet")["spec"]["template"]["metadata"]
        return str(metadata["annotations"]["checksum/config"])

    assert re.fullmatch(r"[0-9a-f]{64}", checksum())
    assert checksum() != checksum({"config": {"stsRate": 5}})


def rules(*more: Values) -> dict[str, list[str]]:
    """The verbs of the one role, by resource."""
    found = only(objects(*more), "ClusterRole")["rules"]
    return {resource: rule["verbs"] for rule in found for resource in rule["resources"]}


def test_it_may_read_pods_and_namespaces_and_write_events() -> None:
    read = ["get", "list", "watch"]
    assert rules() == {"pods": read, "namespaces": read, "events": ["create", "patch"]}
    assert not [obj for obj in objects() if obj["kind"] == "Role"]


def test_only_web_identity_may_have_tokens_issued() -> None:
    found = rules({"config": {"credentialSource": "web-identity"}})
    assert {resource for resource in found if resource not in rules()} == {"serviceaccounts/token"}
    assert found["serviceaccounts/token"] == ["create"]


def test_the_role_is_bound_to_the_service_account_of_the_pod() -> None:
    found = objects()
    binding = only(found, "ClusterRoleBinding")
    account = only(found, "ServiceAccount")["metadata"]["name"]
    assert pod()["serviceAccountName"] == account
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": "kube-system"}]
    assert binding["roleRef"]["name"] == only(found, "ClusterRole")["metadata"]["name"]


def notes(*more: Values) -> str:
    """What Helm prints after an install."""
    return render_files(given(*more), CHART)["iamproxy/templates/NOTES.txt"]


def policy(*more: Values) -> dict[str, Any]:
    """The IAM policy in the notes."""
    text = notes(*more)
    found: dict[str, Any] = json.loads(text[text.index("\n  {\n") : text.rindex("\n  }\n") + 4])
    return found


def test_the_policy_is_the_file_of_the_chart_for_its_example() -> None:
    assert policy() == json.loads((CHART / "files/iam-policy.json").read_text())


@pytest.mark.parametrize(
    ("config", "actions", "resource"),
    [
        ({"baseRoleArn": "arn:aws:iam::1:role"}, ["sts:AssumeRole"], "arn:aws:iam::1:role/*"),
        ({"assumeRoleArn": "arn:aws:iam::1:role/a"}, ["sts:AssumeRole"], "arn:aws:iam::1:role/a"),
        (
            {"sessionTags": True},
            ["sts:AssumeRole", "sts:TagSession"],
            "arn:aws:iam::123456789012:role/pods/*",
        ),
    ],
)
def test_the_policy_permits_the_roles_below_a_path_and_never_all(
    config: Values, actions: list[str], resource: str
) -> None:
    (statement,) = policy({"config": config})["Statement"]
    assert (statement["Action"], statement["Resource"]) == (actions, [resource])


def test_web_identity_needs_no_policy() -> None:
    text = notes({"config": {"credentialSource": "web-identity"}})
    assert "No IAM policy is needed" in text
    assert "sts:" not in text


def test_the_notes_say_whose_role_the_policy_is_for() -> None:
    assert "The role arn:aws:iam::1:role/proxy needs this policy" in notes(EVERYTHING)
    assert "so the role of the node is used" in notes()


def load_rendered(folder: Path, *more: Values) -> Config:
    """What the daemon makes of the settings file in the rendered ConfigMap, and of its environment."""
    file = folder / "config.yaml"
    file.write_text(only(objects(*more), "ConfigMap")["data"]["config.yaml"])
    environment = {container(*more)["env"][0]["name"]: "one"}
    return load(Config, [f"--config={file}"], environment, env_prefixes=ENV_PREFIXES)


def test_the_chart_has_the_defaults_of_the_daemon(tmp_path: Path) -> None:
    assert load_rendered(tmp_path) == Config(
        config=str(tmp_path / "config.yaml"),
        node="one",
        base_role_arn="arn:aws:iam::123456789012:role/pods/",
    )


def test_the_chart_knows_every_setting_of_the_daemon_but_its_own() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]["config"]
    assert schema["properties"].keys() == {setting.key for setting in chart_settings(Config)}
    assert {setting.key for setting in settings_of(Config)} - schema["properties"].keys() == OWNED


def test_templates_read_only_settings_that_exist() -> None:
    templates = "".join(file.read_text() for file in (CHART / "templates").iterdir())
    read = set(re.findall(r"\.Values\.config\.(\w+)", templates))
    assert read <= yaml.safe_load((CHART / "values.yaml").read_text())["config"].keys()


@pytest.mark.parametrize("key", sorted(OWNED))
def test_what_the_chart_decides_cannot_be_set(key: str) -> None:
    with pytest.raises(helm.HelmValuesError, match=f"additional properties '{key}' not allowed"):
        objects({"config": {key: "x"}})


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"replicas": 2}, "additional properties 'replicas' not allowed"),
        ({"cni": {"socket": "x"}}, "at '/cni': additional properties 'socket' not allowed"),
        ({"config": {"baseRoleArn": ""}}, "at '/config/baseRoleArn': minLength"),
        ({"config": {"credentialSource": "pod"}}, "at '/config/credentialSource': value must be one of"),
        ({"config": {"stsRate": 0}}, "at '/config/stsRate'"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(more: Values, complaint: str) -> None:
    with pytest.raises(helm.HelmValuesError, match=re.escape(complaint)):
        objects(more)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"config": {"baseRoleArn": ""}}, r"config\.baseRoleArn is required, such as arn:aws:iam::"),
        (
            {"cni": {"enabled": True}, "config": {"cniSocket": ""}},
            r"config\.cniSocket is required when cni\.enabled is true",
        ),
        (
            {"prometheusRule": {"enabled": True}},
            r"serviceMonitor\.enabled is required when prometheusRule\.enabled is true",
        ),
        ({"serviceMonitor": {"enabled": True}}, r"config\.adminNetworks is required when serviceMonitor"),
    ],
)
def test_what_is_required_is_refused_in_words_where_helm_skips_the_schema(
    more: Values, complaint: str, tmp_path: Path
) -> None:
    bare = shutil.copytree(CHART, tmp_path / "bare", ignore=shutil.ignore_patterns("values.schema.json"))
    with pytest.raises(helm.HelmRenderError, match=complaint):
        render(given(more), Path(bare))
