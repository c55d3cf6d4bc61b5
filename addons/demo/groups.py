"""What stands around auto scaling groups: an account and a cluster of its own, where instances become nodes.

A group has tags that tell what its nodes will be like, and a truth of what they are: the two may differ.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from addons.demo.world import REGION
from addons.sim.aws.autoscaling.api import OPERATIONS
from addons.sim.aws.ec2.operations.launch_templates import create_launch_template
from addons.sim.aws.server import AwsEndpoint, Call
from addons.sim.cluster.cluster import Cluster
from addons.sim.cluster.kubelets import Pace
from addons.sim.cluster.truth import NodeTruth
from addons.sim.kubeapi.server import KubeApi

Object = dict[str, Any]

DISCOVERED = "k8s.io/cluster-autoscaler/enabled"
_LABEL = "k8s.io/cluster-autoscaler/node-template/label/"
_APPS, _POLICY = "apps/v1", "policy/v1"
NAMESPACE = "default"


def add_group(
    aws: AwsEndpoint,
    name: str,
    subnet: str,
    labels: Mapping[str, str],
    *,
    most: int,
    least: int = 0,
    desired: int = 0,
    type_: str = "m5.large",
) -> None:
    """Make a group in a subnet, with a launch template and tags that tell of labels."""
    data = {"ImageId": "ami-0abcdef1234567890", "InstanceType": type_}
    create_launch_template(aws.ec2, {"LaunchTemplateName": name, "LaunchTemplateData": data})
    tags = {DISCOVERED: "true", **{f"{_LABEL}{key}": value for key, value in labels.items()}}
    OPERATIONS["CreateAutoScalingGroup"](
        aws.autoscaling,
        {
            "AutoScalingGroupName": name,
            "MinSize": least,
            "MaxSize": most,
            "DesiredCapacity": desired,
            "VPCZoneIdentifier": subnet,
            "LaunchTemplate": {"LaunchTemplateName": name, "Version": "$Latest"},
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        },
    )


class Site:
    """Groups, their nodes, and the applications whose pods run there."""

    def __init__(self, api: KubeApi, aws: AwsEndpoint) -> None:
        self.api, self.aws = api, aws
        self._store = api.store
        network = aws.ec2.network
        vpc = network.create_vpc("10.0.0.0/16")
        self.zone = f"{REGION}a"
        self.subnet = network.create_subnet(vpc.id, "10.0.0.0/24", zone=self.zone).id
        knobs = aws.autoscaling.knobs
        knobs.react_seconds, knobs.launch_seconds, knobs.terminate_seconds = 0.1, 0.5, 0.3
        pace = Pace(start_seconds=0.2, stop_seconds=0.2)
        self.cluster = Cluster(api.store, aws.autoscaling, pace=pace, tick_seconds=0.1)

    def add_group(
        self, name: str, labels: Mapping[str, str], *, most: int, desired: int = 0, lies: bool = False
    ) -> None:
        """Make a group of m5.large whose tags tell of labels; where it lies its nodes do not have them."""
        add_group(self.aws, name, self.subnet, labels, most=most, desired=desired)
        self.expect_nodes(name, {} if lies else labels)

    def expect_nodes(self, group: str, labels: Mapping[str, str]) -> None:
        """Have the instances of a group become nodes with such labels, within a second."""
        self.cluster.nodes.truths[group] = NodeTruth(
            labels=dict(labels), join_seconds=0.3, ready_seconds=0.3, leave_seconds=0.3
        )

    def create_app(self, name: str, replicas: int, selector: Mapping[str, str]) -> None:
        """Make a ReplicaSet whose pods each take a quarter of a node, and run on nodes with such labels."""
        requests = {"cpu": "500m", "memory": "256Mi"}
        containers = [{"name": "app", "image": "app", "resources": {"requests": requests}}]
        labels = {"app": name}
        template = {
            "metadata": {"labels": labels},
            "spec": {"containers": containers, "nodeSelector": dict(selector)},
        }
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
        self._store.create(_APPS, "replicasets", {"metadata": metadata, "spec": spec})

    def scale(self, name: str, replicas: int) -> None:
        """Let an application have so many pods."""
        found = self._store.get(_APPS, "replicasets", NAMESPACE, name)
        found["spec"]["replicas"] = replicas
        self._store.update(_APPS, "replicasets", found)

    def thin_out(self, name: str) -> int:
        """Leave of an application one pod on each node; how many there are then."""
        kept: set[str] = set()
        for pod in self.pods(name):
            node = pod["spec"]["nodeName"]
            if node in kept:
                self._store.delete("v1", "pods", NAMESPACE, pod["metadata"]["name"])
            kept.add(node)
        self.scale(name, len(kept))
        return len(kept)

    def create_budget(self, name: str, most_away: int) -> None:
        """Let no more pods of an application be away at once than this."""
        spec = {"maxUnavailable": most_away, "selector": {"matchLabels": {"app": name}}}
        metadata = {"name": name, "namespace": NAMESPACE}
        self._store.create(_POLICY, "poddisruptionbudgets", {"metadata": metadata, "spec": spec})

    def throttle(self, group: str) -> None:
        """Let AWS refuse every order of a group, until it is lifted."""
        self.aws.faults.add(
            operation="SetDesiredCapacity",
            code="Throttling",
            message="Rate exceeded",
            times=None,
            when=lambda arguments: arguments.get("AutoScalingGroupName") == group,
        )

    def pods(self, name: str) -> list[Object]:
        """The pods of an application that are not on their way out."""
        found = self._store.list("v1", "pods", NAMESPACE, label_selector=f"app={name}")
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def running(self, name: str) -> int:
        """How many pods of an application are ready."""
        conditions = [pod.get("status", {}).get("conditions", ()) for pod in self.pods(name)]
        return sum(any(c["type"] == "Ready" and c["status"] == "True" for c in each) for each in conditions)

    def desired(self, group: str) -> int:
        """The desired capacity of a group."""
        return self.aws.autoscaling.groups[group].desired

    def launched(self, group: str) -> int:
        """How many instances a group has ever launched."""
        words = "Launching a new EC2 instance: "
        activities = self.aws.autoscaling.account.activities
        return sum(each.group == group and each.description.startswith(words) for each in activities)

    def notes(self, reason: str, about: str = "") -> list[str]:
        """What Events of a reason say, about objects whose names begin so."""
        return [
            str(event["note"])
            for event in self._store.list("events.k8s.io/v1", "events")
            if event["reason"] == reason and event["regarding"]["name"].startswith(about)
        ]

    def calls(self, *operations: str) -> list[Call]:
        """The calls of operations that AWS had so far."""
        return [call for call in self.aws.calls if call.operation in operations]


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    """Make the account and the cluster, and let them live until the block ends."""
    async with AwsEndpoint() as aws, KubeApi() as api:
        api.enable(owner_gc=True)
        made = Site(api, aws)
        task = asyncio.create_task(made.cluster.run())
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
