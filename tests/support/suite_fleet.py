"""Nodes of the suite: instances of the simulated EC2 with a kubelet, whoever launched them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cache

from addons.sim.aws.server import AwsEndpoint
from addons.sim.fabric.world import VpcWorld, WorldNode
from addons.sim.imds import NodeCredentials
from tests.support.cluster import SCRIPTS
from tests.support.fabric_nodes import APART, FabricSite, plugins_apart
from tests.support.kubectl import Kubectl
from tests.support.kubelet_fleet import Fleet, Instance, facts_of
from tests.support.nodes import Node, start_node
from tests.support.oci_image import archive
from tests.support.processes import output_of

NODE_ROLE = "node"
_image = cache(archive)


class Machines:
    """Boots instances: each has its network, and its metadata service the role of nodes, which STS knows."""

    def __init__(self, aws: AwsEndpoint, vpc: VpcWorld) -> None:
        self._aws, self._vpc = aws, vpc
        self.booted: dict[str, WorldNode] = {}

    async def boot(self, instance: str) -> WorldNode:
        """Switch an instance on."""
        session = self._aws.sts.open_session(self._aws.sts.roles[self.role_arn], instance)
        keys = NodeCredentials(session.access_key_id, session.secret_access_key, session.token)
        made = await self._vpc.wire(
            self._aws.ec2.account.instance(instance), role=NODE_ROLE, credentials=keys
        )
        self.booted[instance] = made
        return made

    @property
    def role_arn(self) -> str:
        """The role of nodes, which is made where it is not there."""
        known = [arn for arn in self._aws.sts.roles if arn.endswith(f"role/{NODE_ROLE}")]
        return known[0] if known else self._aws.sts.create_role(NODE_ROLE).arn


def facts(instance: Instance, *, has_image: bool = True) -> dict[str, str]:
    """What a node of the suite is told: its folders are its own, as on a machine, and it has the image."""
    return APART | facts_of(instance) | ({"IMAGE": str(_image())} if has_image else {})


class FabricFleet(Fleet):
    """Nodes for the instances of node groups, which the fabric carries."""

    def __init__(
        self,
        site: FabricSite,
        machines: Machines,
        kubectl: Kubectl,
        instances: Callable[[], Awaitable[Sequence[Instance]]],
    ) -> None:
        super().__init__(site.cluster.folder, kubectl, instances)
        self._site, self._boots = site, machines

    async def switch_on(self, instance: Instance, machine: ExitStack) -> Node:
        """Start the kubelet of an instance."""
        made = await self._boots.boot(instance.id)
        node = Node(made.inside.name, str(made.address), pods="")
        machine.callback(output_of, SCRIPTS / "stop", self._folder, node.name)
        await asyncio.to_thread(self._start, node, facts(instance) | {"CLUSTER_DNS": self._site.outside})
        return node

    def _start(self, node: Node, told: Mapping[str, str]) -> None:
        plugins_apart(self._folder, node.name)
        plugins = self._site.plugins(node)
        start_node(self._site.cluster, node, self._site.assets, plugins=plugins, facts=told)
