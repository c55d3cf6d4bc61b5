"""What a headless Service asks for: its pods under one name, and each under a name of its own."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.dns.desired.settings import SourceSettings
from addons.dns.desired.source_service import needs_pods, service_endpoints
from addons.dns.model.endpoint import Desired
from addons.dns.model.objects import EndpointSlice, Node, NodeAddress, NodeStatus, Pod, Service, ServiceSpec
from addons.runtime.objects import ObjectMeta
from tests.support.dns_pods import PREFIX, pod, slices

OURS = "dns.aws-addons.io/"
NODE = Node(
    metadata=ObjectMeta(name="node-a"),
    status=NodeStatus(
        addresses=(NodeAddress("ExternalIP", "198.51.100.1"), NodeAddress("InternalIP", "10.9.9.9"))
    ),
)


def service(template: str = "", *, not_ready: bool = False, records: str = "true", **said: str) -> Service:
    annotations = {PREFIX + "hostname": "db.example.com", OURS + "pod-records": records}
    annotations |= {PREFIX + key.replace("_", "-"): value for key, value in said.items()}
    if template:
        annotations[OURS + "pod-hostname"] = template
    return Service(
        metadata=ObjectMeta(name="db", namespace="web", annotations=annotations),
        spec=ServiceSpec(type="ClusterIP", cluster_ip="None", publish_not_ready_addresses=not_ready),
    )


def endpoints(
    asking: Service,
    *pods: Pod,
    pieces: list[EndpointSlice] | None = None,
    settings: SourceSettings | None = None,
) -> Desired:
    listed = slices(*pods, with_not_ready=asking.spec.publish_not_ready_addresses)
    by_name = {found.metadata.name: found for found in pods}
    return service_endpoints(
        asking, listed if pieces is None else pieces, [NODE], settings or SourceSettings(), by_name
    )


def wants(asking: Service, *pods: Pod, **more: SourceSettings | list[EndpointSlice]) -> dict[str, str]:
    """Every endpoint as `"db A": "10.0.0.1"`, with a `~` before those that only keep."""
    return {
        f"{'~' if found.keeps else ''}{found.name.removesuffix('.example.com')} {found.type}": " ".join(
            found.targets
        )
        for found in endpoints(asking, *pods, **more).endpoints  # type: ignore[arg-type]
    }


def faults(asking: Service, *pods: Pod) -> list[str]:
    return [problem.message for problem in endpoints(asking, *pods).problems]


class TestPodRecords:
    """Each ready pod has a name of its own, beside the name that all share."""

    def test_pods_of_a_stateful_set(self) -> None:
        pods = [pod("db-0", "10.0.0.1", hostname="db-0"), pod("db-1", "10.0.0.2", hostname="db-1")]
        assert wants(service(), *pods) == {
            "db A": "10.0.0.1 10.0.0.2",
            "db-0.db A": "10.0.0.1",
            "db-1.db A": "10.0.0.2",
        }

    def test_pods_of_a_deployment_are_called_what_they_are_called(self) -> None:
        assert wants(service(), pod("web-5d8f-x2x", "10.0.0.1", owner="ReplicaSet", subdomain="")) == {
            "db A": "10.0.0.1",
            "web-5d8f-x2x.db A": "10.0.0.1",
        }

    def test_both_families(self) -> None:
        assert wants(service(), pod("db-0", "10.0.0.1", "2001:db8::1")) == {
            "db A": "10.0.0.1",
            "db AAAA": "2001:db8::1",
            "db-0.db A": "10.0.0.1",
            "db-0.db AAAA": "2001:db8::1",
        }

    def test_a_pod_has_all_its_addresses_though_the_service_serves_one_family(self) -> None:
        found = pod("db-0", "10.0.0.1", "2001:db8::1")
        only_ipv4 = slices(found)[:1]
        assert wants(service(), found, pieces=only_ipv4) == {
            "db A": "10.0.0.1",
            "db-0.db A": "10.0.0.1",
            "db-0.db AAAA": "2001:db8::1",
        }

    def test_pods_that_share_the_address_of_their_node_share_it_once(self) -> None:
        assert wants(service(), pod("db-0", "10.9.9.9"), pod("db-1", "10.9.9.9")) == {
            "db A": "10.9.9.9",
            "db-0.db A": "10.9.9.9",
            "db-1.db A": "10.9.9.9",
        }

    def test_names_of_pods_change_fast_so_their_ttl_is_short(self) -> None:
        assert {found.ttl for found in endpoints(service(), pod("db-0", "10.0.0.1")).endpoints} == {10}
        assert {found.ttl for found in endpoints(service(ttl="60"), pod("db-0", "10.0.0.1")).endpoints} == {
            60
        }

    def test_every_name_is_held_when_its_pods_are_gone(self) -> None:
        found = endpoints(service(), pod("db-0", "10.0.0.1"), settings=SourceSettings(hold_seconds=15))
        assert {endpoint.hold_seconds for endpoint in found.endpoints} == {15}

    def test_without_the_annotation_only_pods_with_a_host_name_have_one(self) -> None:
        pods = [pod("db-0", "10.0.0.1", hostname="zero"), pod("db-1", "10.0.0.2")]
        assert wants(service(records="false"), *pods) == {
            "db A": "10.0.0.1 10.0.0.2",
            "zero.db A": "10.0.0.1",
        }
        assert {found.ttl for found in endpoints(service(records="false"), *pods).endpoints} == {300}

    def test_a_value_that_is_neither_true_nor_false_is_told(self) -> None:
        assert faults(service(records="yes")) == [
            "annotation dns.aws-addons.io/pod-records: 'yes' is neither true nor false"
        ]
        found = endpoints(service(records="yes"), pod("db-0", "10.0.0.1"))
        assert [(one.name, one.keeps_ttl) for one in found.endpoints] == [("db.example.com", True)]

    def test_targets_of_the_service_replace_everything(self) -> None:
        assert wants(service(target="192.0.2.9"), pod("db-0", "10.0.0.1")) == {"db A": "192.0.2.9"}

    def test_a_wildcard_has_no_names_below_it(self) -> None:
        assert wants(service(hostname="*.example.com"), pod("db-0", "10.0.0.1")) == {"* A": "10.0.0.1"}

    def test_a_pod_that_needs_no_name_needs_no_watch(self) -> None:
        assert needs_pods(service(), SourceSettings())
        assert not needs_pods(service(target="192.0.2.9"), SourceSettings())
        assert not needs_pods(Service(spec=ServiceSpec(type="LoadBalancer")), SourceSettings())


class TestLife:
    """A pod is published while it is of use, and never without an address."""

    def test_one_that_is_not_ready_is_not(self) -> None:
        assert wants(service(), pod("db-0", "10.0.0.1", ready=False)) == {}

    def test_unless_the_service_says_so(self) -> None:
        found = wants(service(not_ready=True), pod("db-0", "10.0.0.1", ready=False, phase="Pending"))
        assert found == {"db A": "10.0.0.1", "db-0.db A": "10.0.0.1"}

    def test_or_the_settings_do(self) -> None:
        settings = SourceSettings(publish_not_ready=True)
        assert wants(service(), pod("db-0", "10.0.0.1", ready=False), settings=settings) == {
            "db A": "10.0.0.1",
            "db-0.db A": "10.0.0.1",
        }

    @pytest.mark.parametrize("not_ready", [False, True])
    def test_one_that_terminates_leaves_the_others_and_keeps_its_own_name(self, not_ready: bool) -> None:
        pods = [pod("db-0", "10.0.0.1", leaving=True, ready=False), pod("db-1", "10.0.0.2")]
        assert wants(service(not_ready=not_ready), *pods) == {
            "db A": "10.0.0.2",
            "~db-0.db A": "10.0.0.1",
            "db-1.db A": "10.0.0.2",
        }

    def test_it_leaves_even_while_its_slice_does_not_know_yet(self) -> None:
        before = slices(pod("db-0", "10.0.0.1"))
        assert wants(service(), pod("db-0", "10.0.0.1", leaving=True), pieces=before) == {
            "~db-0.db A": "10.0.0.1"
        }

    @pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
    def test_one_that_has_ended_is_gone(self, phase: str) -> None:
        assert wants(service(not_ready=True), pod("db-0", "10.0.0.1", phase=phase)) == {}

    def test_one_without_an_address_has_no_record(self) -> None:
        assert wants(service(not_ready=True), pod("db-0", phase="Pending")) == {}

    def test_what_a_slice_says_of_a_pod_that_is_gone_is_void(self) -> None:
        assert wants(service(), pieces=slices(pod("db-0", "10.0.0.1"))) == {}

    def test_so_is_what_it_says_of_a_former_pod_of_the_same_name(self) -> None:
        before = slices(pod("db-0", "10.0.0.1"))
        after = pod("db-0", "10.0.0.2")
        after = Pod(metadata=ObjectMeta(name="db-0", uid="another"), spec=after.spec, status=after.status)
        assert wants(service(), after, pieces=before) == {}

    def test_when_pods_cannot_be_read_the_slices_have_the_word(self) -> None:
        found = service_endpoints(
            service(), slices(pod("db-0", "10.0.0.1", hostname="db-0")), [], SourceSettings(), None
        )
        assert [endpoint.name for endpoint in found.endpoints] == ["db-0.db.example.com", "db.example.com"]

    def test_of_two_pods_with_one_name_the_newest_has_it(self) -> None:
        new = datetime(2026, 3, 3, tzinfo=UTC)
        pods = [pod("b", "10.0.0.1", hostname="same"), pod("a", "10.0.0.2", hostname="same", created=new)]
        assert wants(service(), *pods)["same.db A"] == "10.0.0.2"


class TestTemplates:
    """The annotation pod-hostname says what a pod is called below the name of its Service."""

    @pytest.mark.parametrize(
        ("template", "name"),
        [
            ("{name}", "db-7"),
            ("{ordinal}", "7"),
            ("shard-{ordinal}.{zone}", "shard-7.eu-1a"),
            ("{uid8}", "db-7-uid"),
            ("{ip-dashed}", "10-0-0-1"),
        ],
    )
    def test_placeholders(self, template: str, name: str) -> None:
        found = wants(service(template), pod("db-7", "10.0.0.1"))
        assert found == {"db A": "10.0.0.1", f"{name}.db A": "10.0.0.1"}

    def test_an_ipv6_address_is_spelled_out(self) -> None:
        found = wants(service("{ip-dashed}"), pod("db-7", "2001:db8::"))
        assert "2001-0db8-0000-0000-0000-0000-0000-0000.db AAAA" in found

    def test_an_unknown_placeholder_is_told_and_costs_the_single_names_only(self) -> None:
        asking = service("{host}")
        assert wants(asking, pod("db-0", "10.0.0.1")) == {"db A": "10.0.0.1"}
        assert faults(asking) == [
            "annotation dns.aws-addons.io/pod-hostname: '{host}' has the unknown placeholder {host}; "
            "there are {name}, {ordinal}, {uid8}, {ip-dashed}, {zone}"
        ]

    def test_so_is_a_brace_too_many(self) -> None:
        assert "without its counterpart" in faults(service("{name}}"))[0]

    def test_what_a_pod_has_not_is_told_once(self) -> None:
        pods = [pod(f"web-{letter}", f"10.0.0.{n}", owner="ReplicaSet") for n, letter in enumerate("xyz")]
        assert faults(service("{ordinal}"), *pods) == ["no name for a pod: pod web-x has no {ordinal}"]

    def test_a_name_that_dns_cannot_hold_is_told(self) -> None:
        assert "longer than 63 characters" in faults(service("x" * 60 + "{name}"), pod("db-0", "10.0.0.1"))[0]


class TestOtherAddresses:
    """Names may lead to the nodes of the pods, or to what a pod says."""

    def test_of_the_host(self) -> None:
        found = wants(service(endpoints_type="HostIP"), pod("db-0", "10.0.0.1", host_ip="10.9.9.9"))
        assert found == {"db A": "10.9.9.9", "db-0.db A": "10.9.9.9"}

    def test_of_every_host_by_setting(self) -> None:
        settings = SourceSettings(publish_host_ip=True)
        found = wants(
            service(records="false"), pod("db-0", "10.0.0.1", host_ip="10.9.9.9"), settings=settings
        )
        assert found == {"db A": "10.9.9.9"}

    def test_of_the_node_outside(self) -> None:
        found = wants(service(endpoints_type="NodeExternalIP"), pod("db-0", "10.0.0.1"))
        assert found == {"db A": "198.51.100.1", "db-0.db A": "198.51.100.1"}

    def test_an_unknown_type_is_told_and_no_address_used(self) -> None:
        asking = service(endpoints_type="Node")
        assert wants(asking, pod("db-0", "10.0.0.1")) == {"db ": "", "db-0.db ": ""}
        assert {found.is_unusable for found in endpoints(asking, pod("db-0", "10.0.0.1")).endpoints} == {True}
        assert faults(asking) == ["annotation endpoints-type: 'Node' is not NodeExternalIP or HostIP"]

    def test_of_the_pods_own_choice(self) -> None:
        chosen = pod("db-0", "10.0.0.1", annotations={PREFIX + "target": "192.0.2.1"})
        assert wants(service(), chosen, pod("db-1", "10.0.0.2")) == {
            "db A": "10.0.0.2 192.0.2.1",
            "db-0.db A": "192.0.2.1",
            "db-1.db A": "10.0.0.2",
        }


pods = st.lists(
    st.builds(
        lambda number, address, ready, leaving, age: pod(
            f"db-{number}",
            f"10.0.0.{address}",
            ready=ready,
            leaving=leaving,
            created=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=age),
        ),
        st.integers(0, 9),
        st.integers(1, 4),
        st.booleans(),
        st.booleans(),
        st.integers(0, 2),
    ),
    unique_by=lambda found: found.metadata.name,
)


@given(pods, st.sampled_from(["{name}", "{zone}", "{ordinal}"]), st.randoms(use_true_random=False))
def test_the_order_of_pods_and_slices_does_not_matter(
    found: list[Pod], template: str, random: Random
) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)
    pieces = slices(*shuffled)
    random.shuffle(pieces)
    assert endpoints(service(template), *found) == endpoints(service(template), *shuffled, pieces=pieces)
