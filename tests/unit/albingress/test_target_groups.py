"""Target groups: what an Ingress, its class and a Service ask for."""

from typing import Any

import pytest

from addons.albingress.desired.backends import Backends
from addons.albingress.desired.not_usable import Faults, NotUsable
from addons.albingress.model.objects import Service, ServicePort
from addons.albingress.model.stack import DesiredTargetGroup, HealthCheck
from tests.support.alb_rules import inputs, member, service

IP = {"target-type": "ip"}


def group(
    said: dict[str, Any] | None = None,
    *,
    web: Service | None = None,
    port: int | str = 80,
    params: Any = None,
    dual_stack: bool = False,
    **settings: Any,
) -> DesiredTargetGroup:
    one = member("a", said=said, params=params)
    given = inputs(one, services=[web or service()], **settings)
    return Backends(given, Faults(), is_dual_stack=dual_stack).target_group(one, "web", port)


class TestTargetType:
    """Targets are nodes, or pods."""

    def test_nodes_at_their_node_port_if_nobody_says_it(self) -> None:
        assert (group().target_type, group().port) == ("instance", 30080)

    def test_pods_at_the_port_that_they_have(self) -> None:
        assert (group(IP).target_type, group(IP).port) == ("ip", 8080)

    def test_a_port_that_pods_give_a_name_counts_as_1_as_with_the_original(self) -> None:
        named = service("web", ServicePort(port=80, target_port="http"))
        assert group(IP, web=named).port == 1

    def test_a_port_without_a_target_port_is_that_of_the_service(self) -> None:
        assert group(IP, web=service("web", ServicePort(port=80))).port == 80

    def test_the_default_can_be_set(self) -> None:
        assert group(default_target_type="ip").target_type == "ip"

    @pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
    def test_services_with_node_ports_have_instances(self, kind: str) -> None:
        assert group(web=service(kind=kind)).port == 30080

    def test_a_service_without_node_ports_has_none(self) -> None:
        with pytest.raises(NotUsable, match="of type ClusterIP has no node port for 80"):
            group(web=service(kind="ClusterIP"))
        assert group(IP, web=service(kind="ClusterIP")).port == 8080

    def test_a_service_that_is_but_a_name_has_no_targets(self) -> None:
        with pytest.raises(NotUsable, match="service shop/web is an ExternalName, which has no endpoints"):
            group(IP, web=service(kind="ExternalName"))


class TestPrecedence:
    """The class over the Service, the Service over the Ingress."""

    def test_the_service_wins_over_the_ingress(self) -> None:
        assert group({"target-type": "instance"}, web=service(said=IP)).target_type == "ip"

    def test_the_class_wins_over_both(self) -> None:
        found = group(IP, web=service(said=IP), params={"targetType": "instance"})
        assert found.target_type == "instance"

    def test_every_setting_is_looked_for_on_its_own(self) -> None:
        web = service(said={"healthcheck-path": "/service"})
        found = group({"healthcheck-path": "/ingress", "success-codes": "204"}, web=web)
        assert (found.health.path, found.health.matcher) == ("/service", "204")


class TestHealth:
    """How AWS asks targets whether they are well."""

    def test_as_the_original_if_nobody_says_it(self) -> None:
        assert group().health == HealthCheck(protocol="HTTP", path="/", matcher="200")
        assert (group().health.interval, group().health.timeout) == (15, 5)

    def test_of_grpc(self) -> None:
        found = group({"backend-protocol-version": "GRPC"})
        assert (found.version, found.health.path, found.health.matcher) == (
            "GRPC",
            "/AWS.ALB/healthcheck",
            "12",
        )

    def test_by_the_protocol_of_the_backend(self) -> None:
        found = group({"backend-protocol": "HTTPS"})
        assert (found.protocol, found.health.protocol) == ("HTTPS", "HTTPS")

    def test_every_setting(self) -> None:
        said = {
            "healthcheck-protocol": "HTTPS",
            "healthcheck-path": "/health",
            "healthcheck-port": "9000",
            "healthcheck-interval-seconds": "10",
            "healthcheck-timeout-seconds": "9",
            "healthy-threshold-count": "3",
            "unhealthy-threshold-count": "4",
            "success-codes": "200-299",
        }
        assert group(said).health == HealthCheck(
            protocol="HTTPS",
            path="/health",
            matcher="200-299",
            port="9000",
            interval=10,
            timeout=9,
            healthy=3,
            unhealthy=4,
        )

    def test_a_port_by_name_is_the_number_that_targets_have(self) -> None:
        admin = ServicePort(name="admin", port=90, target_port=9090, node_port=30090)
        web = service("web", ServicePort(name="http", port=80, target_port=8080, node_port=30080), admin)
        said = {"healthcheck-port": "admin"}
        assert group(said, web=web).health.port == "30090"
        assert group(said | IP, web=web).health.port == "9090"

    def test_a_port_by_name_whose_number_only_pods_know_is_refused(self) -> None:
        web = service("web", ServicePort(name="http", port=80, target_port="http"))
        with pytest.raises(NotUsable, match="pods may have it at different numbers; give a number"):
            group({"healthcheck-port": "http"} | IP, web=web)

    def test_a_timeout_longer_than_the_interval_is_refused(self) -> None:
        with pytest.raises(NotUsable, match="timeout of 20 s is longer than the interval of 15 s"):
            group({"healthcheck-timeout-seconds": "20"})


class TestIdentity:
    """The name and the tag by which the original finds it too."""

    def test_the_resource_names_the_port_as_written(self) -> None:
        assert group(port="http").resource == "shop/a-web:http"
        assert group(port=80).resource == "shop/a-web:80"

    def test_the_name_changes_with_all_that_cannot_be_changed_in_place(self) -> None:
        found = {
            group().name,
            group(port="http").name,
            group(IP).name,
            group({"backend-protocol": "HTTPS"}).name,
            group({"backend-protocol-version": "HTTP2"}).name,
        }
        assert len(found) == 5
        assert all(name.startswith("k8s-shop-web-") for name in found)

    def test_health_and_attributes_leave_the_name_as_it_is(self) -> None:
        said = {"healthcheck-path": "/x", "target-group-attributes": "slow_start.duration_seconds=30"}
        assert group(said).name == group().name

    def test_its_tags_are_those_of_the_original_with_those_of_the_user(self) -> None:
        found = dict(group({"tags": "team=a,env=test"}, web=service(said={"tags": "team=b"})).tags)
        assert found == {
            "elbv2.k8s.aws/cluster": "prod",
            "ingress.k8s.aws/stack": "team",
            "ingress.k8s.aws/resource": "shop/a-web:80",
            "team": "b",
            "env": "test",
        }

    def test_default_tags_win(self) -> None:
        assert dict(group({"tags": "team=a"}, default_tags={"team": "ours"}).tags)["team"] == "ours"


class TestMore:
    """Attributes, nodes and families."""

    def test_attributes_are_those_that_are_asked_for(self) -> None:
        said = {"target-group-attributes": "stickiness.enabled=true,deregistration_delay.timeout_seconds=30"}
        assert group(said).attributes == (
            ("deregistration_delay.timeout_seconds", "30"),
            ("stickiness.enabled", "true"),
        )
        assert group().attributes == ()

    def test_nodes_can_be_chosen_by_label_for_instances_alone(self) -> None:
        said = {"target-node-labels": "pool=web,zone=a"}
        assert group(said).node_selector == "pool=web,zone=a"
        assert group(said | IP).node_selector == ""

    def test_a_service_with_ipv6_has_ipv6_targets(self) -> None:
        web = service(families=("IPv6",))
        assert group(web=web, dual_stack=True).ip_address_type == "ipv6"
        with pytest.raises(NotUsable, match="the load balancer is not dualstack"):
            group(web=web)

    def test_ipv4_behind_a_dualstack_load_balancer_stays_so(self) -> None:
        assert group(dual_stack=True).ip_address_type == "ipv4"
