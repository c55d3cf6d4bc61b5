"""What an Ingress asks for: its hosts, pointing at its load balancer."""

from addons.dns.desired.settings import SourceSettings
from addons.dns.desired.source_ingress import ingress_endpoints
from addons.dns.model.objects import (
    ExposedStatus,
    Ingress,
    IngressRule,
    IngressSpec,
    IngressTls,
    LoadBalancerIngress,
    LoadBalancerStatus,
)
from addons.runtime.objects import ObjectMeta

PREFIX = "external-dns.kubernetes.io/"


def ingress(
    *hosts: str, tls: tuple[str, ...] = (), class_name: str = "", annotations: dict[str, str] | None = None
) -> Ingress:
    ways_in = (LoadBalancerIngress(ip="192.0.2.1"),)
    return Ingress(
        metadata=ObjectMeta(name="www", namespace="web", annotations=annotations or {}),
        spec=IngressSpec(
            ingress_class_name=class_name,
            rules=tuple(IngressRule(host=host) for host in hosts),
            tls=(IngressTls(hosts=tls),),
        ),
        status=ExposedStatus(load_balancer=LoadBalancerStatus(ingress=ways_in)),
    )


def names(obj: Ingress, **settings: object) -> list[str]:
    return [endpoint.name for endpoint in ingress_endpoints(obj, SourceSettings(**settings)).endpoints]  # type: ignore[arg-type]


class TestHosts:
    """Hosts stand in rules, in certificates and in the annotation; each counts once."""

    def test_all_three_places(self) -> None:
        annotations = {PREFIX + "hostname": "c.example.com"}
        obj = ingress("a.example.com", tls=("b.example.com", "a.example.com"), annotations=annotations)
        assert names(obj) == ["a.example.com", "b.example.com", "c.example.com"]

    def test_spelling_does_not_make_two_of_one(self) -> None:
        assert names(ingress("A.Example.com", tls=("a.example.com",))) == ["a.example.com"]

    def test_wildcards(self) -> None:
        assert names(ingress("*.example.com")) == ["*.example.com"]

    def test_a_rule_for_every_host_names_none(self) -> None:
        assert names(ingress("")) == []

    def test_rules_can_be_ignored(self) -> None:
        assert names(ingress("a.example.com", tls=("b.example.com",)), ignore_ingress_rules=True) == [
            "b.example.com"
        ]

    def test_certificates_can_be_ignored(self) -> None:
        assert names(ingress("a.example.com", tls=("b.example.com",)), ignore_ingress_tls=True) == [
            "a.example.com"
        ]

    def test_a_malformed_host_is_told_with_its_place(self) -> None:
        found = ingress_endpoints(ingress("a..example.com", "b.example.com"), SourceSettings())
        assert [endpoint.name for endpoint in found.endpoints] == ["b.example.com"]
        assert found.problems[0].message.startswith("spec.rules: 'a..example.com' is not a host name")


class TestTargets:
    """The load balancer in the status, or what the annotation says."""

    def values(self, obj: Ingress) -> list[tuple[str, ...]]:
        return [endpoint.targets for endpoint in ingress_endpoints(obj, SourceSettings()).endpoints]

    def test_status(self) -> None:
        assert self.values(ingress("a.example.com")) == [("192.0.2.1",)]

    def test_annotation(self) -> None:
        obj = ingress("a.example.com", annotations={PREFIX + "target": "lb.example.net"})
        assert self.values(obj) == [("lb.example.net",)]


class TestClass:
    """Only Ingresses of the named classes count, however the class is written."""

    ONLY_ALB = frozenset({"alb"})

    def test_in_the_spec(self) -> None:
        assert names(ingress("a.example.com", class_name="alb"), ingress_classes=self.ONLY_ALB)
        assert not names(ingress("a.example.com", class_name="nginx"), ingress_classes=self.ONLY_ALB)

    def test_in_the_annotation_of_old(self) -> None:
        obj = ingress("a.example.com", annotations={"kubernetes.io/ingress.class": "alb"})
        assert names(obj, ingress_classes=self.ONLY_ALB)

    def test_the_spec_wins(self) -> None:
        obj = ingress("a.example.com", class_name="nginx", annotations={"kubernetes.io/ingress.class": "alb"})
        assert not names(obj, ingress_classes=self.ONLY_ALB)

    def test_another_controllers_ingress_is_left_alone(self) -> None:
        assert names(ingress("a.example.com", annotations={PREFIX + "controller": "other"})) == []
