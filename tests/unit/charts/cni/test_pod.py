"""The cni chart: a pod on every node with three capabilities, beside a webhook that has none."""

import json
from pathlib import PurePosixPath
from typing import Any

import pytest

from addons.cni.names import CONFLIST, WEBHOOK
from tests.support.charts import (
    CHARTS,
    Object,
    Values,
    cases,
    container_of,
    helm,
    installed,
    is_webhook,
    only,
    pod_of,
    render,
    render_files,
    values,
    workload,
)

CHART = CHARTS / "cni"
CASES = cases("cni")

every_case = pytest.mark.parametrize("case", CASES)


def objects(*more: Values) -> list[Object]:
    """What an install makes."""
    return installed(render(values(*more, chart="cni"), CHART))


def of_webhook(kind: str, *more: Values) -> Object:
    """The object of a kind that is the webhook's."""
    (found,) = [obj for obj in objects(*more) if obj["kind"] == kind and is_webhook(obj)]
    return found


@every_case
def test_it_has_three_capabilities_and_is_never_privileged(case: str) -> None:
    security = container_of(render(CASES[case], CHART))["securityContext"]
    assert security["privileged"] is False
    assert security["capabilities"] == {"drop": ["ALL"], "add": ["NET_ADMIN", "NET_RAW", "SYS_ADMIN"]}


def test_capabilities_are_given_to_root_alone() -> None:
    assert pod_of(objects())["securityContext"]["runAsUser"] == 0


def test_the_plugin_is_installed_before_the_daemon_starts_and_without_any_capability() -> None:
    (install,) = pod_of(objects())["initContainers"]
    assert install["args"] == ["cni", "install", "--config=/etc/aws-addons/config.yaml"]
    assert install["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert install["image"] == container_of(objects())["image"]
    assert "cni-bin" in [mount["name"] for mount in install["volumeMounts"]]


def mounted(*more: Values) -> dict[str, str]:
    """Where each folder of the node is in the container: host path -> mount path."""
    found = objects(*more)
    paths = {
        volume["name"]: volume["hostPath"]["path"]
        for volume in pod_of(found)["volumes"]
        if "hostPath" in volume
    }
    mounts = {mount["name"]: mount["mountPath"] for mount in container_of(found)["volumeMounts"]}
    return {path: mounts[name] for name, path in paths.items()}


def test_it_finds_the_folders_of_the_runtime_where_its_settings_say() -> None:
    more: Values = {
        "host": {"cniBinDir": "/home/kubernetes/bin", "cniConfDir": "/etc/other/net.d"},
        "config": {"cniBinDir": "/bins", "cniConfDir": "/confs"},
    }
    found = mounted(more)
    assert (found["/home/kubernetes/bin"], found["/etc/other/net.d"]) == ("/bins", "/confs")
    assert mounted()["/etc/cni/net.d"] == "/host/etc/cni/net.d", f"{CONFLIST} is written there"


def test_the_socket_and_the_journal_are_in_a_folder_of_the_node_under_their_own_path() -> None:
    settings: Any = json.loads((CHART / "values.schema.json").read_text())["properties"]["config"]
    folder = PurePosixPath("/run/aws-addons")
    assert mounted()[str(folder)] == str(folder), "the plugin looks for the socket outside of the pod"
    for key in ("socket", "stateDir"):
        assert folder in PurePosixPath(settings["properties"][key]["default"]).parents


@pytest.mark.parametrize("key", ["socket", "stateDir"])
def test_another_place_for_them_is_refused_in_words(key: str) -> None:
    with pytest.raises(helm.HelmRenderError, match=f"config.{key} /var/cni: not below /run/aws-addons"):
        objects({"config": {key: "/var/cni"}})


def test_namespaces_of_pods_that_come_later_are_seen() -> None:
    mounts = {mount["name"]: mount for mount in container_of(objects())["volumeMounts"]}
    assert mounts["netns"]["mountPropagation"] == "HostToContainer"


def test_a_tenth_of_the_nodes_is_upgraded_at_a_time() -> None:
    strategy = workload(objects())["spec"]["updateStrategy"]
    assert strategy == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}}


TAKES: Values = {"takeOver": {"enabled": True}}


class TestTakeOver:
    def test_the_daemon_set_has_name_and_selector_of_the_original_s(self) -> None:
        found = workload(objects(TAKES))
        labels = {"k8s-app": "aws-node"}
        assert found["metadata"]["name"] == "aws-node"
        assert found["spec"]["selector"]["matchLabels"] == labels
        assert labels.items() <= found["spec"]["template"]["metadata"]["labels"].items()

    def test_its_template_is_of_no_generation_that_pods_of_the_original_have(self) -> None:
        """Else they would count as its own newest ones: tests/e2e/test_cni_chart.py."""
        key = "deprecated.daemonset.template.generation"
        annotations = workload(objects(TAKES, {"daemonSetAnnotations": {"note": "yes"}}))["metadata"][
            "annotations"
        ]
        assert annotations == {"note": "yes", key: "1000000"}
        assert "annotations" not in workload(objects())["metadata"]

    def test_its_pods_are_still_found_by_the_service(self) -> None:
        found = objects(TAKES, {"serviceMonitor": {"enabled": True}})
        labels = workload(found)["spec"]["template"]["metadata"]["labels"]
        assert only(found, "Service")["spec"]["selector"].items() <= labels.items()

    def test_the_checkpoint_is_there_to_be_read(self) -> None:
        assert mounted(TAKES)["/var/run/aws-node"] == "/var/run/aws-node"
        assert "/var/run/aws-node" not in mounted()

    def test_the_pods_of_the_webhook_are_none_of_its_own(self) -> None:
        labels = of_webhook("Deployment", TAKES)["spec"]["template"]["metadata"]["labels"]
        assert "k8s-app" not in labels


class TestWebhook:
    def test_the_api_server_waits_two_seconds_for_it_at_most_and_goes_on_without_it(self) -> None:
        (hook,) = of_webhook("MutatingWebhookConfiguration")["webhooks"]
        assert (hook["name"], hook["failurePolicy"], hook["timeoutSeconds"]) == (WEBHOOK, "Ignore", 2)
        assert hook["rules"][0]["operations"] == ["CREATE"]
        assert hook["clientConfig"]["service"]["name"] == of_webhook("Service")["metadata"]["name"]

    def test_no_upgrade_takes_its_certificate_away(self) -> None:
        (hook,) = of_webhook("MutatingWebhookConfiguration")["webhooks"]
        assert "caBundle" not in hook["clientConfig"], "the webhook itself puts it there"

    def test_its_pods_are_restricted_and_in_a_network_of_their_own(self) -> None:
        spec = of_webhook("Deployment")["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert "hostNetwork" not in spec

    def test_the_service_of_the_daemons_does_not_lead_to_it(self) -> None:
        daemons = only(objects({"serviceMonitor": {"enabled": True}}), "Service")["spec"]["selector"]
        labels = of_webhook("Deployment")["spec"]["template"]["metadata"]["labels"]
        assert not daemons.items() <= labels.items()

    def test_it_answers_at_the_port_to_which_its_service_leads(self) -> None:
        found = objects({"webhook": {"port": 9444}})
        assert "webhookListen: :9444" in only(found, "ConfigMap")["data"]["config.yaml"]
        (container,) = of_webhook("Deployment", {"webhook": {"port": 9444}})["spec"]["template"]["spec"][
            "containers"
        ]
        assert {"name": "https", "containerPort": 9444} in container["ports"]

    def test_it_is_of_no_use_without_the_resource(self) -> None:
        with pytest.raises(helm.HelmRenderError, match=r"webhook.enabled needs config.capacity resource"):
            objects({"config": {"capacity": "none"}})

    def test_an_account_that_is_given_may_be_another_than_the_daemon_s(self) -> None:
        given: Values = {"serviceAccount": {"create": False, "name": "given"}}
        assert of_webhook("Deployment", given)["spec"]["template"]["spec"]["serviceAccountName"] == "given"
        own: Values = {"webhook": {"serviceAccountName": "other"}}
        spec = of_webhook("Deployment", given, own)["spec"]["template"]["spec"]
        assert spec["serviceAccountName"] == "other"


class TestTest:
    def pod(self) -> Object:
        """The pod that `helm test` runs."""
        return next(obj for obj in render(values(chart="cni"), CHART) if obj["kind"] == "Pod")

    def test_it_asks_the_daemon_of_its_node_about_itself(self) -> None:
        (container,) = self.pod()["spec"]["containers"]
        name = self.pod()["metadata"]["name"]
        assert container["args"] == [
            *("cni", "check", f"--pod=kube-system/{name}", "--url=http://$(NODE_ADDRESS):61678")
        ]
        (variable,) = container["env"]
        assert variable["valueFrom"] == {"fieldRef": {"fieldPath": "status.hostIP"}}

    def test_it_is_in_a_network_that_cni_makes_and_has_no_rights(self) -> None:
        spec = self.pod()["spec"]
        assert not spec.get("hostNetwork")
        assert spec["automountServiceAccountToken"] is False


def test_eni_configs_are_named_as_by_the_chart_of_the_original() -> None:
    found = [obj for obj in render(CASES["custom-networking"], CHART) if obj["kind"] == "ENIConfig"]
    assert [obj["metadata"]["name"] for obj in found] == ["eu-central-1a", "eu-central-1b"]
    assert found[0]["spec"] == {
        "subnet": "subnet-0123456789abcdef0",
        "securityGroups": ["sg-0123456789abcdef0"],
    }


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"clusterName": ""}, "config.clusterName is required"),
        ({"snat": "auto", "externalsnat": True}, "config.externalsnat cannot go with config.snat"),
        ({"enablePrefixDelegation": True, "warmPrefixTarget": 0}, "config.warmPrefixTarget 0: one of the"),
        ({"vethPrefix": "eth"}, "config.vethPrefix eth: other links are called so"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_in_words(more: Values, complaint: str) -> None:
    with pytest.raises(helm.HelmRenderError, match=complaint):
        objects({"config": more})


def notes(*more: Values) -> str:
    """What Helm prints after an install."""
    return render_files(values(*more, chart="cni"), CHART)["cni/templates/NOTES.txt"]


def policy_in(text: str) -> Any:
    """The policy that notes end with."""
    return json.loads(text[text.index("  {\n") : text.index("\n  }\n") + 5])


def test_the_notes_show_the_policy_for_the_cluster() -> None:
    shown = policy_in(notes({"config": {"clusterName": "prod"}}))
    whole = json.loads((CHART / "files" / "iam-policy.json").read_text())
    assert json.dumps(shown, sort_keys=True) == json.dumps(whole, sort_keys=True).replace(
        '"example"', '"prod"'
    )


def test_route_tables_need_not_be_read_where_they_decide_nothing() -> None:
    look = policy_in(notes({"config": {"snat": "never"}}))["Statement"][0]["Action"]
    assert "ec2:DescribeSubnets" in look
    assert not {"ec2:DescribeRouteTables", "ec2:GetManagedPrefixListEntries"} & set(look)


def test_the_notes_name_the_daemon_set_that_was_taken_over() -> None:
    assert "rollout status daemonset/aws-node" in notes({"takeOver": {"enabled": True}})
    assert "rollout status daemonset/aws-cni" in notes()
