"""Which targets a binding asks for."""

import pytest

from addons.albingress.desired.endpoints import desired_targets
from addons.albingress.model.backends import Backends
from addons.albingress.model.network import Vpc
from addons.albingress.model.objects import EndpointSlice, Node, Pod, Service, ServicePort
from addons.albingress.model.targets import Binding, NotKnown, Target, Wanted
from addons.runtime.objects import key
from tests.support.alb_objects import GATE, binding, endpoint, node, piece, pod, service

VPC = Vpc(id="vpc-1", cidrs=("10.0.0.0/16",), ipv6_cidrs=("2001:db8::/56",))


def asked(
    *slices: EndpointSlice,
    to: Binding | None = None,
    of: Service | None = None,
    pods: tuple[Pod, ...] = (),
    nodes: tuple[Node, ...] = (node("n1"),),
    fail_open: bool = True,
) -> Wanted | NotKnown:
    backends = Backends(
        service=of or service(),
        slices=slices,
        pods={key(each): each for each in pods},
        nodes={each.metadata.name: each for each in nodes},
    )
    return desired_targets(to or binding(), backends, VPC, fail_open=fail_open)


def targets(*slices: EndpointSlice, **more: object) -> list[tuple[str, int, str]]:
    found = asked(*slices, **more)  # type: ignore[arg-type]
    assert isinstance(found, Wanted), found
    return [(target.id, target.port, target.zone) for target in found.targets]


def why(*slices: EndpointSlice, **more: object) -> str:
    found = asked(*slices, **more)  # type: ignore[arg-type]
    assert isinstance(found, NotKnown)
    return found.message


class TestAddresses:
    """Targets of type ip are the endpoints of the Service's slices."""

    def test_ready_endpoints_are_targets_with_the_port_of_their_slice(self) -> None:
        one, other = piece(endpoint("10.0.1.1")), piece(endpoint("10.0.1.2"), port=9090, name="b")
        assert targets(one, other) == [("10.0.1.1", 8080, ""), ("10.0.1.2", 9090, "")]

    def test_an_unknown_readiness_counts_as_ready(self) -> None:
        assert targets(piece(endpoint("10.0.1.1", ready=None))) == [("10.0.1.1", 8080, "")]

    def test_an_endpoint_that_is_not_ready_is_none(self) -> None:
        assert targets(piece(endpoint("10.0.1.1", ready=False))) == []

    def test_a_terminating_endpoint_is_none_although_it_is_shown_as_ready(self) -> None:
        assert targets(piece(endpoint("10.0.1.1", terminating=True))) == []

    def test_a_pod_that_is_being_deleted_is_none_before_its_slice_says_so(self) -> None:
        assert targets(piece(endpoint("10.0.1.1", pod="a")), pods=(pod("a", leaving=True),)) == []

    def test_another_pod_that_got_the_name_does_not_count(self) -> None:
        old = endpoint("10.0.1.1", pod="a", uid="uid-of-the-first-a")
        assert targets(piece(old), pods=(pod("a", leaving=True),)) == [("10.0.1.1", 8080, "")]

    def test_an_unready_endpoint_of_a_service_that_publishes_it_is_shown_as_ready_and_is_one(self) -> None:
        assert targets(piece(endpoint("10.0.1.1", ready=True, pod="a"))) == [("10.0.1.1", 8080, "")]

    def test_an_endpoint_without_a_pod_is_a_target_in_all_zones_where_it_is_outside_the_vpc(self) -> None:
        assert targets(piece(endpoint("192.168.7.9"))) == [("192.168.7.9", 8080, "all")]

    def test_an_address_in_two_slices_is_one_target(self) -> None:
        both = piece(endpoint("10.0.1.1")), piece(endpoint("10.0.1.1", ready=False), name="b")
        assert targets(*both) == [("10.0.1.1", 8080, "")]

    def test_only_addresses_of_the_groups_family_are_targets(self) -> None:
        four, six = piece(endpoint("10.0.1.1")), piece(endpoint("2001:db8::1"), family="IPv6", name="b")
        assert targets(four, six, to=binding(family="ipv6")) == [("2001:db8::1", 8080, "")]

    def test_the_port_may_be_named(self) -> None:
        assert targets(piece(endpoint("10.0.1.1")), to=binding("http")) == [("10.0.1.1", 8080, "")]

    def test_the_pod_behind_each_target_is_known(self) -> None:
        found = asked(piece(endpoint("10.0.1.1", pod="a")), pods=(pod("a"),))
        assert isinstance(found, Wanted)
        assert found.pods == {Target("10.0.1.1", 8080): ("default", "a")}

    def test_a_service_without_selector_and_slices_asks_for_none(self) -> None:
        assert targets(of=service(selector=False)) == []


class TestGatedPods:
    """A pod whose readiness waits for its target group is registered before it is ready."""

    def test_it_is_a_target_as_soon_as_its_containers_are_ready(self) -> None:
        waiting = piece(endpoint("10.0.1.1", pod="a", ready=False))
        assert targets(waiting, pods=(pod("a", gates=(GATE,)),)) == [("10.0.1.1", 8080, "")]

    def test_not_before(self) -> None:
        waiting = piece(endpoint("10.0.1.1", pod="a", ready=False))
        assert targets(waiting, pods=(pod("a", gates=(GATE,), containers_ready=False),)) == []

    def test_nor_while_its_node_does_not_answer_and_another_pod_serves(self) -> None:
        both = piece(endpoint("10.0.1.1", pod="a", ready=False), endpoint("10.0.1.2"))
        quiet = (node("n1", ready="Unknown"),)
        assert targets(both, pods=(pod("a", gates=(GATE,)),), nodes=quiet) == [("10.0.1.2", 8080, "")]

    def test_a_pod_that_waits_for_somebody_elses_gate_is_none(self) -> None:
        waiting = piece(endpoint("10.0.1.1", pod="a", ready=False))
        assert targets(waiting, pods=(pod("a", gates=("example.com/other",)),)) == []


class TestNodesThatDoNotAnswer:
    """Where every pod is on a node that went quiet, they serve on: the fault may be ours."""

    quiet = (node("n1", ready="Unknown"),)
    lost = piece(endpoint("10.0.1.1", pod="a", ready=False))

    def test_their_pods_serve_where_nobody_else_does(self) -> None:
        assert targets(self.lost, pods=(pod("a"),), nodes=self.quiet) == [("10.0.1.1", 8080, "")]

    def test_not_where_it_is_switched_off(self) -> None:
        assert targets(self.lost, pods=(pod("a"),), nodes=self.quiet, fail_open=False) == []

    def test_not_on_a_node_that_says_it_is_not_ready(self) -> None:
        assert targets(self.lost, pods=(pod("a"),), nodes=(node("n1", ready="False"),)) == []


class TestInstances:
    """Targets of type instance are the node port of every node that may take traffic."""

    def found(self, *nodes: Node, selector: str = "") -> list[str]:
        wanted = binding(target_type="instance", selector=selector)
        return [id_ for id_, _, _ in targets(to=wanted, nodes=nodes)]

    def test_ready_nodes_are_targets_at_the_node_port(self) -> None:
        wanted = binding(target_type="instance")
        assert targets(to=wanted, nodes=(node("n1"),)) == [("i-01", 30080, "")]

    def test_a_node_that_is_not_ready_is_none(self) -> None:
        assert self.found(node("n1"), node("n2", ready="False")) == ["i-01"]

    def test_nodes_that_do_not_answer_serve_where_no_other_does(self) -> None:
        assert self.found(node("n1", ready="Unknown"), node("n2", ready="False")) == ["i-01"]

    @pytest.mark.parametrize(
        "label",
        ["node.kubernetes.io__exclude_from_external_load_balancers", "node_role.kubernetes.io__master"],
    )
    def test_a_node_that_is_to_be_left_out_is_none(self, label: str) -> None:
        assert self.found(node("n1"), node("n2", **{label: ""})) == ["i-01"]

    def test_fargate_is_none(self) -> None:
        fargate = node("n2", **{"eks.amazonaws.com__compute_type": "fargate"})
        assert self.found(node("n1"), fargate) == ["i-01"]

    @pytest.mark.parametrize("taint", ["ToBeDeletedByClusterAutoscaler", "karpenter.sh/disrupted"])
    def test_a_node_that_is_about_to_be_removed_is_none(self, taint: str) -> None:
        assert self.found(node("n1"), node("n2", taint=taint)) == ["i-01"]

    def test_labels_may_choose_the_nodes(self) -> None:
        assert self.found(node("n1"), node("n2", role="edge"), selector="role=edge") == ["i-02"]

    def test_a_node_that_is_no_instance_is_none(self) -> None:
        assert self.found(node("n1"), node("n2", id_="fargate-ip-10-0-1-9")) == ["i-01"]


class TestNotKnown:
    """What cannot be looked up asks for nothing, and gives nothing up."""

    def test_a_service_that_is_missing(self) -> None:
        found = desired_targets(binding(), Backends(service=None), VPC, fail_open=True)
        assert found == NotKnown("service default/web does not exist")

    def test_a_port_that_is_missing(self) -> None:
        assert why(to=binding("81")) == "service default/web has no port 81"

    def test_slices_that_are_not_there_yet(self) -> None:
        assert why() == "service default/web has no EndpointSlice of IPv4 yet"

    def test_slices_that_do_not_know_the_port_yet(self) -> None:
        renamed = service(ServicePort(name="web", port=80))
        message = "no EndpointSlice of service default/web has port web yet"
        assert why(piece(endpoint("10.0.1.1")), of=renamed) == message

    def test_a_service_without_a_node_port(self) -> None:
        plain = service(ServicePort(name="http", port=80))
        message = "service default/web has no node port for port 80"
        assert why(to=binding(target_type="instance"), of=plain) == message

    def test_slices_without_endpoints_ask_for_none(self) -> None:
        assert targets(piece(port=0)) == []
