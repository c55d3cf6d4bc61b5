"""What is read of Kubernetes objects: all that decides what a pod is granted, and nothing else."""

import json
from typing import Any

import pytest

from addons.iamproxy.model.objects import Namespace, Pod
from addons.runtime.decoding import decode

META = {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7"}


def read(type_: type[Any], **fields: Any) -> Any:
    return decode(json.dumps({"metadata": META, **fields}).encode(), type_)


def test_a_pod() -> None:
    pod = read(
        Pod,
        spec={"nodeName": "n1", "hostNetwork": True, "serviceAccountName": "robot"},
        status={"podIP": "10.0.0.2", "podIPs": [{"ip": "10.0.0.2"}, {"ip": "fd00::2"}], "phase": "Running"},
    )
    assert (pod.spec.node_name, pod.spec.host_network, pod.spec.service_account_name) == ("n1", True, "robot")
    assert (pod.status.phase, pod.status.pod_ip) == ("Running", "10.0.0.2")
    assert [one.ip for one in pod.status.pod_ips] == ["10.0.0.2", "fd00::2"]


def test_a_namespace() -> None:
    meta = {**META, "labels": {"team": "a"}, "annotations": {"x": "y"}}
    found = read(Namespace, metadata=meta).metadata
    assert (found.labels, found.annotations) == ({"team": "a"}, {"x": "y"})


@pytest.mark.parametrize("type_", [Pod, Namespace])
def test_everything_may_be_null(type_: type[Any]) -> None:
    assert read(type_, spec=None, status=None) == read(type_)
