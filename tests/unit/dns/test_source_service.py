"""What a Service asks for: names from its annotations, addresses by its type."""

import pytest

from addons.dns.desired.settings import SourceSettings
from addons.dns.desired.source_service import service_endpoints
from addons.dns.model.objects import (
    EndpointConditions,
    EndpointSlice,
    ExposedStatus,
    LoadBalancerIngress,
    LoadBalancerStatus,
    Node,
    NodeAddress,
    NodeSpec,
    NodeStatus,
    Service,
    ServiceSpec,
    SliceEndpoint,
)
from addons.dns.model.zones import DomainFilter
from addons.runtime.objects import ObjectMeta
from addons.runtime.selectors import parse_selector

NEW, OLD = "external-dns.kubernetes.io/", "external-dns.alpha.kubernetes.io/"


def service(
    kind: str = "LoadBalancer", *ways_in: str, spec: ServiceSpec | None = None, **annotations: str
) -> Service:
    ingress = tuple(
        LoadBalancerIngress(ip=way) if way[0].isdigit() or ":" in way else LoadBalancerIngress(hostname=way)
        for way in ways_in
    )
    said = {NEW + key.replace("_", "-"): value for key, value in annotations.items()}
    return Service(
        metadata=ObjectMeta(
            name="www", namespace="web", annotations={NEW + "hostname": "a.example.com"} | said
        ),
        spec=spec or ServiceSpec(type=kind, cluster_ip="10.96.0.1"),
        status=ExposedStatus(load_balancer=LoadBalancerStatus(ingress=ingress)),
    )


def test_two_spellings_of_one_target_are_one() -> None:
    found = service("LoadBalancer", target="2001:DB8::1,2001:db8:0::1,192.0.2.1,192.0.2.1")
    assert {
        one.type: one.targets for one in service_endpoints(found, (), (), SourceSettings()).endpoints
    } == {
        "A": ("192.0.2.1",),
        "AAAA": ("2001:db8::1",),
    }
    hosts = service("LoadBalancer", "LB.example.net.", "lb.example.net")
    assert [one.targets for one in service_endpoints(hosts, (), (), SourceSettings()).endpoints] == [
        ("lb.example.net",)
    ]


def annotated(annotations: dict[str, str]) -> Service:
    made = service("LoadBalancer", "192.0.2.1")
    return Service(
        metadata=ObjectMeta(name="www", namespace="web", annotations=annotations),
        status=made.status,
        spec=made.spec,
    )


def pod(
    ip: str,
    *,
    ready: bool | None = True,
    hostname: str = "",
    node: str = "",
    terminating: bool = False,
    serving: bool | None = None,
) -> SliceEndpoint:
    conditions = EndpointConditions(ready=ready, serving=serving, terminating=terminating)
    return SliceEndpoint(addresses=(ip,), conditions=conditions, hostname=hostname, node_name=node)


def slices(*endpoints: SliceEndpoint, family: str = "IPv4") -> list[EndpointSlice]:
    return [EndpointSlice(address_type=family, endpoints=endpoints)]


def node(name: str, *, external: str = "", internal: str = "", cordoned: bool = False) -> Node:
    addresses = (NodeAddress("ExternalIP", external), NodeAddress("InternalIP", internal))
    return Node(
        metadata=ObjectMeta(name=name),
        spec=NodeSpec(unschedulable=cordoned),
        status=NodeStatus(addresses=tuple(found for found in addresses if found.address)),
    )


def wants(
    obj: Service,
    endpoints: list[EndpointSlice] | None = None,
    nodes: list[Node] | None = None,
    **settings: object,
) -> dict[str, str]:
    """Every endpoint as `"a.example.com A": "10.0.0.1 10.0.0.2"`."""
    found = service_endpoints(obj, endpoints or [], nodes or [], SourceSettings(**settings))  # type: ignore[arg-type]
    return {
        f"{endpoint.name} {endpoint.type}".strip(): " ".join(endpoint.targets) for endpoint in found.endpoints
    }


def problems(obj: Service) -> list[tuple[str, str]]:
    return [
        (found.reason, found.message) for found in service_endpoints(obj, [], [], SourceSettings()).problems
    ]


class TestLoadBalancer:
    """A load balancer's ways in, as its status tells them."""

    def test_addresses_of_both_families(self) -> None:
        found = wants(service("LoadBalancer", "192.0.2.1", "2001:db8::1"))
        assert found == {"a.example.com A": "192.0.2.1", "a.example.com AAAA": "2001:db8::1"}

    def test_a_host_name_becomes_a_cname(self) -> None:
        found = wants(service("LoadBalancer", "lb.example.net"))
        assert found == {"a.example.com CNAME": "lb.example.net"}

    def test_external_addresses_of_its_spec_come_first(self) -> None:
        spec = ServiceSpec(type="LoadBalancer", external_ips=("192.0.2.9",))
        assert wants(service("", "192.0.2.1", spec=spec)) == {"a.example.com A": "192.0.2.9"}

    def test_until_it_has_any_the_name_is_claimed_without_targets(self) -> None:
        assert wants(service("LoadBalancer")) == {"a.example.com": ""}

    def test_an_internal_name_gets_the_cluster_address(self) -> None:
        found = wants(service("LoadBalancer", "192.0.2.1", internal_hostname="b.example.com"))
        assert found == {"a.example.com A": "192.0.2.1", "b.example.com A": "10.96.0.1"}


class TestClusterAddress:
    """An address that only the cluster can reach is published when that is asked for."""

    def test_not_under_a_public_name(self) -> None:
        assert wants(service("ClusterIP")) == {}

    def test_under_an_internal_name(self) -> None:
        found = wants(service("ClusterIP", internal_hostname="b.example.com"))
        assert found == {"b.example.com A": "10.96.0.1"}

    def test_under_any_name_when_the_setting_says_so(self) -> None:
        assert wants(service("ClusterIP"), publish_internal_services=True) == {"a.example.com A": "10.96.0.1"}

    def test_both_families(self) -> None:
        spec = ServiceSpec(type="ClusterIP", cluster_ip="10.96.0.1", cluster_ips=("10.96.0.1", "fd00::1"))
        found = wants(service("", spec=spec), publish_internal_services=True)
        assert found == {"a.example.com A": "10.96.0.1", "a.example.com AAAA": "fd00::1"}


class TestHeadless:
    """A headless Service leads to its pods, as its EndpointSlices list them."""

    SPEC = ServiceSpec(type="ClusterIP", cluster_ip="None")

    def test_every_ready_pod(self) -> None:
        found = wants(
            service("", spec=self.SPEC),
            slices(pod("10.0.0.2"), pod("10.0.0.1", ready=None), pod("10.0.0.3", ready=False)),
        )
        assert found == {"a.example.com A": "10.0.0.1 10.0.0.2"}

    def test_pods_that_are_not_ready_when_the_service_says_so(self) -> None:
        spec = ServiceSpec(type="ClusterIP", cluster_ip="None", publish_not_ready_addresses=True)
        found = wants(service("", spec=spec), slices(pod("10.0.0.3", ready=False)))
        assert found == {"a.example.com A": "10.0.0.3"}

    def test_both_families(self) -> None:
        both = slices(pod("10.0.0.1")) + slices(pod("2001:db8::1"), family="IPv6")
        found = wants(service("", spec=self.SPEC), both)
        assert found == {"a.example.com A": "10.0.0.1", "a.example.com AAAA": "2001:db8::1"}

    def test_a_pod_with_a_host_name_has_a_name_of_its_own(self) -> None:
        found = wants(service("", spec=self.SPEC), slices(pod("10.0.0.1", hostname="db-0")))
        assert found == {"a.example.com A": "10.0.0.1", "db-0.a.example.com A": "10.0.0.1"}

    def test_names_that_are_no_addresses_are_left_out(self) -> None:
        found = wants(service("", spec=self.SPEC), slices(pod("db.example.net"), family="FQDN"))
        assert found == {}


class TestNodePort:
    """A NodePort is reached through the nodes."""

    def test_external_addresses(self) -> None:
        nodes = [node("one", external="192.0.2.1", internal="10.0.0.1"), node("two", internal="10.0.0.2")]
        assert wants(service("NodePort"), nodes=nodes) == {"a.example.com A": "192.0.2.1"}

    def test_internal_ones_where_there_are_no_others(self) -> None:
        nodes = [node("one", internal="10.0.0.1"), node("two", internal="10.0.0.2")]
        assert wants(service("NodePort"), nodes=nodes) == {"a.example.com A": "10.0.0.1 10.0.0.2"}

    def test_cordoned_nodes_are_left_out(self) -> None:
        nodes = [node("one", internal="10.0.0.1", cordoned=True), node("two", internal="10.0.0.2")]
        assert wants(service("NodePort"), nodes=nodes) == {"a.example.com A": "10.0.0.2"}

    READY = pod("1", node="one")
    DRAINING = pod("1", node="one", ready=False, terminating=True, serving=True)
    STARTING = pod("1", node="one", ready=False)

    @pytest.mark.parametrize(
        ("best", "expected"), [(READY, "10.0.0.1"), (DRAINING, "10.0.0.1"), (STARTING, "10.0.0.1 10.0.0.2")]
    )
    def test_local_traffic_goes_to_the_nodes_with_the_best_pods(
        self, best: SliceEndpoint, expected: str
    ) -> None:
        nodes = [node("one", internal="10.0.0.1"), node("two", internal="10.0.0.2")]
        spec = ServiceSpec(type="NodePort", external_traffic_policy="Local")
        endpoints = slices(best, pod("2", node="two", ready=False))
        found = wants(service("", spec=spec), endpoints, nodes)
        assert found == {"a.example.com A": expected}


class TestExternalName:
    """An ExternalName is a pointer elsewhere."""

    def test_becomes_a_cname(self) -> None:
        spec = ServiceSpec(type="ExternalName", external_name="DB.example.net.")
        assert wants(service("", spec=spec)) == {"a.example.com CNAME": "db.example.net"}

    def test_its_external_addresses_come_first(self) -> None:
        spec = ServiceSpec(type="ExternalName", external_name="db.example.net", external_ips=("192.0.2.1",))
        assert wants(service("", spec=spec)) == {"a.example.com A": "192.0.2.1"}


class TestAnnotations:
    """Both prefixes are read; a fault costs what it is in, and is told."""

    def test_several_names_share_the_targets(self) -> None:
        found = wants(service("LoadBalancer", "192.0.2.1", hostname="a.example.com, B.Example.com."))
        assert found == {"a.example.com A": "192.0.2.1", "b.example.com A": "192.0.2.1"}

    def test_the_older_prefix_is_read(self) -> None:
        assert wants(annotated({OLD + "hostname": "b.example.com"})) == {"b.example.com A": "192.0.2.1"}

    def test_the_newer_prefix_wins(self) -> None:
        both = {OLD + "hostname": "b.example.com", NEW + "hostname": "c.example.com"}
        assert wants(annotated(both)) == {"c.example.com A": "192.0.2.1"}

    def test_targets_of_an_annotation_replace_all_others(self) -> None:
        found = wants(service("LoadBalancer", "192.0.2.1", target="198.51.100.1,2001:db8::9"))
        assert found == {"a.example.com A": "198.51.100.1", "a.example.com AAAA": "2001:db8::9"}

    def test_a_malformed_name_costs_that_name_only(self) -> None:
        obj = service("LoadBalancer", "192.0.2.1", hostname="a b..c,good.example.com")
        assert wants(obj) == {"good.example.com A": "192.0.2.1"}
        assert [reason for reason, _ in problems(obj)] == ["InvalidHostname"]
        assert "annotation hostname: 'ab..c'" in problems(obj)[0][1]

    @pytest.mark.parametrize(
        ("written", "seconds"),
        [("600", 600), ("10m", 600), ("1h30m", 5400), ("45s", 45), ("0060", 60)],
    )
    def test_ttl(self, written: str, seconds: int) -> None:
        found = service_endpoints(service("LoadBalancer", "192.0.2.1", ttl=written), [], [], SourceSettings())
        assert [endpoint.ttl for endpoint in found.endpoints] == [seconds]

    @pytest.mark.parametrize(
        "written", ["", "0", "-5", "soon", "1.5h", "2147483648", "10m5", "9" * 5000, "9" * 5000 + "h"]
    )
    def test_a_ttl_without_sense_is_told_and_the_default_used(self, written: str) -> None:
        obj = service("LoadBalancer", "192.0.2.1", ttl=written)
        found = service_endpoints(obj, [], [], SourceSettings(default_ttl=120))
        assert [endpoint.ttl for endpoint in found.endpoints] == [120]
        assert [problem.reason for problem in found.problems] == ["InvalidAnnotation"]

    def test_another_controllers_object_is_left_to_it_with_its_faults(self) -> None:
        obj = service("LoadBalancer", "192.0.2.1", controller="other", ttl="soon")
        assert (wants(obj), problems(obj)) == ({}, [])

    def test_our_controllers_name_is_welcome(self) -> None:
        assert wants(service("LoadBalancer", "192.0.2.1", controller="dns-controller"))

    def test_addresses_and_a_host_name_cannot_share_a_name_and_what_exists_decides(self) -> None:
        obj = service("LoadBalancer", "192.0.2.1", "lb.example.net")
        assert wants(obj) == {"a.example.com A": "192.0.2.1", "a.example.com CNAME": "lb.example.net"}
        fault = "exclude the addresses beside them: a name with addresses cannot be a CNAME too"
        rule = "the one whose record exists counts, else addresses before a CNAME"
        assert problems(obj) == [("ConflictingTargets", f"a.example.com: lb.example.net {fault}; {rule}")]

    def test_a_cname_has_one_target_and_what_exists_decides(self) -> None:
        obj = service("LoadBalancer", "b.example.net", "a.example.net")
        found = service_endpoints(obj, [], [], SourceSettings()).endpoints
        assert [(one.type, one.targets) for one in found] == [
            ("CNAME", ("a.example.net",)),
            ("CNAME", ("b.example.net",)),
        ]
        assert problems(obj)[0][0] == "ConflictingTargets"


class TestScope:
    """Filters decide which objects and names are looked at."""

    READY = service("LoadBalancer", "192.0.2.1")

    def test_by_type(self) -> None:
        assert wants(self.READY, service_types=frozenset({"NodePort"})) == {}

    def test_by_annotation(self) -> None:
        assert wants(self.READY, annotations=parse_selector("team=a")) == {}

    def test_by_label(self) -> None:
        assert wants(self.READY, labels=parse_selector("!team")) != {}
        assert wants(self.READY, labels=parse_selector("team")) == {}

    def test_by_domain(self) -> None:
        assert wants(self.READY, domains=DomainFilter(["example.org"])) == {}

    def test_names_left_out_by_domain_are_counted_by_every_kind_of_service(self) -> None:
        domains = DomainFilter(["example.org"])
        names = {"www.example.com", "www.example.org"}
        for kind in ("LoadBalancer", "NodePort", "ClusterIP"):
            asking = service(kind, "192.0.2.1", hostname=", ".join(names), target="192.0.2.9")
            found = service_endpoints(asking, [], [], SourceSettings(domains=domains))
            assert {endpoint.name for endpoint in found.endpoints} == {"www.example.org"}
            assert found.outside == ("www.example.com",)

    def test_hostname_annotations_can_be_ignored(self) -> None:
        assert wants(self.READY, ignore_hostname_annotation=True) == {}
