"""Kubernetes objects: what is read, what is tolerated, what they are called."""

import json
from typing import Any

import msgspec
import pytest

from addons.runtime.decoding import decode
from addons.runtime.objects import (
    ENDPOINT_SLICES,
    INGRESSES,
    NODES,
    PODS,
    EndpointSlice,
    Ingress,
    KubeObject,
    Lease,
    Node,
    Pod,
    Service,
    key,
    ref,
)
from addons.runtime.outcomes import ObjectRef

META = {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7"}


def read(type_: type[Any], **fields: Any) -> Any:
    return decode(json.dumps({"metadata": META, **fields}).encode(), type_)


class TestPaths:
    """Where the API server keeps a resource."""

    @pytest.mark.parametrize(
        ("path", "expected"),
        [
            (PODS.path(), "/api/v1/pods"),
            (PODS.path("shop"), "/api/v1/namespaces/shop/pods"),
            (PODS.path("shop", "web", "eviction"), "/api/v1/namespaces/shop/pods/web/eviction"),
            (INGRESSES.path("shop", "web"), "/apis/networking.k8s.io/v1/namespaces/shop/ingresses/web"),
            (NODES.path("", "n1"), "/api/v1/nodes/n1"),
            (NODES.path("ignored", "n1"), "/api/v1/nodes/n1"),
        ],
    )
    def test_path(self, path: str, expected: str) -> None:
        assert path == expected

    def test_names(self) -> None:
        assert (PODS.api_version, str(PODS)) == ("v1", "pods")
        assert ENDPOINT_SLICES.api_version == "discovery.k8s.io/v1"
        assert str(ENDPOINT_SLICES) == "endpointslices.discovery.k8s.io"


class TestReading:
    """Each kind shows what the API server sends, under names of our own style."""

    def test_service(self) -> None:
        spec = {
            "type": "LoadBalancer",
            "clusterIP": "10.0.0.1",
            "clusterIPs": ["10.0.0.1", "fd00::1"],
            "externalIPs": ["1.2.3.4"],
            "externalName": "x.example.org",
            "ports": [
                {"name": "http", "port": 80, "targetPort": "http", "nodePort": 30080},
                {"targetPort": 1},
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
        assert [port.target_port for port in service.spec.ports] == ["http", 1]
        assert service.spec.ports[0].node_port == 30080
        assert (service.spec.external_traffic_policy, service.spec.publish_not_ready_addresses) == (
            "Local",
            True,
        )
        assert [(way.ip, way.hostname) for way in service.status.load_balancer.ingress] == [
            ("5.6.7.8", ""),
            ("", "lb.example.org"),
        ]

    def test_ingress(self) -> None:
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
        assert ingress.spec.rules[0].http.paths[0].backend.service.port.number == 80
        assert ingress.spec.tls[0].hosts == ("a.org",)
        assert ingress.spec.default_backend.service is None

    def test_pod(self) -> None:
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
        assert pod.metadata.controller.name == "web"
        assert pod.spec.host_network

    def test_node(self) -> None:
        node = read(
            Node,
            spec={"unschedulable": True, "providerID": "aws:///eu-west-1a/i-1"},
            status={"addresses": [{"type": "ExternalIP", "address": "1.2.3.4"}]},
        )
        assert (node.spec.unschedulable, node.spec.provider_id) == (True, "aws:///eu-west-1a/i-1")
        assert node.status.addresses[0].address == "1.2.3.4"

    def test_endpoint_slice(self) -> None:
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
        assert [port.port for port in found.ports] == [80, None]

    def test_lease(self) -> None:
        lease = read(Lease, spec={"holderIdentity": "a", "renewTime": "2026-01-02T03:04:05.000006Z"})
        assert lease.spec.renew_time.microsecond == 6


class TestNull:
    """Null means absent, wherever it stands."""

    @pytest.mark.parametrize("type_", [Service, Ingress, Pod, Node, EndpointSlice, Lease])
    def test_everything_may_be_null(self, type_: type[Any]) -> None:
        nulls = dict.fromkeys(("spec", "status", "endpoints", "ports", "addressType"))
        meta = {
            **META,
            "labels": None,
            "annotations": None,
            "ownerReferences": None,
            "creationTimestamp": None,
        }
        assert read(type_, metadata=meta, **nulls) == read(type_)

    def test_deep_inside_and_in_lists(self) -> None:
        service = read(
            Service, spec={"ports": [None, {"port": 80, "name": None}], "selector": {"a": None, "b": "c"}}
        )
        assert [port.port for port in service.spec.ports] == [80]
        assert service.spec.selector == {"b": "c"}

    @pytest.mark.parametrize("spec", [{"ports": "none"}, {"ports": [{"port": "80"}]}, 5])
    def test_a_wrong_type_is_still_an_error(self, spec: Any) -> None:
        with pytest.raises(msgspec.ValidationError):
            read(Service, spec=spec)

    def test_what_is_not_json_is_an_error(self) -> None:
        with pytest.raises(msgspec.DecodeError):
            decode(b"{", Service)


class TestNaming:
    """How messages and caches call an object."""

    def test_ref(self) -> None:
        named = ref(read(Ingress))
        assert named == ObjectRef("Ingress", "shop", "web")
        assert (named.uid, named.api_version, str(named)) == (
            "u1",
            "networking.k8s.io/v1",
            "ingress/shop/web",
        )

    def test_key(self) -> None:
        assert key(read(KubeObject)) == ("shop", "web")

    def test_objects_cannot_be_changed(self) -> None:
        with pytest.raises(AttributeError):
            read(Service).metadata.name = "other"

    def test_only_what_differs_from_the_default_is_written(self) -> None:
        assert msgspec.to_builtins(read(Service, spec={"clusterIP": "None"})) == {
            "metadata": META,
            "spec": {"clusterIP": "None"},
        }
