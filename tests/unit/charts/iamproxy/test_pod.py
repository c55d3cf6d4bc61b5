"""The iamproxy chart: a pod on every node with one capability, and no right that it does not use."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.charts import (
    CHARTS,
    Object,
    Values,
    cases,
    container_of,
    helm,
    installed,
    loaded,
    only,
    pod_of,
    render,
    render_files,
    values,
)

CHART = CHARTS / "iamproxy"
CASES = cases("iamproxy")

every_case = pytest.mark.parametrize("case", CASES)
unprivileged_case = pytest.mark.parametrize(
    "case", [case for case, given in CASES.items() if not given.get("privileged")]
)


def given(*more: Values) -> Values:
    """Values for an install, and more."""
    return values(*more, chart="iamproxy")


def objects(*more: Values) -> list[Object]:
    """What an install makes."""
    return installed(render(given(*more), CHART))


def pod(*more: Values) -> Object:
    """The spec of the pod."""
    return pod_of(objects(*more))


def container(*more: Values) -> Object:
    """The daemon's container; but for those of the user there is no other, nor one before it."""
    spec, said = pod(*more), given(*more)
    assert spec["containers"][1:] == said.get("extraContainers", [])
    assert spec.get("initContainers", []) == said.get("initContainers", [])
    return container_of(objects(*more))


def test_it_is_privileged_only_when_asked_for() -> None:
    security = container({"privileged": True})["securityContext"]
    assert security == {"privileged": True, "readOnlyRootFilesystem": True}
    assert container()["securityContext"]["privileged"] is False


@unprivileged_case
def test_no_other_value_gives_more_than_one_capability(case: str) -> None:
    security = container(CASES[case])["securityContext"]
    assert security["privileged"] is False
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"]["drop"] == ["ALL"]
    assert set(security["capabilities"].get("add", ())) <= {"NET_ADMIN"}
    assert pod(CASES[case])["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostPID", "hostIPC"} & pod(CASES[case]).keys()


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


def test_its_memory_is_bounded() -> None:
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
    assert "ports" not in container(CASES[case])


def test_prometheus_finds_the_daemons_by_a_service_that_is_there_for_it_alone(tmp_path: Path) -> None:
    assert not [obj for obj in objects() if obj["kind"] == "Service"]
    found = objects(CASES["monitoring"])
    monitor, service = only(found, "ServiceMonitor"), only(found, "Service")
    labels = only(found, "DaemonSet")["spec"]["selector"]["matchLabels"]
    assert service["spec"]["selector"] == monitor["spec"]["selector"]["matchLabels"] == labels
    assert service["spec"]["ports"] == [{"name": "http", "port": 8182, "targetPort": 8182}]
    assert monitor["spec"]["endpoints"] == [{"port": "http", "path": "/metrics"}]
    assert loaded(found, tmp_path).admin_networks == ("10.0.0.0/16",)


def test_it_is_told_the_name_of_its_node(tmp_path: Path) -> None:
    (node, *_) = container()["env"]
    assert node == {
        "name": "ADDONS_IAMPROXY_NODE",
        "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}},
    }
    assert loaded(objects(), tmp_path).node == "of the pod"


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
        (
            {"baseRoleArn": "arn:aws:iam::123456789012:role"},
            ["sts:AssumeRole"],
            "arn:aws:iam::123456789012:role/*",
        ),
        (
            {"assumeRoleArn": "arn:aws:iam::123456789012:role/a"},
            ["sts:AssumeRole"],
            "arn:aws:iam::123456789012:role/a",
        ),
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
    assert "The role arn:aws:iam::123456789012:role/proxy needs this policy" in notes(CASES["full"])
    assert "so the role of the node is used" in notes()


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"replicas": 2}, "additional properties 'replicas' not allowed"),
        ({"cni": {"socket": "x"}}, "at '/cni': additional properties 'socket' not allowed"),
        ({"config": {"credentialSource": "pod"}}, "at '/config/credentialSource': value must be one of"),
        ({"config": {"stsRate": 0}}, "at '/config/stsRate'"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(more: Values, complaint: str) -> None:
    with pytest.raises(helm.HelmValuesError, match=re.escape(complaint)):
        objects(more)


REFUSED_IN_WORDS: list[tuple[Values, str]] = [
    (
        {"config": {"baseRoleArn": "web"}},
        r'config\.baseRoleArn: "web" is not the beginning of the ARNs of roles, such as arn:aws:iam::',
    ),
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
    ({"port": 8181}, r"port and config\.appPort are both 8181: pods and the status page need"),
    ({"config": {"appPort": 8182}}, r"port and config\.appPort are both 8182"),
    ({"port": 9000, "config": {"appPort": 9000}}, r"port and config\.appPort are both 9000"),
    ({"config": {"iamRoleSessionTtl": "4m59s"}}, r"config\.iamRoleSessionTtl 4m59s: not between 5m and 6h"),
    ({"config": {"iamRoleSessionTtl": "6h1s"}}, r"config\.iamRoleSessionTtl 6h1s: not between 5m and 6h"),
    (
        {"config": {"adminNetworks": ["10.0.0.1/16"]}},
        r"config\.adminNetworks 10\.0\.0\.1/16: bits are set behind",
    ),
    (
        {"config": {"adminNetworks": ["fd00:1::/16"]}},
        r"config\.adminNetworks fd00:1::/16: bits are set behind",
    ),
    (
        {"config": {"credentialSource": "web-identity", "sessionTags": True}},
        r"config\.sessionTags and config\.assumeRoleArn cannot go with config\.credentialSource web-identity",
    ),
    ({"config": {"policyFile": "/a.yaml"}}, r"config\.policyFile /a\.yaml has to be mounted"),
    ({"updateStrategy": "OnDelete"}, r"updateStrategy is a map here: \{type: OnDelete\}"),
]


@pytest.mark.parametrize(("more", "complaint"), REFUSED_IN_WORDS)
def test_what_cannot_work_is_refused_in_words_before_the_schema_has_its_say(
    more: Values, complaint: str
) -> None:
    with pytest.raises(helm.HelmRenderError, match=complaint):
        objects(more)


@pytest.mark.parametrize(("more", "complaint"), REFUSED_IN_WORDS)
def test_what_is_required_is_refused_in_words_where_helm_skips_the_schema(
    more: Values, complaint: str, tmp_path: Path
) -> None:
    bare = shutil.copytree(CHART, tmp_path / "bare", ignore=shutil.ignore_patterns("values.schema.json"))
    with pytest.raises(helm.HelmRenderError, match=complaint):
        render(given(more), Path(bare))


@pytest.mark.parametrize("ttl", ["5m", "300s", "1h30m", "6h", "0.5h", "21600s"])
def test_a_time_to_live_within_its_limits_is_taken(ttl: str, tmp_path: Path) -> None:
    assert loaded(objects({"config": {"iamRoleSessionTtl": ttl}}), tmp_path).iam_role_session_ttl


NETWORKS = [
    "0.0.0.0/0",
    "10.0.0.0/9",
    "10.128.0.0/9",
    "192.0.2.7",
    "192.0.2.7/32",
    "::/0",
    "fd00::/8",
    "fd00:1::1",
]


@pytest.mark.parametrize("network", [*NETWORKS, "fd00:1234:5600::/40", "2001:db8:0:8::/61"])
def test_a_network_without_bits_behind_its_length_is_taken(network: str, tmp_path: Path) -> None:
    assert loaded(objects({"config": {"adminNetworks": [network]}}), tmp_path).admin_networks == (network,)
