"""The real controller between an emulated API server and a simulated AWS."""

import asyncio
from collections import Counter

import pytest

from tests.support.alb_targets import DISCOVERY, node, service, slice_of
from tests.support.alb_world import NETWORKING, World, ingress, ingress_class
from tests.support.until import until

pytestmark = pytest.mark.virtual_time


class TestFollowing:
    """What Ingresses ask for is what AWS has, a moment later."""

    async def test_an_ingress_comes_and_goes(self, world: World) -> None:
        world.serve("web")
        async with world.running():
            world.ingresses(ingress("web"))
            await world.is_served("web")
            assert world.rules() == {"/web|/web/*": "web:80"}
            assert world.targets("web") == ["192.168.0.11:8080"]
            assert world.finalizers("web") == ["group.ingress.k8s.aws/shop"]
            world.delete("web")
            await until(lambda: world.ingress("web") is None)
        assert world.things() == []

    async def test_ingresses_of_a_group_share_a_load_balancer(self, world: World) -> None:
        world.serve("a", "b")
        async with world.running():
            world.ingresses(ingress("a"), ingress("b", group__order="-1"))
            await world.is_served("a", "b")
            assert list(world.rules().values()) == ["b:80", "a:80"]
            assert world.hostname("a") == world.hostname("b")
            world.delete("a")
            await until(lambda: world.ingress("a") is None)
            assert world.rules() == {"/b|/b/*": "b:80"}
            assert world.hostname("b")

    async def test_an_ingress_without_a_group_has_one_of_its_own(self, world: World) -> None:
        world.serve("web")
        async with world.running():
            world.ingresses(ingress("web", group=""))
            await world.is_served("web")
            assert world.finalizers("web") == ["ingress.k8s.aws/resources"]

    async def test_one_that_can_be_of_no_group_hears_of_it_where_there_is_no_other(
        self, world: World
    ) -> None:
        async with world.running():
            world.ingresses(ingress("web", group="No Name"))
            await until(lambda: world.events("web", "Warning") == ["InvalidAnnotation"])
            world.ingresses(ingress("web"))
            await world.is_served("web")

    async def test_ingresses_of_others_are_left_alone(self, world: World) -> None:
        world.create(
            ingress_class("other", controller="example.com/other"), kind="ingressclasses", version=NETWORKING
        )
        world.serve("web")
        async with world.running():
            world.ingresses(ingress("web", in_class="other"))
            await asyncio.sleep(10)
            assert (world.changes(), world.finalizers("web"), world.events("web")) == ([], [], [])

    async def test_only_the_namespace_that_is_watched_counts(self, world: World) -> None:
        world.create({"metadata": {"name": "other"}}, kind="namespaces")
        world.serve("web")
        async with world.running("--watch-namespace=default"):
            world.ingresses(ingress("web"), ingress("far", namespace="other"))
            await world.is_served("web")
            await world.settles()
            assert world.rules() == {"/web|/web/*": "web:80"}
            assert world.events("far") == []

    async def test_pods_at_node_ports_are_reached_by_their_nodes(self, world: World) -> None:
        instance = world.aws.ec2.instances.launch("m5.large", world.subnets[0]).id
        world.create(node("n1", instance), kind="nodes")
        ports = [{"name": "http", "port": 80, "targetPort": 8080, "nodePort": 31000}]
        world.create(service("web", type="NodePort", ports=ports))
        world.create(slice_of("192.168.0.9", of="web"), kind="endpointslices", version=DISCOVERY)
        async with world.running():
            world.ingresses(ingress("web", target_type="instance"))
            await until(lambda: world.targets("web") == [f"{instance}:31000"])

    async def test_targets_are_registered_before_a_rule_leads_to_them(self, world: World) -> None:
        world.serve("a", "b")
        async with world.running():
            world.ingresses(ingress("a"))
            await world.is_served("a")
            await world.settles()
            world.aws.calls.clear()
            world.ingresses(ingress("b"))
            await until(lambda: "CreateRule" in world.calls())
            made = world.calls("CreateTargetGroup", "RegisterTargets", "CreateRule")
        assert made == ["CreateTargetGroup", "RegisterTargets", "CreateRule"]

    async def test_so_they_are_in_a_single_pass(self, world: World) -> None:
        world.serve("a")
        world.ingresses(ingress("a"))
        assert await world.once() == {}
        made = world.calls("CreateTargetGroup", "RegisterTargets", "CreateRule")
        assert made == ["CreateTargetGroup", "RegisterTargets", "CreateRule"]

    async def test_a_service_that_comes_later_is_served_then(self, world: World) -> None:
        async with world.running():
            world.ingresses(ingress("web"))
            await world.is_served("web")
            assert world.rules() == {"/web|/web/*": "503"}
            world.create(service("web"))
            world.create(slice_of("192.168.0.9", of="web"), kind="endpointslices", version=DISCOVERY)
            await until(lambda: world.rules() == {"/web|/web/*": "web:80"})
            await until(lambda: "Recovered" in world.events("web"))

    async def test_an_action_that_makes_no_sense_loses_no_event_of_its_service(self, world: World) -> None:
        broken = ingress("web", "/=x:use-annotation", actions__x='{"serviceName": "web", "type": "forwar')
        async with world.running():
            world.ingresses(broken)
            await until(lambda: "BrokenRule" in world.events("web"))
            passes = world.last_pass()
            world.create(service("web"))
            await until(lambda: world.last_pass() != passes)


class TestSteadyState:
    """Where nothing has changed, nothing is called."""

    async def test_a_change_that_means_nothing_makes_no_call(self, world: World) -> None:
        world.serve("web")
        async with world.running():
            world.ingresses(ingress("web"))
            await world.is_served("web")
            await world.settles()
            world.aws.calls.clear()
            world.ingresses(ingress("web") | {"metadata": _noted(ingress("web")["metadata"])})
            await asyncio.sleep(60)
            assert world.calls() == []

    async def test_a_restart_changes_nothing(self, world: World) -> None:
        world.serve("a", "b")
        world.ingresses(ingress("a"), ingress("b"))
        async with world.running():
            await world.is_served("a", "b")
            await world.settles()
        world.aws.calls.clear()
        async with world.running():
            await asyncio.sleep(30)
        assert world.changes() == []
        reads = Counter(world.calls())
        assert reads == {
            "DescribeVpcs": 1,
            "GetResources": 1,
            "DescribeLoadBalancers": 1,
            "DescribeTargetGroups": 1,
            "DescribeListeners": 1,
            "DescribeRules": 1,
            "DescribeTargetHealth": 2,
            "DescribeSecurityGroups": 1,
            "DescribeNetworkInterfaces": 1,
        }

    async def test_a_restart_reads_each_listener_once_however_many_rules_it_has(self, world: World) -> None:
        names = [f"s{number}" for number in range(30)]
        world.serve(*names)
        world.ingresses(*(ingress(each, listen_ports='[{"HTTP": 80}, {"HTTP": 81}]') for each in names))
        async with world.running():
            await world.is_served(*names)
            await world.settles()
        world.aws.calls.clear()
        async with world.running():
            await asyncio.sleep(60)
        assert world.changes() == []
        health = world.calls("DescribeTargetHealth")
        assert len(health) == 30
        listeners = world.calls("DescribeListeners", "DescribeRules")
        assert len(listeners) == 3
        assert len(world.calls()) - len(health) - len(listeners) <= 6

    async def test_an_ingress_in_front_of_fifty_costs_three_changes(self, world: World) -> None:
        names = [f"s{number}" for number in range(50)]
        world.serve(*names, "first")
        world.ingresses(*map(ingress, names))
        async with world.running():
            await world.is_served(*names)
            await world.settles()
            assert len(world.calls()) <= 200
            world.aws.calls.clear()
            world.ingresses(ingress("first", group__order="-5"))
            await until(lambda: next(iter(world.rules().values())) == "first:80")
            await world.settles()
        assert world.changes() == ["CreateTargetGroup", "RegisterTargets", "CreateRule"]

    async def test_events_tell_of_changes_and_of_nothing_else(self, world: World) -> None:
        world.serve("a", "b")
        async with world.running():
            world.ingresses(ingress("a"))
            await until(lambda: "SuccessfullyReconciled" in world.events("a"))
            await world.settles()
            count = len(world.events("a"))
            world.ingresses(ingress("b"))
            await until(lambda: "SuccessfullyReconciled" in world.events("b"))
            assert len(world.events("a")) == count
            assert world.events("b", "Warning") == []


def _noted(metadata: dict[str, object]) -> dict[str, object]:
    noted = dict(metadata)
    noted["annotations"] = {**metadata["annotations"], "example.com/note": "x"}  # type: ignore[dict-item]
    return noted
