"""What Nodes ask for, and what NodePort Services make of them."""

import pytest

from addons.dns.desired.go_template import parse_template
from addons.dns.desired.settings import SourceSettings
from addons.dns.desired.source_node import node_endpoints
from addons.dns.desired.source_service import service_endpoints
from addons.dns.desired.target_filter import TargetFilter, parse_networks
from addons.dns.model.endpoint import Desired
from addons.dns.model.objects import (
    Node,
    NodeAddress,
    NodeSpec,
    NodeStatus,
    Service,
    ServicePort,
    ServiceSpec,
)
from addons.runtime.objects import ObjectMeta

PREFIX = "external-dns.kubernetes.io/"


def node(
    name: str = "n1.example.com",
    *,
    external: tuple[str, ...] = (),
    internal: tuple[str, ...] = (),
    cordoned: bool = False,
    labels: dict[str, str] | None = None,
    **said: str,
) -> Node:
    addresses = [NodeAddress("ExternalIP", ip) for ip in external]
    addresses += [NodeAddress("InternalIP", ip) for ip in internal]
    annotations = {PREFIX + key: value for key, value in said.items()}
    return Node(
        metadata=ObjectMeta(name=name, labels=labels or {}, annotations=annotations),
        spec=NodeSpec(unschedulable=cordoned),
        status=NodeStatus(addresses=tuple(addresses)),
    )


def shown(found: Desired) -> dict[str, str]:
    return {
        f"{endpoint.name} {endpoint.type}".strip(): " ".join(endpoint.targets) for endpoint in found.endpoints
    }


def wants(obj: Node, **settings: object) -> dict[str, str]:
    return shown(node_endpoints(obj, SourceSettings(**settings)))  # type: ignore[arg-type]


FOUND = {"n1.example.com A": "192.0.2.1"}


class TestNode:
    """A node has its name, and leads to its addresses."""

    def test_the_external_address(self) -> None:
        assert wants(node(external=("192.0.2.1",), internal=("10.0.0.1",))) == FOUND

    def test_without_one_the_internal_addresses_of_both_families(self) -> None:
        found = wants(node(internal=("10.0.0.1", "fd00::1")))
        assert found == {"n1.example.com A": "10.0.0.1", "n1.example.com AAAA": "fd00::1"}

    def test_internal_ipv6_addresses_count_as_external_when_that_is_asked_for(self) -> None:
        dual = node(external=("192.0.2.1",), internal=("10.0.0.1", "2001:db8::1"))
        assert wants(dual) == FOUND
        assert wants(dual, exposes_internal_ipv6=True) == FOUND | {"n1.example.com AAAA": "2001:db8::1"}

    def test_a_cordoned_node_gives_its_name_up(self) -> None:
        cordoned = node(external=("192.0.2.1",), cordoned=True)
        assert wants(cordoned) == {}
        assert wants(cordoned, excludes_unschedulable=False) == FOUND

    def test_without_addresses_the_name_is_claimed_without_targets(self) -> None:
        assert wants(node()) == {"n1.example.com": ""}

    def test_annotations_give_targets_and_ttl(self) -> None:
        found = node_endpoints(node(target="198.51.100.1", ttl="9"), SourceSettings()).endpoints
        assert [(endpoint.targets, endpoint.ttl) for endpoint in found] == [(("198.51.100.1",), 9)]

    def test_another_controller_s_node_is_left_alone(self) -> None:
        assert wants(node(external=("192.0.2.1",), controller="other")) == {}

    def test_the_template_replaces_its_name(self) -> None:
        template = parse_template('{{ index .Labels "pool" }}.example.com, {{.Name}}')
        found = wants(node(external=("192.0.2.1",), labels={"pool": "web"}), template=template)
        assert found == {"web.example.com A": "192.0.2.1"} | FOUND

    def test_a_template_that_does_not_suit_is_told(self) -> None:
        settings = SourceSettings(template=parse_template("{{.Labels.pool}}.example.com"))
        found = node_endpoints(node(external=("192.0.2.1",)), settings)
        assert found.endpoints == ()
        assert [(problem.reason, problem.message) for problem in found.problems] == [
            ("InvalidTemplate", "--fqdn-template: the object has no .Labels.pool")
        ]


def node_port(*ports: ServicePort, policy: str = "", **said: str) -> Service:
    annotations = {PREFIX + key: value for key, value in ({"hostname": "a.example.com"} | said).items()}
    return Service(
        metadata=ObjectMeta(name="www", namespace="web", annotations=annotations),
        spec=ServiceSpec(type="NodePort", ports=ports, external_traffic_policy=policy),
    )


NODES = [
    node("one", external=("192.0.2.1",), internal=("10.0.0.1",)),
    node("two", external=("192.0.2.2",), internal=("10.0.0.2",), cordoned=True),
]
PORTS = (ServicePort(node_port=30080), ServicePort(node_port=30053, protocol="UDP"))


def serves(obj: Service, **settings: object) -> dict[str, str]:
    """What the Service asks for, types that are not managed left out."""
    found = service_endpoints(obj, [], NODES, SourceSettings(**settings))  # type: ignore[arg-type]
    return shown(SourceSettings(**settings).targets.permit(found))  # type: ignore[arg-type]


WITH_SRV = TargetFilter(types=frozenset({"A", "AAAA", "CNAME", "SRV"}))


class TestNodePort:
    """A NodePort Service is reached at its nodes, and its ports are told by SRV records."""

    def test_ports_are_told_by_protocol_when_srv_is_managed(self) -> None:
        assert serves(node_port(*PORTS), targets=WITH_SRV) == {
            "a.example.com A": "192.0.2.1",
            "_www._tcp.a.example.com SRV": "0 50 30080 a.example.com.",
            "_www._udp.a.example.com SRV": "0 50 30053 a.example.com.",
        }

    def test_several_ports_of_one_protocol_share_the_record(self) -> None:
        more = ServicePort(node_port=30443)
        found = serves(node_port(PORTS[0], more), targets=WITH_SRV)
        assert found["_www._tcp.a.example.com SRV"] == "0 50 30080 a.example.com. 0 50 30443 a.example.com."

    def test_by_default_srv_is_not_managed(self) -> None:
        assert serves(node_port(*PORTS)) == {"a.example.com A": "192.0.2.1"}

    def test_wildcards_have_no_ports(self) -> None:
        found = serves(node_port(*PORTS, hostname="*.example.com"), targets=WITH_SRV)
        assert found == {"*.example.com A": "192.0.2.1"}

    def test_targets_of_its_own_have_no_node_ports(self) -> None:
        found = serves(node_port(*PORTS, target="198.51.100.1"), targets=WITH_SRV)
        assert found == {"a.example.com A": "198.51.100.1"}

    @pytest.mark.parametrize(("access", "address"), [("private", "10.0.0.1"), ("public", "192.0.2.1")])
    def test_the_access_annotation_chooses_the_addresses(self, access: str, address: str) -> None:
        assert serves(node_port(access=access)) == {"a.example.com A": address}

    def test_public_access_never_falls_back_to_internal_addresses(self) -> None:
        inside = [node("one", internal=("10.0.0.1",))]
        found = service_endpoints(node_port(access="public"), [], inside, SourceSettings())
        assert shown(found) == {"a.example.com": ""}

    def test_an_access_that_does_not_exist_is_told(self) -> None:
        found = service_endpoints(node_port(access="x"), [], NODES, SourceSettings())
        assert [problem.message for problem in found.problems] == [
            "annotation access: 'x' is not public or private"
        ]
        assert shown(found) == {"a.example.com": ""}
        assert [endpoint.is_unusable for endpoint in found.endpoints] == [True]


class TestTargetFilter:
    """Addresses outside the permitted networks are never published."""

    def permitted(
        self, targets: str, *, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()
    ) -> dict[str, str]:
        found = service_endpoints(node_port(target=targets), [], [], SourceSettings())
        return shown(
            TargetFilter(include=parse_networks(include), exclude=parse_networks(exclude)).permit(found)
        )

    def test_only_included_networks(self) -> None:
        assert self.permitted("10.0.0.1,192.0.2.1", include=("192.0.2.0/24",)) == {
            "a.example.com A": "192.0.2.1"
        }

    def test_no_excluded_network(self) -> None:
        found = self.permitted("10.0.0.1,192.0.2.1", exclude=("10.0.0.0/8", "fd00::/8"))
        assert found == {"a.example.com A": "192.0.2.1"}

    def test_a_name_without_any_permitted_address_is_not_wanted(self) -> None:
        assert self.permitted("10.0.0.1", exclude=("10.0.0.0/8",)) == {}

    def test_host_names_are_in_no_network(self) -> None:
        assert self.permitted("lb.example.net", include=("192.0.2.0/24",)) == {}
        assert self.permitted("lb.example.net", exclude=("10.0.0.0/8",)) == {
            "a.example.com CNAME": "lb.example.net"
        }

    def test_types_that_are_not_managed_are_left_out(self) -> None:
        found = service_endpoints(node_port(target="192.0.2.1,2001:db8::1"), [], [], SourceSettings())
        assert shown(TargetFilter(types=frozenset({"AAAA"})).permit(found)) == {
            "a.example.com AAAA": "2001:db8::1"
        }
