"""What is read of Kubernetes objects: all that names and records are made from, and nothing else."""

import json
from typing import Any

import pytest

from addons.dns.model.objects import EndpointSlice, Ingress, Node, Pod, Service
from addons.runtime.decoding import decode

META = {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7"}


def read(type_: type[Any], **fields: Any) -> Any:
    return decode(json.dumps({"metadata": META, **fields}).encode(), type_)


def test_what_many_objects_say_alike_is_kept_once() -> None:
    services = [read(Service, spec={"type": "LoadBalancer", "externalTrafficPolicy": "Local"}) for _ in "12"]
    pods = [read(Pod, spec={"nodeName": "node-1"}, status={"hostIP": "10.0.0.9"}) for _ in "12"]
    slices = [read(EndpointSlice, endpoints=[{"nodeName": "node-1", "zone": "eu-1a"}]) for _ in "12"]
    said = (
        [found.spec.type for found in services],
        [found.spec.external_traffic_policy for found in services],
        [found.spec.node_name for found in pods],
        [found.status.host_ip for found in pods],
        [found.endpoints[0].node_name for found in slices],
        [found.endpoints[0].zone for found in slices],
    )
    assert [one is other for one, other in said] == [True] * len(said)


@pytest.mark.parametrize("type_", [Service, Ingress, Pod, Node, EndpointSlice])
def test_everything_may_be_null(type_: type[Any]) -> None:
    nulls = dict.fromkeys(("spec", "status", "endpoints", "ports", "addressType"))
    assert read(type_, **nulls) == read(type_)


def test_service() -> None:
    spec = {
        "type": "LoadBalancer",
        "clusterIP": "10.0.0.1",
        "clusterIPs": ["10.0.0.1", "fd00::1"],
        "externalIPs": ["1.2.3.4"],
        "externalName": "x.example.org",
        "ports": [
            {"name": "http", "port": 80, "targetPort": "http", "nodePort": 30080},
            {"targetPort": 1, "protocol": "UDP"},
        ],
        "selector": {"app": "web"},
        "externalTrafficPolicy": "Local",
        "publishNotReadyAddresses": True,
        "ipFamilies": ["IPv4", "IPv6"],
    }
    status = {"loadBalancer": {"ingress": [{"ip": "5.6.7.8"}, {"hostname": "lb.example.org"}]}}
    service = read(Service, spec=spec, status=status)
    assert service.spec.cluster_ips == ("10.0.0.1", "fd00::1")
    assert service.spec.external_ips == ("1.2.3.4",)
    assert [(port.protocol, port.node_port) for port in service.spec.ports] == [("TCP", 30080), ("UDP", 0)]
    assert (service.spec.cluster_ip, service.spec.external_name) == ("10.0.0.1", "x.example.org")
    assert (service.spec.external_traffic_policy, service.spec.publish_not_ready_addresses) == (
        "Local",
        True,
    )
    assert [(way.ip, way.hostname) for way in service.status.load_balancer.ingress] == [
        ("5.6.7.8", ""),
        ("", "lb.example.org"),
    ]


def test_ingress() -> None:
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    rule = {"host": "a.org", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    resource = {"resource": {"kind": "StorageBucket", "name": "b"}}
    spec = {
        "ingressClassName": "alb",
        "rules": [rule],
        "tls": [{"hosts": ["a.org"]}],
        "defaultBackend": resource,
    }
    ingress = read(Ingress, spec=spec)
    assert (ingress.spec.ingress_class_name, ingress.spec.rules[0].host) == ("alb", "a.org")
    assert ingress.spec.tls[0].hosts == ("a.org",)


def test_pod() -> None:
    owner = {"kind": "ReplicaSet", "name": "web", "uid": "r", "controller": True}
    status = {
        "podIP": "10.0.0.2",
        "podIPs": [{"ip": "10.0.0.2"}],
        "hostIP": "10.0.0.9",
        "phase": "Running",
    }
    pod = read(
        Pod,
        metadata={**META, "ownerReferences": [{"name": "x"}, owner]},
        spec={"nodeName": "n1", "hostNetwork": True, "hostname": "h", "subdomain": "s"},
        status={**status, "conditions": [{"type": "Ready", "status": "True"}]},
    )
    assert (pod.status.pod_ip, pod.status.host_ip, pod.status.pod_ips[0].ip) == (
        "10.0.0.2",
        "10.0.0.9",
        "10.0.0.2",
    )
    assert pod.metadata.controller.kind == "ReplicaSet"
    assert (pod.spec.node_name, pod.spec.hostname, pod.spec.subdomain) == ("n1", "h", "s")
    assert [(found.type, found.status) for found in pod.status.conditions] == [("Ready", "True")]


def test_node() -> None:
    node = read(
        Node,
        spec={"unschedulable": True, "providerID": "aws:///eu-west-1a/i-1"},
        status={"addresses": [{"type": "ExternalIP", "address": "1.2.3.4"}]},
    )
    assert node.spec.unschedulable
    assert node.status.addresses[0].address == "1.2.3.4"


def test_endpoint_slice() -> None:
    endpoint = {"addresses": ["10.0.0.2"], "conditions": {"ready": False}, "nodeName": "n1", "zone": "a"}
    target = {"kind": "Pod", "name": "web-1"}
    found = read(
        EndpointSlice,
        addressType="IPv4",
        endpoints=[{**endpoint, "targetRef": target, "hostname": "web-1"}, {"addresses": []}],
        ports=[{"port": 80}, {"name": "all"}],
    )
    assert [one.conditions.ready for one in found.endpoints] == [False, None]
    assert found.endpoints[0].target_ref.name == "web-1"
    first, second = found.endpoints
    assert (first.node_name, first.zone, first.hostname) == ("n1", "a", "web-1")
    assert (second.node_name, second.zone, second.hostname) == ("", "", "")
