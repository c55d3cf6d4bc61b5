"""Names from a template, for objects that have none of their own."""

from addons.dns.desired.go_template import parse_template
from addons.dns.desired.settings import SourceSettings
from addons.dns.desired.source_ingress import ingress_endpoints
from addons.dns.desired.source_service import service_endpoints
from addons.dns.model.endpoint import Desired
from addons.dns.model.objects import (
    ExposedStatus,
    Ingress,
    IngressRule,
    IngressSpec,
    LoadBalancerIngress,
    LoadBalancerStatus,
    Service,
    ServiceSpec,
)
from addons.runtime.objects import ObjectMeta

PREFIX = "external-dns.kubernetes.io/"
TEMPLATE = parse_template("{{.Name}}.{{.Namespace}}.example.com")
SERVED = ExposedStatus(LoadBalancerStatus((LoadBalancerIngress(ip="192.0.2.1"),)))


def meta(**said: str) -> ObjectMeta:
    annotations = {PREFIX + key.replace("_", "-"): value for key, value in said.items()}
    return ObjectMeta(name="www", namespace="shop", annotations=annotations)


def names(found: Desired) -> list[str]:
    return sorted(endpoint.name for endpoint in found.endpoints)


def service(*, combined: bool = False, kind: str = "LoadBalancer", **said: str) -> Desired:
    obj = Service(metadata=meta(**said), spec=ServiceSpec(type=kind, cluster_ip="10.0.0.1"), status=SERVED)
    return service_endpoints(obj, [], [], SourceSettings(template=TEMPLATE, combines_template=combined))


def ingress(*hosts: str, combined: bool = False, **said: str) -> Desired:
    rules = tuple(IngressRule(host=host) for host in hosts)
    obj = Ingress(metadata=meta(**said), spec=IngressSpec(rules=rules), status=SERVED)
    return ingress_endpoints(obj, SourceSettings(template=TEMPLATE, combines_template=combined))


class TestServices:
    """A Service without annotations for names."""

    def test_has_the_name_of_the_template(self) -> None:
        assert names(service()) == ["www.shop.example.com"]

    def test_with_a_name_of_its_own_it_has_that_alone(self) -> None:
        assert names(service(hostname="a.example.com")) == ["a.example.com"]

    def test_combined_it_has_both(self) -> None:
        found = service(hostname="a.example.com", combined=True)
        assert names(found) == ["a.example.com", "www.shop.example.com"]

    def test_an_address_inside_the_cluster_is_not_published_for_it(self) -> None:
        assert names(service(kind="ClusterIP")) == []


class TestIngresses:
    """An Ingress without hosts."""

    def test_has_the_name_of_the_template(self) -> None:
        assert names(ingress()) == ["www.shop.example.com"]

    def test_with_hosts_it_has_those_alone(self) -> None:
        assert names(ingress("a.example.com")) == ["a.example.com"]
        assert names(ingress("a.example.com", combined=True)) == ["a.example.com", "www.shop.example.com"]


class TestSourceOfNames:
    """`ingress-hostname-source` says which names count."""

    def test_those_of_the_annotation(self) -> None:
        found = ingress("a.example.com", hostname="b.example.com", ingress_hostname_source="annotation-only")
        assert names(found) == ["b.example.com"]

    def test_those_of_rules_and_certificates(self) -> None:
        found = ingress(
            "a.example.com", hostname="b.example.com", ingress_hostname_source="defined-hosts-only"
        )
        assert names(found) == ["a.example.com"]

    def test_anything_else_is_told_and_all_count(self) -> None:
        found = ingress("a.example.com", hostname="b.example.com", ingress_hostname_source="some")
        assert names(found) == ["a.example.com", "b.example.com"]
        assert [problem.reason for problem in found.problems] == ["InvalidAnnotation"]
