"""What a runtime's call says, and the specification's code where it says nothing that can be done."""

import json
from typing import Any

import pytest

from addons.cni.model.assignments import PodId, SandboxKey
from addons.cni.model.requests import CniError, CniRequest
from addons.cni.server.requests import read_request

CONTAINER = {"CONTAINERID": "c1", "NETNS": "/run/netns/c1", "IFNAME": "eth0"}


def read(command: str = "ADD", config: Any = None, **environment: str) -> CniRequest:
    given = {"cniVersion": "1.0.0", "name": "aws-cni", "type": "aws-addons-cni", **(config or {})}
    return read_request({"COMMAND": command, **CONTAINER, **environment}, json.dumps(given).encode())


def code(command: str = "ADD", config: Any = None, **environment: str) -> int:
    with pytest.raises(CniError) as caught:
        read(command, config, **environment)
    return caught.value.code


class TestRead:
    """A call as containerd makes it is understood."""

    def test_an_add(self) -> None:
        request = read()
        assert (request.command, request.cni_version) == ("ADD", "1.0.0")
        assert (request.key, request.netns) == (SandboxKey("aws-cni", "c1", "eth0"), "/run/netns/c1")

    @pytest.mark.parametrize(
        "arguments",
        [
            "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=u;IgnoreUnknown=1",
            "IgnoreUnknown=1;K8S_POD_UID=u;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_NAMESPACE=shop",
        ],
    )
    def test_the_pod_in_any_order(self, arguments: str) -> None:
        assert read(ARGS=arguments).pod == PodId("shop", "web", "u")

    def test_a_runtime_that_knows_no_pods(self) -> None:
        assert read(ARGS="").pod == PodId()

    def test_a_del_without_namespace_and_result(self) -> None:
        assert (read("DEL", NETNS="").netns, read("DEL").previous) == ("", None)

    def test_a_del_with_a_result_that_makes_no_sense_is_a_del(self) -> None:
        assert read("DEL", {"prevResult": [1]}).previous is None

    @pytest.mark.parametrize("name", ["cni.dev/valid-attachments", "cni.dev/attachments"])
    def test_what_gc_is_to_keep(self, name: str) -> None:
        kept = read("GC", {"cniVersion": "1.1.0", name: [{"containerID": "c1", "ifname": "eth0"}]}).valid
        assert kept == (SandboxKey("aws-cni", "c1", "eth0"),)

    def test_null_stands_for_nothing(self) -> None:
        assert read("ADD", {"prevResult": None}).previous is None

    def test_lists_of_a_result_may_be_null(self) -> None:
        assert read("ADD", {"prevResult": {"ips": None}}).previous == {"ips": None}


class TestRefused:
    """What cannot be done has the specification's code."""

    @pytest.mark.parametrize("version", ["0.3.1", "2.0.0", "", None, 1])
    def test_versions_that_are_not_supported(self, version: Any) -> None:
        assert code(config={"cniVersion": version}) == 1

    @pytest.mark.parametrize("command", ["GC", "STATUS"])
    def test_verbs_that_the_version_does_not_have(self, command: str) -> None:
        assert code(command, {"cniVersion": "1.0.0", "cni.dev/attachments": []}) == 1

    @pytest.mark.parametrize(
        "environment",
        [
            {"COMMAND": "REMOVE"},
            {"COMMAND": ""},
            {"CONTAINERID": ""},
            {"CONTAINERID": "../c1"},
            {"CONTAINERID": "-c1"},
            {"IFNAME": ""},
            {"IFNAME": ".."},
            {"IFNAME": "eth0/1"},
            {"IFNAME": "eth 0"},
            {"IFNAME": "sixteen-bytes-ab"},
            {"NETNS": ""},
            {"ARGS": "K8S_POD_NAME"},
            {"ARGS": "K8S_POD_NAME=\udcff"},
            {"IFNAME": "\udcff"},
            {"NETNS": "/run/netns/\udcff"},
        ],
    )
    def test_an_environment_that_makes_no_sense(self, environment: dict[str, str]) -> None:
        with pytest.raises(CniError) as caught:
            read_request({"COMMAND": "ADD", **CONTAINER, **environment}, b'{"cniVersion":"1.0.0","name":"n"}')
        assert caught.value.code == 4

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"name":"\xff"}', b"[" * 100_000])
    def test_what_is_no_json_object(self, body: bytes) -> None:
        with pytest.raises(CniError) as caught:
            read_request({"COMMAND": "ADD", **CONTAINER}, body)
        assert caught.value.code == 6

    @pytest.mark.parametrize("name", ["", "-", "a/b", None, 7])
    def test_a_network_without_a_name(self, name: Any) -> None:
        assert code(config={"name": name}) == 7

    @pytest.mark.parametrize("previous", [[], "x", {"ips": {}}, {"interfaces": ["eth0"]}, {"routes": [1]}])
    def test_a_result_that_makes_no_sense(self, previous: Any) -> None:
        assert code(config={"prevResult": previous}) == 7

    def test_a_check_without_the_result(self) -> None:
        assert code("CHECK") == 7

    @pytest.mark.parametrize(
        "kept", [None, {}, ["c1"], [{"containerID": "c1"}], [{"containerID": 1, "ifname": 2}]]
    )
    def test_a_gc_that_does_not_say_what_to_keep(self, kept: Any) -> None:
        assert code("GC", {"cniVersion": "1.1.0", "cni.dev/valid-attachments": kept}) == 7
