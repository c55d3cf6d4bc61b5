"""The suite: all five daemons as pods of a real Kubernetes, on nodes of a simulated AWS.

    async with suite_world(folder, assets) as world:
        await world.install()

The VPC has a small subnet for two nodes and their pods, another for those that the autoscaler orders, and two
for load balancers. AWS, load balancers and a name server listen on addresses that nodes, pods and this
machine reach.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from addons.albingress import names as alb_names
from addons.sim.alb.plane import DataPlane
from addons.sim.alb.reach import connector_in
from addons.sim.aws.ec2.interfaces import Wish
from addons.sim.aws.elbv2.model import Listener
from addons.sim.aws.route53.names import parse_name
from addons.sim.aws.server import AwsEndpoint
from addons.sim.fabric.world import VpcWorld
from addons.sim.nameserver import NameServer
from addons.sim.net import Namespace
from tests.support import nodes, oci_image
from tests.support.aws import World as Client
from tests.support.cluster import find_assets
from tests.support.fabric_nodes import FabricSite, running_in_fabric
from tests.support.kubectl import Kubectl
from tests.support.kubelet_fleet import Instance
from tests.support.kubelet_fleet import running as machines_of
from tests.support.suite_fleet import FabricFleet, Machines, facts
from tests.support.suite_services import proxied

ZONE = "example.org"
CLUSTER = "suite"
GROUP = "pool"
POOL_LABEL = "pool.example.org/name"
FIXED_LABEL = "suite.example.org/fixed"
NODES_SUBNET, POOL_SUBNET = "10.0.1.0/26", "10.0.2.0/24"
_BALANCERS_SUBNETS = {"eu-central-1a": "10.0.8.0/24", "eu-central-1b": "10.0.9.0/24"}
_HERE = "eu-central-1a"
_OF_OTHERS = 30
_AWS_PORT, _DNS_PORT = 4566, 53
_SERVICES = "10.96.0.0/16"


@dataclass(frozen=True)
class SuiteWorld:
    """All that is around the five daemons; `url` is AWS, `balancers` the address of all load balancers."""

    aws: AwsEndpoint
    url: str
    vpc: VpcWorld
    site: FabricSite
    machines: Machines
    fleet: FabricFleet
    names: NameServer
    plane: DataPlane
    kubectl: Kubectl
    zone_id: str
    folder: Path
    others: str
    """An interface of somebody else, which has half of the addresses of the nodes' subnet."""

    @property
    def balancers(self) -> str:
        """Where load balancers listen."""
        return self.site.inside

    @property
    def desired(self) -> int:
        """The capacity that the node group is asked to have."""
        return self.aws.autoscaling.groups[GROUP].desired

    def name(self, balancer: str) -> None:
        """Let the name of a load balancer lead to where all of them listen."""
        self.names.outside[parse_name(balancer)] = (self.balancers,)

    def spaces(self) -> list[Namespace]:
        """The networks of the control plane and of all nodes that there are."""
        return [self.site.hub, *(each.inside for each in self.machines.booted.values())]


def missing() -> str:
    """What this machine lacks for it, in words; "" when it has all of it."""
    if find_assets() is None:
        return "no real Kubernetes; `make kube` builds one"
    return nodes.missing() or oci_image.missing()


@asynccontextmanager
async def suite_world(folder: Path, assets: Path, *, has_image: bool = True) -> AsyncIterator[SuiteWorld]:
    """Start it, with nothing installed; nothing of it is left afterwards.

    With `has_image` the two nodes have the project's image. The path of `folder` is at most 50 characters
    long.
    """
    async with AsyncExitStack() as stack:
        aws = await stack.enter_async_context(AwsEndpoint())
        vpc = await stack.enter_async_context(VpcWorld(aws, subnet=NODES_SUBNET))
        pool = _more_subnets(vpc)
        others = vpc.ec2.interfaces.create(vpc.subnet.id, Wish(count=_OF_OTHERS), description="of others")
        machines = Machines(aws, vpc)
        first = [await machines.boot(aws.ec2.instances.launch("m5.large", vpc.subnet.id).id) for _ in "12"]
        site = stack.enter_context(
            running_in_fabric(
                folder,
                assets,
                vpc.fabric,
                [(each.node, str(each.address)) for each in first],
                facts=[
                    facts(Instance(each.instance.id, _HERE, {FIXED_LABEL: "yes"}), has_image=has_image)
                    for each in first
                ],
            )
        )
        url = await aws.listen(site.hub.listener(site.inside, _AWS_PORT))
        await _make_group(aws, pool)
        plane = await stack.enter_async_context(_load_balancing(aws, site))
        zone_id = aws.route53.create_zone(ZONE)
        names = NameServer(aws.route53.zones)
        await names.start(site.outside, _DNS_PORT)
        stack.push_async_callback(names.stop)
        kubectl = Kubectl((str(assets / "kubectl"), f"--kubeconfig={site.cluster.kubeconfig}"))
        fleet = FabricFleet(site, machines, kubectl, lambda: _booted(aws))
        world = SuiteWorld(
            aws, url, vpc, site, machines, fleet, names, plane, kubectl, zone_id, folder, others.id
        )
        site.hub.ip(f"route replace {_SERVICES} dev hub src {site.inside}")
        await stack.enter_async_context(proxied(site.cluster.kubeconfig, world.spaces))
        await stack.enter_async_context(machines_of(fleet))
        yield world


def _more_subnets(vpc: VpcWorld) -> str:
    """Make the subnets besides that of the nodes; the one for the node group."""
    network = vpc.ec2.network
    pool = network.create_subnet(vpc.vpc.id, POOL_SUBNET, zone=_HERE)
    tags = {alb_names.TAG_ROLE_ELB: "1", alb_names.TAG_ROLE_INTERNAL_ELB: "1"}
    for zone, cidr in _BALANCERS_SUBNETS.items():
        network.create_subnet(vpc.vpc.id, cidr, zone=zone, tags=tags)
    vpc.reread()
    return pool.id


def _load_balancing(aws: AwsEndpoint, site: FabricSite) -> DataPlane:
    """Load balancers: they listen in the hub, and reach pods from there."""

    def listen(listener: Listener) -> object:
        return site.hub.listener(site.inside, listener.port)

    return DataPlane(
        aws.elbv2,
        listen=listen,  # type: ignore[arg-type]
        connector=connector_in(site.hub.open_socket),
        health_scale=0.1,
    )


async def _make_group(aws: AwsEndpoint, subnet: str) -> None:
    """Make the node group, empty, as an administrator would; its instances have a label of their own."""
    aws.autoscaling.knobs.launch_seconds = 0.5
    client = Client(aws)
    data = {"ImageId": "ami-1", "InstanceType": "m5.large"}
    found = {
        f"k8s.io/cluster-autoscaler/{CLUSTER}": "owned",
        "k8s.io/cluster-autoscaler/enabled": "true",
        f"k8s.io/cluster-autoscaler/node-template/label/{POOL_LABEL}": GROUP,
    }
    try:
        await client.call("ec2", "create_launch_template", LaunchTemplateName=GROUP, LaunchTemplateData=data)
        await client.call(
            "autoscaling",
            "create_auto_scaling_group",
            AutoScalingGroupName=GROUP,
            MinSize=0,
            MaxSize=2,
            LaunchTemplate={"LaunchTemplateName": GROUP, "Version": "$Latest"},
            VPCZoneIdentifier=subnet,
            Tags=[{"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in found.items()],
        )
    finally:
        client.close()


async def _booted(aws: AwsEndpoint) -> Sequence[Instance]:
    members = aws.autoscaling.members(GROUP)
    return [
        Instance(each.id, each.zone, {POOL_LABEL: GROUP}) for each in members if each.state == "InService"
    ]
