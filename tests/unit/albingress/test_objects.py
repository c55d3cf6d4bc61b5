"""What is read of Kubernetes objects: all that load balancers are made from, and nothing else."""

import json
from typing import Any

import pytest

from addons.albingress.model.bindings import TargetGroupBinding
from addons.albingress.model.objects import (
    EndpointSlice,
    Ingress,
    IngressClass,
    IngressClassParams,
    Node,
    Pod,
    Secret,
    Service,
)
from addons.runtime.decoding import decode

META = {"name": "web", "namespace": "shop", "uid": "u1", "finalizers": ["ingress.k8s.aws/resources"]}


def read(type_: type[Any], **fields: Any) -> Any:
    return decode(json.dumps({"metadata": META, **fields}).encode(), type_)


@pytest.mark.parametrize(
    "type_", [Ingress, IngressClass, Service, EndpointSlice, Pod, Node, TargetGroupBinding]
)
def test_everything_may_be_null(type_: type[Any]) -> None:
    nulls = dict.fromkeys(("spec", "status", "endpoints", "ports", "addressType"))
    assert read(type_, **nulls) == read(type_)


def test_a_backend_port_is_its_number_or_else_its_name() -> None:
    paths = [
        {"path": "/a", "pathType": "Prefix", "backend": {"service": {"name": "a", "port": {"number": 80}}}},
        {"path": "/b", "pathType": "Exact", "backend": {"service": {"name": "b", "port": {"name": "http"}}}},
    ]
    found = read(Ingress, spec={"rules": [{"host": "example.org", "http": {"paths": paths}}]})
    assert [path.backend.service.port.written for path in found.spec.rules[0].http.paths] == [80, "http"]


def test_finalizers_are_read() -> None:
    assert read(Ingress).metadata.finalizers == ("ingress.k8s.aws/resources",)


def test_settings_of_a_class_are_read_as_they_are_written_whatever_their_types() -> None:
    assert read(IngressClassParams, spec={"scheme": 5}).spec == {"scheme": 5}
    assert read(IngressClassParams, spec="x").spec == "x"


def test_the_content_of_a_secret_is_decoded_and_never_shown() -> None:
    secret = read(Secret, data={"clientSecret": "aHVudGVyMg=="})
    assert secret.data == {"clientSecret": b"hunter2"}
    assert "hunter2" not in f"{secret!r} {secret}"


def test_a_port_of_a_service_leads_to_a_number_or_a_name() -> None:
    ports = [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 8081}, {"port": 82}]
    found = read(Service, spec={"ports": ports}).spec.ports
    assert [port.target_port for port in found] == ["http", 8081, 0]


def test_a_binding_names_its_group_by_arn() -> None:
    spec = {"targetGroupARN": "arn:x", "serviceRef": {"name": "web", "port": "http"}, "vpcID": "vpc-1"}
    found = read(TargetGroupBinding, spec=spec).spec
    assert (found.target_group_arn, found.service_ref.port, found.vpc_id) == ("arn:x", "http", "vpc-1")


def test_a_rule_of_a_binding_has_peers_and_ports() -> None:
    rule = {"from": [{"securityGroup": {"groupID": "sg-1"}}], "ports": [{"port": 80}]}
    found = read(TargetGroupBinding, spec={"networking": {"ingress": [rule]}}).spec.networking.ingress[0]
    assert (found.from_[0].security_group.group_id, found.ports[0].port) == ("sg-1", 80)
