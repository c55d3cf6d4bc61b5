"""What a user's TargetGroupBinding asks for."""

from typing import Any

import pytest
from msgspec import json

from addons.albingress.desired.bindings import desired_binding, is_users
from addons.albingress.model.bindings import TargetGroupBinding
from addons.albingress.model.elb import TargetGroup
from addons.albingress.model.stack import HealthCheck, ServicePort
from addons.albingress.model.targets import Access, AccessPort, Binding
from addons.runtime.decoding import decode
from addons.runtime.outcomes import Problem

ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/mine/1"


def written(**spec: Any) -> TargetGroupBinding:
    wanted = {"targetGroupARN": ARN, "serviceRef": {"name": "web", "port": 80}, **spec}
    body = {"metadata": {"name": "mine", "namespace": "default"}, "spec": wanted}
    return decode(json.encode(body), TargetGroupBinding)


def group(target_type: str = "ip", ip_address_type: str = "ipv4") -> TargetGroup:
    return TargetGroup(
        arn=ARN,
        name="mine",
        protocol="HTTP",
        version="HTTP1",
        port=80,
        target_type=target_type,
        ip_address_type=ip_address_type,
        health=HealthCheck(protocol="HTTP", path="/", matcher="200"),
    )


def asked(there: TargetGroup | None = None, **spec: Any) -> Binding:
    found = desired_binding(written(**spec), there or group())
    assert isinstance(found, Binding), found
    return found


def fault(there: TargetGroup | None = None, **spec: Any) -> str:
    found = desired_binding(written(**spec), there or group())
    assert isinstance(found, Problem)
    return found.message


class TestDefaults:
    """What the binding does not say, the target group says: no webhook is needed."""

    def test_type_and_family_are_those_of_the_target_group(self) -> None:
        found = asked(group("instance", "ipv6"))
        assert (found.target_type, found.ip_address_type) == ("instance", "ipv6")

    def test_a_target_group_named_by_name_is_known_by_its_arn(self) -> None:
        assert asked(targetGroupARN="", targetGroupName="mine").group == ARN

    def test_the_port_may_be_a_name(self) -> None:
        found = asked(serviceRef={"name": "web", "port": "http"})
        assert found.backend == ServicePort("default", "web", "http")

    def test_without_networking_no_security_group_is_touched(self) -> None:
        assert asked().access == ()

    def test_a_group_may_be_shared_with_other_clusters(self) -> None:
        assert asked(multiClusterTargetGroup=True).shared


class TestNodes:
    """Labels choose nodes."""

    def test_the_selector_is_kept_as_text(self) -> None:
        expressions = [
            {"key": "zone", "operator": "In", "values": ["a", "b"]},
            {"key": "gpu", "operator": "DoesNotExist"},
        ]
        found = asked(nodeSelector={"matchLabels": {"role": "edge"}, "matchExpressions": expressions})
        assert found.node_selector == "role=edge,zone in (a,b),!gpu"

    def test_an_unknown_operator_is_a_fault(self) -> None:
        message = fault(nodeSelector={"matchExpressions": [{"key": "a", "operator": "Gt"}]})
        assert message == "spec.nodeSelector: operator 'Gt' is none of In, NotIn, Exists, DoesNotExist"


class TestNetworking:
    """Who may reach the targets."""

    def test_peers_may_reach_the_ports_of_their_rule(self) -> None:
        rule = {
            "from": [{"securityGroup": {"groupID": "sg-1"}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}],
            "ports": [{"port": 8080, "protocol": "TCP"}, {"port": "dns", "protocol": "UDP"}],
        }
        ports = (AccessPort("8080", "tcp"), AccessPort("dns", "udp"))
        assert asked(networking={"ingress": [rule]}).access == (Access(("10.0.0.0/8", "sg-1"), ports),)

    def test_a_rule_without_ports_opens_all(self) -> None:
        rule = {"from": [{"securityGroup": {"groupID": "sg-1"}}]}
        assert asked(networking={"ingress": [rule]}).access == (Access(("sg-1",), (AccessPort(""),)),)

    def test_what_is_no_network_is_a_fault(self) -> None:
        rule = {"from": [{"ipBlock": {"cidr": "10.0.0.0/40"}}]}
        message = "spec.networking: '10.0.0.0/40' is neither a network nor a security group"
        assert fault(networking={"ingress": [rule]}) == message


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"targetGroupARN": ""}, "names no target group: set spec.targetGroupARN or spec.targetGroupName"),
        (
            {"serviceRef": {"name": "web"}},
            "names no port of a Service: set spec.serviceRef.name and spec.serviceRef.port",
        ),
        (
            {"targetType": "instance"},
            "spec.targetType is instance: target group mine has targets of type ip",
        ),
        (
            {"iamRoleArnToAssume": "arn:aws:iam::1:role/x"},
            "spec.iamRoleArnToAssume: target groups of other accounts cannot be filled",
        ),
    ],
)
def test_a_fault_says_what_is_wrong_and_how_to_mend_it(spec: dict[str, Any], message: str) -> None:
    assert fault(**spec) == message


def test_a_target_group_that_is_not_there_is_a_fault() -> None:
    found = desired_binding(written(), None)
    assert isinstance(found, Problem)
    assert found.message == f"target group {ARN} does not exist"


def test_a_group_of_lambda_functions_is_not_ours_to_fill() -> None:
    assert fault(group("lambda")) == "target group mine has targets of type lambda: no pods or nodes"


def test_a_binding_that_the_original_made_for_an_ingress_is_nobodys_wish() -> None:
    body = {"metadata": {"name": "a", "labels": {"ingress.k8s.aws/stack-name": "web"}}, "spec": {}}
    assert not is_users(decode(json.encode(body), TargetGroupBinding))
    assert is_users(written())
