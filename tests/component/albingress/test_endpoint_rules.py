"""The security groups of nodes and pods let in what load balancers need."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from addons.albingress import names
from addons.albingress.model.targets import Access, AccessPort
from addons.sim.kubeapi.server import KubeApi
from tests.support.alb_targets import TargetWorld, binding, endpoint, node, pod, service, slice_of
from tests.support.aws_thread import simulated_aws
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

SHARED = names.SHARED_RULE_DESCRIPTION


class RuleWorld(TargetWorld):
    """A node whose pods use its interface, and a group that load balancers send from."""

    def prepare(self) -> None:
        ec2 = self.aws.ec2
        self.source = ec2.network.create_security_group(self.vpc_id, "backend", "backend").id
        self.instance = ec2.instances.launch("m5.large", self.subnet_id)
        self.eni = ec2.account.interfaces_of(self.instance.id)[0]
        (self.nodes_group,) = self.eni.groups
        self.address = str(self.eni.addresses[0])
        self.access = (Access((self.source,), (AccessPort(),)),)
        self.create(service())
        self.create(node("n1", self.instance.id), kind="nodes")
        self.create(pod("a", self.address), kind="pods")
        self.slices(slice_of(endpoint(self.address, "a")))

    def let_in(self) -> list[str]:
        """What the nodes' group lets in from load balancers: first-last port."""
        found = self.aws.ec2.account.security_groups[self.nodes_group].rules
        return sorted(f"{each.from_port}-{each.to_port}" for each in found if each.source == self.source)

    async def allow(self, first: int, last: int, description: str = SHARED) -> None:
        """Let ports in by hand, or as the original did."""
        pair = {"GroupId": self.source, "Description": description}
        permission = {"IpProtocol": "tcp", "FromPort": first, "ToPort": last, "UserIdGroupPairs": [pair]}
        await self.call(
            "authorize_security_group_ingress", "ec2", GroupId=self.nodes_group, IpPermissions=[permission]
        )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RuleWorld]:
    """A Service with a pod at port 8080 of a node."""
    async with KubeApi() as api, simulated_aws() as aws:
        made = RuleWorld(api, aws, tmp_path)
        made.prepare()
        yield made


class TestRules:
    """Exactly the ports in use."""

    async def test_the_port_of_the_targets_is_opened(self, world: RuleWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding(access=world.access)])
            await until(lambda: world.let_in() == ["8080-8080"])

    async def test_registration_does_not_wait_for_it(self, world: RuleWorld) -> None:
        world.aws.faults.add(operation="AuthorizeSecurityGroupIngress", code="AccessDenied", times=None)
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding(access=world.access)])
            await until(lambda: world.registered() == [f"{world.address}:8080"])
            await until(lambda: f"security group {world.nodes_group}" in path.failures)

    async def test_a_port_that_is_used_no_more_is_closed_at_the_second_look(self, world: RuleWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding(access=world.access)])
            path.complete([world.source])
            await until(lambda: world.let_in() == ["8080-8080"])
            world.slices(slice_of(endpoint(world.address, "a"), port=9090))
            await until(lambda: world.let_in() == ["8080-8080", "9090-9090"])
            await until(lambda: world.let_in() == ["9090-9090"])

    async def test_a_wide_range_of_the_original_stays(self, world: RuleWorld) -> None:
        async with world.path() as path:
            await world.allow(8000, 9000)
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding(access=world.access)])
            path.complete([world.source])
            await asyncio.sleep(120)
            assert world.let_in() == ["8000-9000"]

    async def test_what_an_earlier_process_left_is_found_and_closed(self, world: RuleWorld) -> None:
        async with world.path() as path:
            await world.allow(31000, 31000)
            await world.allow(32000, 32000, "by hand")
            path.complete([world.source])
            await until(lambda: world.let_in() == ["32000-32000"])

    async def test_also_in_a_group_that_something_is_wished_of(self, world: RuleWorld) -> None:
        async with world.path() as path:
            await world.allow(31000, 31000)
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding(access=world.access)])
            await until(lambda: world.let_in() == ["31000-31000", "8080-8080"])
            path.complete([world.source])
            await until(lambda: world.let_in() == ["8080-8080"])

    async def test_an_endpoint_more_costs_one_look_at_interfaces(self, world: RuleWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding(access=world.access)])
            path.complete([world.source])
            await until(lambda: world.let_in() == ["8080-8080"])
            await asyncio.sleep(20)
            before = len(world.calls())
            launched = world.aws.ec2.instances.launch("m5.large", world.subnet_id)
            address = str(world.aws.ec2.account.interfaces_of(launched.id)[0].addresses[0])
            world.slices(slice_of(endpoint(world.address, "a"), address))
            await asyncio.sleep(60)
            assert world.calls()[before:] == ["RegisterTargets", "DescribeNetworkInterfaces"]

    async def test_a_restart_reads_interfaces_and_groups_once(self, world: RuleWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding(access=world.access)])
            path.complete([world.source])
            await until(lambda: world.let_in() == ["8080-8080"])
        before = len(world.calls())
        async with world.path() as path:
            path.located("web", world.arns["web"])
            path.bindings("shop", [binding(access=world.access)])
            path.complete([world.source])
            await asyncio.sleep(60)
        assert sorted(world.calls()[before:]) == [
            "DescribeNetworkInterfaces",
            "DescribeSecurityGroups",
            "DescribeTargetHealth",
        ]

    async def test_nothing_is_closed_before_all_groups_have_told(self, world: RuleWorld) -> None:
        async with world.path() as path:
            await world.allow(31000, 31000)
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding(access=world.access)])
            await until(lambda: world.let_in() == ["31000-31000", "8080-8080"])
            await asyncio.sleep(120)
            assert world.let_in() == ["31000-31000", "8080-8080"]

    async def test_nor_while_a_service_is_missing(self, world: RuleWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding(access=world.access)])
            path.complete([world.source])
            await until(lambda: world.let_in() == ["8080-8080"])
            world.api.store.delete("v1", "services", "default", "web")
            await asyncio.sleep(120)
            assert world.let_in() == ["8080-8080"]

    async def test_the_rules_of_a_group_that_is_gone_go(self, world: RuleWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding(access=world.access)])
            path.complete([world.source])
            await until(lambda: world.let_in() == ["8080-8080"])
            path.bindings("shop", [])
            await until(lambda: world.let_in() == [])

    async def test_a_full_group_gets_ranges(self, world: RuleWorld) -> None:
        ports = (AccessPort(), *(AccessPort(str(8100 + 2 * number)) for number in range(100)))
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding(access=(Access((world.source,), ports),))])
            await until(lambda: 0 < len(world.let_in()) <= 60)
            opened = [
                range(int(a), int(b) + 1) for a, _, b in (each.partition("-") for each in world.let_in())
            ]
            assert all(any(8100 + 2 * n in each for each in opened) for n in range(100))

    async def test_an_interface_with_two_groups_needs_one_that_is_tagged(self, world: RuleWorld) -> None:
        other = world.aws.ec2.network.create_security_group(world.vpc_id, "other", "other").id
        async with world.path() as path:
            both = (world.nodes_group, other)
            world.aws.ec2.account.interfaces.put(world.eni.id, replace(world.eni, groups=both))
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding(access=world.access)])
            await until(lambda: names.WAITING in world.reasons())
            tags = [{"Key": "kubernetes.io/cluster/prod", "Value": "owned"}]
            await world.call("create_tags", "ec2", Resources=[world.nodes_group], Tags=tags)
            await until(lambda: world.let_in() == ["8080-8080"], seconds=700, pause=5)

    async def test_all_settled_makes_no_calls(self, world: RuleWorld) -> None:
        async with world.path() as path:
            path.located("web", await world.group(), is_new=True)
            path.bindings("shop", [binding(access=world.access)])
            path.complete([world.source])
            await until(lambda: world.let_in() == ["8080-8080"])
            await asyncio.sleep(60)
            before = len(world.calls())
            await asyncio.sleep(300)
            assert len(world.calls()) == before
