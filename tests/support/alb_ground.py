"""A world for albingress in which all is counted: pods on a node of the VPC, and somebody else's things."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from addons.albingress.model.groups import GroupId
from addons.albingress.model.naming import backend_group_name, load_balancer_name, security_group_name
from addons.sim.aws.ec2.operations import groups
from addons.sim.aws.elbv2.operations import listeners, load_balancers, target_groups
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from tests.support.alb_targets import DISCOVERY, endpoint, node, pod, service, slice_of
from tests.support.alb_world import NETWORKING, World, ingress_class

Object = dict[str, Any]
FIRST_PORT = 8081
PATIENCE, LASTING, LOOK = 600.0, 20.0, 0.5
"""Seconds: how long a state may take to come, how long it must then last, how often it is looked at."""


class Ground(World):
    """A node with one pod for each Service, at a port of its own; a load balancer of somebody else.

    AWS takes some seconds for load balancers to be active, targets healthy, interfaces gone.
    """

    def __init__(self, api: KubeApi, aws: AwsEndpoint, folder: Path) -> None:
        super().__init__(api, aws, folder)
        self.ports: dict[str, int] = {}
        network = aws.ec2.network
        self.nodes_group = network.create_security_group(self.vpc_id, "nodes").id
        self.instance = aws.ec2.instances.launch("m5.large", self.subnets[0], groups=(self.nodes_group,))
        (eni,) = aws.ec2.account.interfaces_of(self.instance.id)
        self.address = str(eni.addresses[0])
        self.create(node("n1", self.instance.id), kind="nodes")
        for name, controller in {"twin": "ingress.k8s.aws/alb", "other": "example.com/other"}.items():
            self.create(ingress_class(name, controller=controller), kind="ingressclasses", version=NETWORKING)
        self._foreign = self._make_foreign()
        knobs = aws.elbv2.knobs
        knobs.provision_seconds, knobs.register_seconds, knobs.release_seconds = 4.0, 2.0, 12.0
        self.own_groups = frozenset(aws.ec2.account.security_groups)

    def _make_foreign(self) -> list[Any]:
        """A load balancer with a target group and a listener, and a rule on the nodes' group."""
        elb, theirs = self.aws.elbv2, self.aws.ec2.network.create_security_group(self.vpc_id, "theirs").id
        made = load_balancers.create_load_balancer(
            elb, {"Name": "theirs", "Scheme": "internal", "Subnets": self.subnets, "SecurityGroups": [theirs]}
        )
        arn = made["LoadBalancers"][0]["LoadBalancerArn"]
        asked = {"Name": "theirs", "Protocol": "HTTP", "Port": 80, "VpcId": self.vpc_id, "TargetType": "ip"}
        group = target_groups.create_target_group(elb, asked)["TargetGroups"][0]["TargetGroupArn"]
        forward = [{"Type": "forward", "TargetGroupArn": group}]
        listeners.create_listener(
            elb, {"LoadBalancerArn": arn, "Protocol": "HTTP", "Port": 8000, "DefaultActions": forward}
        )
        pair = {"GroupId": theirs, "Description": "theirs"}
        permission = {"IpProtocol": "tcp", "FromPort": 9000, "ToPort": 9000, "UserIdGroupPairs": [pair]}
        groups.authorize_ingress(self.aws.ec2, {"GroupId": self.nodes_group, "IpPermissions": [permission]})
        self.their_things = self.things()
        return self._theirs()

    def _theirs(self) -> list[Any]:
        account, ec2 = self.elb, self.aws.ec2.account
        nodes = ec2.security_groups[self.nodes_group]
        return [
            [each for each in account.load_balancers.values() if each.name == "theirs"],
            [each for each in account.target_groups.values() if each.name == "theirs"],
            [each for each in account.listeners.values() if each.port == 8000],
            [each for each in ec2.security_groups.values() if each.name == "theirs"],
            replace(nodes, rules=tuple(each for each in nodes.rules if each.description == "theirs")),
        ]

    def serve(self, *names: str) -> None:
        """Make Services, each with a pod on the node."""
        for name in names:
            port = self.ports[name] = FIRST_PORT + len(self.ports)
            self.create(service(name, ports=[{"name": "http", "port": 80, "targetPort": port}]))
            self.create(pod(name, self.address), kind="pods")
            listed = slice_of(endpoint(self.address, name), of=name, port=port)
            self.create(listed, kind="endpointslices", version=DISCOVERY)

    def let_in(self) -> list[str]:
        """What the nodes' group lets in beside what somebody else wants: the security group, and ports."""
        ec2 = self.aws.ec2.account
        rules = (each for each in ec2.security_groups[self.nodes_group].rules if each.description != "theirs")
        names = {each.id: each.name for each in ec2.security_groups.values()}
        return sorted(f"{names[each.source]} {each.from_port}-{each.to_port}" for each in rules)

    def own_things(self) -> list[str]:
        """What there is in AWS that is not somebody else's; rules without their priorities."""
        left = self.things()
        for each in self.their_things:
            if not each.startswith("security group"):
                left.remove(each)
        return sorted("rule" if each.startswith("rule") else each for each in left)

    def all(self) -> list[Object]:
        """All Ingresses."""
        return list(self.api.store.list(NETWORKING, "ingresses"))

    def state(self) -> Object:
        """All that converges: what is there, what it says, and what Ingresses tell."""
        names = [each["metadata"]["name"] for each in self.all()]
        served = [name for name in self.ports if self.targets(name)]
        return {
            "things": self.own_things(),
            "rules": self.rules(),
            "targets": {name: self.targets(name) for name in served},
            "let in": self.let_in(),
            "served by": {name: self._load_balancer(name) for name in names},
            "finalizers": {name: self.finalizers(name) for name in names},
            "theirs untouched": self._theirs() == self._foreign,
        }

    def _load_balancer(self, ingress: str) -> str:
        """The load balancer whose host name an Ingress tells; "?" where there is none of that name."""
        told = self.hostname(ingress)
        names = {each.dns_name.lower(): each.name for each in self.elb.load_balancers.values()}
        return names.get(told, "?") if told else ""

    def serving(
        self, *names: str, group: str = "shop", scheme: str = "internal", left: tuple[str, ...] = ()
    ) -> Object:
        """The state in which these Ingresses of a group are served, and those that `left` are not."""
        which = GroupId(group)
        balancer = load_balancer_name(self.cluster, which, scheme)
        shared = backend_group_name(self.cluster)
        held = {name: [f"group.ingress.k8s.aws/{group}"] if name in names else [] for name in (*names, *left)}
        things = [
            f"load balancer {balancer}",
            "listener 80",
            f"security group {security_group_name(self.cluster, which)}",
            f"security group {shared}",
            *("rule" for _ in names),
            *(f"target group {name}:80" for name in names),
        ]
        return {
            "things": sorted(things) if names else [],
            "rules": {f"/{name}|/{name}/*": f"{name}:80" for name in names},
            "targets": {name: [f"{self.address}:{self.ports[name]}"] for name in names},
            "let in": [f"{shared} {self.ports[name]}-{self.ports[name]}" for name in names],
            "served by": {**dict.fromkeys(names, balancer), **dict.fromkeys(left, "")},
            "finalizers": held,
            "theirs untouched": True,
        }

    async def becomes(
        self,
        wanted: Object,
        when: str = "",
        *,
        unless: Callable[[], bool] = lambda: False,
    ) -> None:
        """Return when the state is this and stays it for a while, or when `unless` holds."""
        loop = asyncio.get_running_loop()
        end, since = loop.time() + PATIENCE, 0.0
        while loop.time() < end:
            since = (since or loop.time()) if self.state() == wanted else 0.0
            if (since and loop.time() >= since + LASTING) or unless():
                return
            await asyncio.sleep(LOOK)
        state = self.state()
        others = [f"{key}: {state[key]}, not {wanted[key]}" for key in wanted if state[key] != wanted[key]]
        raise AssertionError(f"{when}: {'; '.join(others) or 'it does not last'}")
