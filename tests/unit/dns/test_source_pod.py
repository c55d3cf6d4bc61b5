"""What pods ask for themselves."""

import pytest
from msgspec.structs import replace

from addons.dns.desired.go_template import parse_template
from addons.dns.desired.settings import SourceSettings
from addons.dns.desired.source_pod import pod_endpoints
from addons.dns.model.endpoint import Desired
from addons.dns.model.objects import Node, NodeAddress, NodeSpec, NodeStatus, Pod
from addons.dns.model.zones import DomainFilter
from addons.runtime.objects import ObjectMeta
from tests.support.dns_pods import PREFIX, pod

OLD = "external-dns.alpha.kubernetes.io/"
APART = {"dns.aws-addons.io/multi-value": "per-pod"}
BARE = SourceSettings()
INSIDE = Node(
    metadata=ObjectMeta(name="node-b"),
    status=NodeStatus(
        addresses=(NodeAddress("InternalIP", "10.9.9.9"), NodeAddress("InternalIP", "2001:db8::9"))
    ),
)
NODE = Node(
    metadata=ObjectMeta(name="node-a"),
    status=NodeStatus(
        addresses=(NodeAddress("ExternalIP", "198.51.100.1"), NodeAddress("InternalIP", "10.9.9.9"))
    ),
)


def said(prefix: str = PREFIX, **annotations: str) -> dict[str, str]:
    texts = {"hostname": "www.example.com"} | annotations
    return {prefix + key.replace("_", "-"): value for key, value in texts.items()}


def asking(
    *addresses: str, ready: bool = True, leaving: bool = False, phase: str = "Running", **more: str
) -> Pod:
    return pod(
        "www-x",
        *(addresses or ("10.0.0.1",)),
        ready=ready,
        leaving=leaving,
        phase=phase,
        annotations=said(**more),
    )


def wants(found: Pod, **settings: object) -> dict[str, str]:
    """Every endpoint as `"www A": "10.0.0.1"`, with a `~` before those that only keep."""
    endpoints = pod_endpoints(found, NODE, SourceSettings(**settings)).endpoints  # type: ignore[arg-type]
    return {
        f"{'~' * one.keeps}{one.name.removesuffix('.example.com')} {one.type}": " ".join(one.targets)
        for one in endpoints
    }


def problems(found: Pod) -> list[str]:
    return [problem.message for problem in pod_endpoints(found, NODE, SourceSettings()).problems]


class TestNames:
    """Annotations name the pod, and a domain may name every pod."""

    def test_a_host_name_leads_to_the_pod_with_all_its_addresses(self) -> None:
        assert wants(asking("10.0.0.1", "2001:db8::1")) == {"www A": "10.0.0.1", "www AAAA": "2001:db8::1"}

    def test_so_does_an_internal_one(self) -> None:
        assert wants(asking(internal_hostname="in.example.com")) == {"www A": "10.0.0.1", "in A": "10.0.0.1"}

    def test_public_access_leads_to_the_node_from_outside(self) -> None:
        found = wants(asking(access="public", internal_hostname="in.example.com"))
        assert found == {"www A": "198.51.100.1", "in A": "10.0.0.1"}

    def test_targets_replace_the_addresses(self) -> None:
        assert wants(asking(target="lb.example.net")) == {"www CNAME": "lb.example.net"}

    def test_the_older_prefix_is_read(self) -> None:
        assert wants(pod("x", "10.0.0.1", annotations=said(OLD))) == {"www A": "10.0.0.1"}

    def test_the_domain_of_pods_names_every_pod(self) -> None:
        assert wants(pod("db-0", "10.0.0.1"), pod_domain="pods.example.com") == {"db-0.pods A": "10.0.0.1"}

    def test_a_pod_without_either_asks_for_nothing(self) -> None:
        assert pod_endpoints(pod("db-0", "10.0.0.1"), NODE, SourceSettings()) == Desired()

    def test_ttl(self) -> None:
        assert [endpoint.ttl for endpoint in pod_endpoints(asking(), NODE, SourceSettings()).endpoints] == [
            10
        ]
        assert [
            endpoint.ttl for endpoint in pod_endpoints(asking(ttl="1m"), NODE, SourceSettings()).endpoints
        ] == [60]

    def test_the_claimant_is_the_pod(self) -> None:
        assert (
            pod_endpoints(asking(), NODE, SourceSettings()).endpoints[0].asked_by.resource == "pod/web/www-x"
        )

    def test_filters_and_other_controllers(self) -> None:
        assert wants(asking(controller="other")) == {}
        assert wants(asking(), domains=DomainFilter(["example.org"])) == {}

    def test_faults_are_told(self) -> None:
        assert problems(asking(access="outside", hostname="a..b")) == [
            "annotation hostname: 'a..b' is not a host name: "
            "label '' is empty, longer than 63 characters or has a character it must not",
            "annotation access: 'outside' is neither public nor private",
        ]


class TestHostNetwork:
    """A host name of a pod in the host's network leads to its node, as in external-dns."""

    def wants(self, node: Node | None, settings: SourceSettings = BARE, **more: str) -> dict[str, str]:
        found = asking("10.9.9.9", internal_hostname="in.example.com", **more)  # type: ignore[arg-type]
        there = replace(found, spec=replace(found.spec, host_network=True))
        return {
            f"{one.name.removesuffix('.example.com')} {one.type}": " ".join(one.targets)
            for one in pod_endpoints(there, node, settings).endpoints
        }

    def test_by_its_external_addresses(self) -> None:
        assert self.wants(NODE) == {"www A": "198.51.100.1", "in A": "10.9.9.9"}

    def test_else_by_its_internal_ones(self) -> None:
        assert self.wants(INSIDE) == {"www A": "10.9.9.9", "www AAAA": "2001:db8::9", "in A": "10.9.9.9"}

    def test_on_a_cordoned_node_too(self) -> None:
        cordoned = replace(NODE, spec=NodeSpec(unschedulable=True))
        assert self.wants(cordoned) == {"www A": "198.51.100.1", "in A": "10.9.9.9"}

    def test_access_decides(self) -> None:
        assert self.wants(NODE, access="private") == {"www A": "10.9.9.9", "in A": "10.9.9.9"}
        assert self.wants(INSIDE, access="public") == {"www ": "", "in A": "10.9.9.9"}

    def test_targets_replace_the_addresses(self) -> None:
        assert self.wants(NODE, target="192.0.2.1") == {"www A": "192.0.2.1", "in A": "192.0.2.1"}

    def test_without_a_node_the_name_is_pending(self) -> None:
        assert self.wants(None) == {"www ": "", "in A": "10.9.9.9"}

    def test_names_of_the_template_and_of_its_own_lead_to_the_pod(self) -> None:
        template = parse_template("t.example.com")
        settings = SourceSettings(template=template, combines_template=True, pod_domain="pods.example.com")
        found = {"in A": "10.9.9.9", "t A": "10.9.9.9", "www-x.pods A": "10.9.9.9", "www A": "198.51.100.1"}
        assert self.wants(NODE, settings) == found

    def test_apart_it_is_pending_in_its_own_record_set(self) -> None:
        found = asking("10.9.9.9", access="public")
        annotations = {**found.metadata.annotations, **APART}
        apart = replace(found, metadata=replace(found.metadata, annotations=annotations))
        (endpoint,) = pod_endpoints(apart, INSIDE, BARE).endpoints
        assert (endpoint.is_pending, endpoint.set_identifier) == (True, found.metadata.uid)


class TestLife:
    """A pod is published while it is of use."""

    def test_not_before_it_is_ready(self) -> None:
        assert wants(asking(ready=False)) == {}
        assert wants(asking(phase="Pending")) == {}

    def test_unless_the_settings_say_so(self) -> None:
        assert wants(asking(ready=False), publish_not_ready=True) == {"www A": "10.0.0.1"}

    @pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
    def test_never_when_it_has_ended(self, phase: str) -> None:
        assert wants(asking(phase=phase), publish_not_ready=True, pod_domain="example.com") == {}

    def test_never_without_an_address(self) -> None:
        assert wants(pod("db-0", annotations=said()), pod_domain="example.com") == {}

    def test_one_that_terminates_keeps_the_name_of_its_own_only(self) -> None:
        found = wants(asking(leaving=True, ready=False), pod_domain="pods.example.com")
        assert found == {"~www-x.pods A": "10.0.0.1"}


class TestApart:
    """Pods of a shared name may have a record set each."""

    def test_it_is_known_by_the_pod_and_answers_with_others(self) -> None:
        found = pod("x", "10.0.0.1", annotations=said() | APART)
        endpoint = pod_endpoints(found, NODE, SourceSettings(hold_seconds=15)).endpoints[0]
        assert (endpoint.set_identifier, endpoint.routing) == ("x-uid-0000", (("MultiValueAnswer", "true"),))
        assert endpoint.hold_seconds == 0

    def test_a_host_name_cannot_be_one_of_many(self) -> None:
        found = pod("x", "10.0.0.1", annotations=said(target="lb.example.net") | APART)
        assert [
            endpoint.set_identifier for endpoint in pod_endpoints(found, NODE, SourceSettings()).endpoints
        ] == [""]

    def test_another_routing_policy_is_told_and_stands(self) -> None:
        found = pod("x", "10.0.0.1", annotations=said(aws_weight="5", set_identifier="one") | APART)
        endpoint = pod_endpoints(found, NODE, SourceSettings()).endpoints[0]
        assert (endpoint.set_identifier, endpoint.routing) == ("one", (("Weight", "5"),))
        assert problems(found) == [
            "annotation dns.aws-addons.io/multi-value: goes with no other routing policy"
        ]

    def test_another_value_is_told(self) -> None:
        found = pod("x", "10.0.0.1", annotations=said() | {"dns.aws-addons.io/multi-value": "true"})
        assert problems(found) == ["annotation dns.aws-addons.io/multi-value: 'true' is not per-pod"]
