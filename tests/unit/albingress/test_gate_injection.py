"""Which readiness gates a new pod is given."""

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec import json
from msgspec.structs import replace

from addons.albingress.desired.gate_injection import gate_patch, gates_of_bindings, gates_of_group, selecting
from addons.albingress.desired.inputs import Member
from addons.albingress.model.bindings import TargetGroupBinding
from addons.albingress.model.objects import IngressSpec, IngressStatus, Service
from addons.runtime.decoding import decode
from addons.runtime.objects import key
from tests.support.alb_groups import doubtful, inputs, member

GATE = "target-health.elbv2.k8s.aws/"
SERVED = {"loadBalancer": {"ingress": [{"hostname": "shop.elb.amazonaws.com"}]}}
IP = {"target-type": "ip"}


def service(name: str = "web", **more: Any) -> Service:
    ports = [{"name": "http", "port": 80, "targetPort": 8080, "nodePort": 30080}]
    spec = {"type": "NodePort", "ports": ports, "selector": {"app": name}, **more}
    body = {"metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}"}, "spec": spec}
    return decode(json.encode(body), Service)


def leading(one: Member, *backends: tuple[str, int | str], served: bool = True) -> Member:
    """The member with a path for each backend; it has a load balancer unless it is not `served`."""
    named = [
        {"service": {"name": name, "port": {"number": port} if isinstance(port, int) else {"name": port}}}
        for name, port in backends
    ]
    paths = [{"path": f"/{number}", "backend": backend} for number, backend in enumerate(named)]
    spec = decode(json.encode({"rules": [{"http": {"paths": paths}}]}), IngressSpec)
    status = decode(json.encode(SERVED if served else {}), IngressStatus)
    return replace(one, ingress=replace(one.ingress, spec=spec, status=status))


def gates(*members: Member, services: tuple[Service, ...] = (), **settings: Any) -> list[str]:
    """The gates of a pod that all these Services select."""
    found = services or (service(),)
    given = replace(inputs(*members, **settings), services={key(each): each for each in found})
    return list(gates_of_group(given, {key(each) for each in found}))


def binding(
    name: str = "mine", *, labels: Mapping[str, str] | None = None, **spec: Any
) -> TargetGroupBinding:
    meta = {"name": "mine", "namespace": "shop", "labels": labels or {}}
    wanted = {"targetGroupName": "theirs", "serviceRef": {"name": "web", "port": 80}, **spec}
    return decode(json.encode({"metadata": meta, "spec": wanted}), TargetGroupBinding)


def pod(*present: str, **spec: Any) -> dict[str, Any]:
    gated = {"readinessGates": [{"conditionType": each} for each in present]} if present else {}
    return {"spec": {"containers": [{"name": "a"}], **gated, **spec}}


class TestSelecting:
    """A pod is for the Services that select it."""

    def test_all_labels_of_the_selector_count(self) -> None:
        both = service("both", selector={"app": "web", "tier": "front"})
        assert selecting([service(), both], {"app": "web"}) == {("shop", "web")}
        assert selecting([service(), both], {"app": "web", "tier": "front"}) == {key(service()), key(both)}

    def test_a_service_without_selector_selects_no_pod(self) -> None:
        assert selecting([service(selector={})], {}) == frozenset()


class TestOfGroup:
    """The target groups of Ingresses."""

    def test_the_gate_has_the_name_of_the_target_group(self) -> None:
        (name,) = gates(leading(member(said=IP), ("web", 80)))
        assert name.startswith("k8s-shop-web-")
        assert len(name) == len("k8s-shop-web-") + 10

    def test_two_ports_of_a_service_are_two_target_groups(self) -> None:
        ports = [{"name": "http", "port": 80, "targetPort": 8080}, {"name": "admin", "port": 81}]
        found = gates(leading(member(said=IP), ("web", 80), ("web", 81)), services=(service(ports=ports),))
        assert len(set(found)) == 2

    def test_target_groups_of_nodes_give_none(self) -> None:
        assert gates(leading(member(said={"target-type": "instance"}), ("web", 80))) == []
        assert gates(leading(member(), ("web", 80))) == []

    def test_the_target_type_may_be_that_of_the_cluster_or_of_the_class(self) -> None:
        assert len(gates(leading(member(), ("web", 80)), default_target_type="ip")) == 1
        assert len(gates(leading(member(params={"targetType": "ip"}), ("web", 80)))) == 1

    def test_a_service_that_does_not_select_the_pod_gives_none(self) -> None:
        both = {key(each): each for each in (service(), service("other"))}
        given = replace(inputs(leading(member(said=IP), ("other", 80))), services=both)
        assert list(gates_of_group(given, {("shop", "web")})) == []

    def test_the_services_of_an_action_count(self) -> None:
        action = {
            "type": "forward",
            "forwardConfig": {"targetGroups": [{"serviceName": "web", "servicePort": "80", "weight": 1}]},
        }
        said = {**IP, "actions.split": json.encode(action).decode()}
        assert len(gates(leading(member(said=said), ("split", "use-annotation")))) == 1

    def test_an_ingress_without_a_load_balancer_gives_none_yet(self) -> None:
        assert gates(leading(member(said=IP), ("web", 80), served=False)) == []

    def test_a_member_in_doubt_gives_none(self) -> None:
        assert gates(leading(doubtful(said=IP), ("web", 80))) == []

    @pytest.mark.parametrize(
        ("said", "backend"),
        [
            (IP, ("gone", 80)),
            (IP, ("web", 81)),
            (IP, ("missing", "use-annotation")),
            ({**IP, "backend-protocol": "SMTP"}, ("web", 80)),
            ({"target-type": "pods"}, ("web", 80)),
        ],
    )
    def test_what_cannot_be_used_harms_only_itself(
        self, said: Mapping[str, str], backend: tuple[str, int | str]
    ) -> None:
        broken, good = leading(member("a", said), backend), leading(member("b", IP), ("web", 80))
        assert gates(broken, good) == gates(good)

    def test_a_service_of_ipv6_needs_a_load_balancer_of_both(self) -> None:
        six = service(ipFamilies=["IPv6"])
        both = {**IP, "ip-address-type": "dualstack"}
        assert gates(leading(member(said=IP), ("web", 80)), services=(six,)) == []
        assert len(gates(leading(member(said=both), ("web", 80)), services=(six,))) == 1


class TestOfBindings:
    """The bindings that users write."""

    def test_a_binding_of_addresses_gives_its_own_name(self) -> None:
        assert list(gates_of_bindings([binding(targetType="ip")], {("shop", "web")})) == ["mine"]

    def test_one_that_does_not_say_its_type_may_be_of_addresses(self) -> None:
        assert list(gates_of_bindings([binding()], {("shop", "web")})) == ["mine"]

    @pytest.mark.parametrize(
        "other",
        [
            binding(targetType="instance"),
            binding(serviceRef={"name": "other", "port": 80}),
            binding(targetType="ip", labels={"ingress.k8s.aws/stack": "team"}),
        ],
    )
    def test_others_give_none(self, other: TargetGroupBinding) -> None:
        assert list(gates_of_bindings([other], {("shop", "web")})) == []


class TestPatch:
    """What is written into the pod."""

    def test_a_pod_without_gates_gets_a_list(self) -> None:
        value = [{"conditionType": f"{GATE}a"}, {"conditionType": f"{GATE}b"}]
        added = [{"op": "add", "path": "/spec/readinessGates", "value": value}]
        assert gate_patch(pod(), ["b", "a"]) == added
        assert gate_patch(pod(readinessGates=None), ["b", "a"]) == added

    def test_gates_that_are_there_stay_and_none_comes_twice(self) -> None:
        value = {"conditionType": f"{GATE}b"}
        patch = gate_patch(pod("example.com/mine", f"{GATE}a"), ["a", "b", "b"])
        assert patch == [{"op": "add", "path": "/spec/readinessGates/-", "value": value}]

    def test_without_news_there_is_no_patch(self) -> None:
        assert gate_patch(pod(f"{GATE}a"), ["a"]) == []
        assert gate_patch(pod(), []) == []

    def test_a_pod_of_the_hosts_network_is_like_any_other(self) -> None:
        assert gate_patch(pod(hostNetwork=True), ["a"])
