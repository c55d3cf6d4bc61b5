"""A world for the autoscaler: groups in a simulated AWS that become nodes of an emulated cluster.

On virtual time everything is in one loop (mark `virtual_time(threads=True)`), and an hour takes a moment; on
real time `factor` makes all that AWS and the nodes need so much shorter.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import botocore.endpoint

from addons.sim.aws.autoscaling.api import OPERATIONS
from addons.sim.aws.autoscaling.failures import FailedLaunches
from addons.sim.aws.autoscaling.model import Group, Member
from addons.sim.aws.autoscaling.state import Asked
from addons.sim.aws.ec2.operations.launch_templates import (
    create_launch_template,
    create_launch_template_version,
)
from addons.sim.aws.server import AwsEndpoint
from addons.sim.cluster.cluster import Cluster
from addons.sim.cluster.kubelets import Pace
from addons.sim.cluster.truth import NodeTruth
from addons.sim.kubeapi.server import KubeApi
from tests.support.as_objects import Object, template_tags
from tests.support.until import until
from tests.support.virtual import ThreadedVirtualLoop, VirtualLoop, virtual_now

CLUSTER = "test"
REGION = "eu-central-1"
APPS, POLICY = "apps/v1", "policy/v1"
_REACT, _LAUNCH, _TERMINATE, _RETRY, _WARNING = 2.0, 30.0, 20.0, 60.0, 120.0
"""About what AWS needs, in seconds."""


class AutoscalerWorld:
    """Three zones with a subnet each, groups, their nodes, and pods.

    `cluster` has `nodes.truths` (what nodes of a group really are), `aws.autoscaling` what groups do.
    """

    def __init__(self, api: KubeApi, aws: AwsEndpoint, folder: Path, factor: float = 1.0) -> None:
        self.api, self.aws, self.folder, self.factor = api, aws, folder, factor
        self.store = api.store
        self.autoscaling = aws.autoscaling
        knobs = self.autoscaling.knobs
        knobs.react_seconds, knobs.launch_seconds = _REACT * factor, _LAUNCH * factor
        knobs.terminate_seconds, knobs.retry_seconds = _TERMINATE * factor, _RETRY * factor
        knobs.spot_warning_seconds = _WARNING * factor
        network = aws.ec2.network
        self.vpc = network.create_vpc("10.0.0.0/16")
        self.subnets = {
            zone: network.create_subnet(self.vpc.id, f"10.0.{number}.0/24", zone=f"{REGION}{zone}").id
            for number, zone in enumerate("abc")
        }
        pace = Pace(start_seconds=2.0 * factor, stop_seconds=1.0 * factor)
        self.cluster = Cluster(self.store, self.autoscaling, pace=pace, tick_seconds=0.5 * factor)
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(api.kubeconfig())

    # What there is.

    def add_group(
        self,
        name: str,
        type_: str = "m5.large",
        *,
        zones: str = "a",
        least: int = 0,
        most: int = 10,
        desired: int = 0,
        labels: Mapping[str, str] | None = None,
        taints: Sequence[Object] = (),
        truth: NodeTruth | None = None,
        tags: Mapping[str, str] | None = None,
        types: Sequence[str] = (),
        spot: bool = False,
        subnets: Sequence[str] = (),
        is_discovered: bool = True,
    ) -> Group:
        """Make a group with a launch template of its own.

        Its tags tell of `labels` and `taints`, and its nodes have them unless `truth` says otherwise. With
        `types` it has a mixed instances policy; `spot` makes all of its instances spot.
        """
        data: Object = {"ImageId": "ami-0abcdef1234567890", "InstanceType": type_}
        if spot and not types:
            data["InstanceMarketOptions"] = {"MarketType": "spot"}
        self._make_template(name, data)
        reference = {"LaunchTemplateName": name, "Version": "$Latest"}
        source: Object = {"LaunchTemplate": reference}
        if types:
            overrides = [{"InstanceType": each} for each in types]
            percent = 0 if spot else 100
            source = {
                "MixedInstancesPolicy": {
                    "LaunchTemplate": {"LaunchTemplateSpecification": reference, "Overrides": overrides},
                    "InstancesDistribution": {"OnDemandPercentageAboveBaseCapacity": percent},
                }
            }
        told = template_tags(labels or {}, taints) | dict(tags or {})
        if is_discovered:
            told |= {
                "k8s.io/cluster-autoscaler/enabled": "true",
                f"k8s.io/cluster-autoscaler/{CLUSTER}": "owned",
            }
        self.ask(
            "CreateAutoScalingGroup",
            AutoScalingGroupName=name,
            MinSize=least,
            MaxSize=most,
            DesiredCapacity=max(least, desired),
            VPCZoneIdentifier=",".join(subnets or [self.subnets[zone] for zone in zones]),
            Tags=[{"Key": key, "Value": value, "PropagateAtLaunch": True} for key, value in told.items()],
            **source,
        )
        usual = NodeTruth(labels=dict(labels or {}), taints=list(taints))
        self.cluster.nodes.truths[name] = self.scaled(truth or usual)
        return self.group(name)

    def _make_template(self, name: str, data: Object) -> None:
        create_launch_template(self.aws.ec2, {"LaunchTemplateName": name, "LaunchTemplateData": data})

    def new_template_version(self, name: str, **data: Any) -> None:
        """Make a newer version of the launch template of a group, which groups take as $Latest."""
        call = {"LaunchTemplateName": name, "SourceVersion": "$Latest", "LaunchTemplateData": data}
        create_launch_template_version(self.aws.ec2, call)

    def scaled(self, truth: NodeTruth) -> NodeTruth:
        """The same, as fast as this world is."""
        return replace(
            truth,
            join_seconds=truth.join_seconds * self.factor,
            ready_seconds=None if truth.ready_seconds is None else truth.ready_seconds * self.factor,
            leave_seconds=truth.leave_seconds * self.factor,
            startup_taints={key: seconds * self.factor for key, seconds in truth.startup_taints.items()},
        )

    def truth(self, group: str) -> NodeTruth:
        """What nodes of a group really are; those that come later are as it is set here."""
        return self.cluster.nodes.truths[group]

    def ask(self, operation: str, **arguments: Any) -> Object:
        """Call an operation of Auto Scaling as the owner of the account does, past the faults."""
        return OPERATIONS[operation](self.autoscaling, arguments)

    def create(self, *objects: Object, kind: str = "pods", version: str = "v1") -> None:
        """Make objects of Kubernetes."""
        for obj in objects:
            self.store.create(version, kind, obj)

    def create_sets(self, *objects: Object) -> None:
        """Make ReplicaSets and DaemonSets."""
        for obj in objects:
            self.store.create(APPS, obj["kind"].lower() + "s", obj)

    def create_budgets(self, *objects: Object) -> None:
        """Make disruption budgets."""
        self.create(*objects, kind="poddisruptionbudgets", version=POLICY)

    def scale(self, name: str, replicas: int, namespace: str = "default") -> None:
        """Let a ReplicaSet want so many pods."""
        found = self.store.get(APPS, "replicasets", namespace, name)
        found["spec"]["replicas"] = replicas
        self.store.update(APPS, "replicasets", found)

    def delete(self, name: str, kind: str = "pods", version: str = "v1", namespace: str = "default") -> None:
        """Delete an object at once."""
        self.store.delete(version, kind, namespace, name)

    # What happens to it.

    def fail_launches(self, group: str = "", code: str = "OutOfCapacity", **more: Any) -> FailedLaunches:
        """Let launches fail: `zone`, `type_`, `seconds` and `times` narrow it (AutoScaling.fail_launches)."""
        if zone := more.get("zone"):
            more["zone"] = zone if len(zone) > 1 else f"{REGION}{zone}"
        return self.autoscaling.fail_launches(group, code, **more)

    def delay(self, group: str, seconds: float) -> None:
        """Let instances of a group be Pending for so long."""
        self.autoscaling.delay(group, seconds)

    def reclaim(self, node: str, **more: Any) -> None:
        """Take the spot instance of a node back."""
        self.autoscaling.reclaim(self.cluster.nodes.instance_of(node), **more)

    def lose(self, node: str) -> None:
        """Let the instance of a node end at once."""
        self.autoscaling.lose(self.cluster.nodes.instance_of(node))

    def refuse(self, operation: str, code: str = "Throttling", group: str = "", **more: Any) -> None:
        """Let calls of an operation fail, of all groups or of one (see Faults.add)."""
        self.aws.faults.add(operation=operation, code=code, when=concerns(group), **more)

    def hang(self, operation: str, seconds: float, group: str = "") -> None:
        """Let calls of an operation be answered so late, of all groups or of one."""
        self.aws.faults.slow(operation, seconds, when=concerns(group))

    def queue(self, name: str = "interruptions") -> str:
        """Make a queue that gets EventBridge's notices from now on; its URL."""
        self.aws.sqs.create_queue(name)
        self.autoscaling.account.listeners.append(lambda notice: void(self.aws.sqs.send(name, notice)))
        return f"{self.aws.url}/123456789012/{name}"

    # What is to be seen.

    def group(self, name: str) -> Group:
        """A group as it is."""
        return self.autoscaling.groups[name]

    def desired(self, name: str) -> int:
        """The desired capacity of a group."""
        return self.group(name).desired

    def members(self, name: str) -> list[Member]:
        """The instances of a group that are not leaving."""
        return [member for member in self.autoscaling.members(name) if not member.is_leaving]

    def nodes(self, group: str = "") -> list[Object]:
        """The Node objects, or those of a group."""
        ids = {member.id for member in self.autoscaling.members(group)} if group else set()
        found = self.store.list("v1", "nodes")
        return [each for each in found if not group or each["spec"]["providerID"].rpartition("/")[2] in ids]

    def node_names(self, group: str = "") -> list[str]:
        """The names of the nodes, or of those of a group."""
        return [each["metadata"]["name"] for each in self.nodes(group)]

    def node(self, name: str) -> Object:
        """A Node object."""
        return self.store.get("v1", "nodes", "", name)

    def pods(self, prefix: str = "", *, node: str = "") -> list[Object]:
        """The pods whose names begin so, or those on a node, that are not being deleted."""
        return [
            pod
            for pod in self.store.list("v1", "pods")
            if pod["metadata"]["name"].startswith(prefix)
            and node in ("", pod["spec"].get("nodeName"))
            and "deletionTimestamp" not in pod["metadata"]
        ]

    def waiting(self, prefix: str = "") -> list[str]:
        """The names of the pods that are on no node."""
        return [pod["metadata"]["name"] for pod in self.pods(prefix) if not pod["spec"].get("nodeName")]

    def running(self, prefix: str = "") -> list[str]:
        """The names of the pods that run."""
        return [
            pod["metadata"]["name"] for pod in self.pods(prefix) if pod["status"].get("phase") == "Running"
        ]

    def is_settled(self, prefix: str = "") -> bool:
        """Whether all such pods run, and there are some."""
        return bool(self.pods(prefix)) and len(self.running(prefix)) == len(self.pods(prefix))

    def taints(self, node: str) -> list[str]:
        """The keys of the taints of a node."""
        return [taint["key"] for taint in self.node(node)["spec"].get("taints") or ()]

    def asked(self, operation: str = "SetDesiredCapacity", group: str = "") -> list[Asked]:
        """The calls of an operation, with when they came and their arguments."""
        return [
            each
            for each in self.autoscaling.history
            if each.operation == operation and group in ("", each.arguments.get("AutoScalingGroupName"))
        ]

    def started(self, group: str = "") -> int:
        """How many instances were ever launched, by all groups or by one."""
        return sum(
            each.description.startswith("Launching a new EC2 instance: ") and group in ("", each.group)
            for each in self.autoscaling.account.activities
        )

    def events(self, reason: str = "", name: str = "") -> list[Object]:
        """The Events, of one reason, or on objects whose names begin so."""
        return [
            event
            for event in self.store.list("events.k8s.io/v1", "events")
            if reason in ("", event["reason"]) and event["regarding"]["name"].startswith(name)
        ]

    def notes(self, reason: str = "", name: str = "") -> list[str]:
        """What these Events say."""
        return [str(event["note"]) for event in self.events(reason, name)]

    def calls(self, *operations: str) -> int:
        """How often AWS was asked for these operations."""
        return sum(call.operation in operations for call in self.aws.calls)

    async def reach(self, condition: Callable[[], object], what: str = "", *, minutes: float = 30.0) -> Any:
        """Wait until something is true, for so many minutes of the world's time."""
        return await until(condition, what, seconds=max(10.0, minutes * 60 * self.factor), pause=0.1)

    async def pass_by(self, *, minutes: float = 0.0, seconds: float = 0.0) -> None:
        """Let so much of the world's time pass."""
        await asyncio.sleep((minutes * 60 + seconds) * self.factor)


def concerns(group: str) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a call is about a group, by its name or among others, or about a launch template by its id.

    An empty name means every call.
    """

    def is_about(arguments: Mapping[str, Any]) -> bool:
        names = arguments.get("AutoScalingGroupNames", ())
        ids = (arguments.get("AutoScalingGroupName"), arguments.get("LaunchTemplateId"))
        return group in ("", *ids, *names)

    return is_about


def void(_: object) -> None:
    """Make a call that gives something one that gives nothing."""


@asynccontextmanager
async def other_cluster(world: AutoscalerWorld) -> AsyncIterator[str]:
    """A cluster of somebody else, without nodes, until the block ends; the path of its kubeconfig."""
    async with KubeApi() as api:
        api.store.now = world.store.now
        path = world.folder / "kubeconfig-of-another-cluster"
        path.write_text(api.kubeconfig())
        yield str(path)


@asynccontextmanager
async def autoscaler_world(folder: Path, *, factor: float = 1.0) -> AsyncIterator[AutoscalerWorld]:
    """A world that lives until the block ends; on virtual time its clock is the loop's."""
    loop = asyncio.get_running_loop()
    api, aws = KubeApi(), AwsEndpoint()
    if isinstance(loop, VirtualLoop):
        api.store.now = virtual_now
        aws.ec2.agenda.now = virtual_now
    async with AsyncExitStack() as stack:
        if isinstance(loop, ThreadedVirtualLoop):
            loop.waiting = lambda: aws.serving
            pauses = SimpleNamespace(sleep=loop.sleep_in_thread, time=time.time)
            stack.enter_context(patch.object(botocore.endpoint, "time", pauses))  # between its retries
        await stack.enter_async_context(api)
        await stack.enter_async_context(aws)
        api.enable(owner_gc=True)
        world = AutoscalerWorld(api, aws, folder, factor)
        task = asyncio.create_task(world.cluster.run())
        try:
            yield world
        finally:
            ended = task.done()
            task.cancel()
            (result,) = await asyncio.gather(task, return_exceptions=True)
            if ended and isinstance(result, BaseException):
                raise result  # also that of a test that took too long: it strikes wherever the loop is then
