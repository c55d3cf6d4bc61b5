"""The daemon as the autoscaler chart starts it: with exactly the rights it needs, there and in AWS."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from addons.autoscaler.aws.calls import OPERATIONS
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support.as_objects import Object, pod, replica_set
from tests.support.as_world import CLUSTER, AutoscalerWorld
from tests.support.aws import rights_used
from tests.support.charts import CHARTS, Values
from tests.support.helm import NAMESPACE, Release, Use, cluster, granted_to, used
from tests.support.kubelet import running

POLICY = json.loads((CHARTS / "autoscaler/files/iam-policy.json").read_text())
ACTIONS = {action for statement in POLICY["Statement"] for action in statement["Action"]}
ACCOUNT = "aws-autoscaler"
READ = (
    *("namespaces", "nodes", "persistentvolumeclaims", "persistentvolumes", "pods", "replicationcontrollers"),
    *("daemonsets", "replicasets", "statefulsets", "jobs", "poddisruptionbudgets", "csinodes"),
    *("storageclasses", "configmaps"),
)
_FASTER = 0.01
"""What takes a minute outside takes so long here, in minutes."""


class Site(AutoscalerWorld):
    """A cluster that becomes nodes quickly, on an API server that cannot stream lists."""

    def __init__(self, api: KubeApi, aws: AwsEndpoint, folder: Path) -> None:
        super().__init__(api, aws, folder, _FASTER)
        for resource in READ:
            api.faults.add(Fault(verb="watch", resource=resource, times=1, status=422))

    def deployment(self) -> Object:
        """The Deployment as the API server holds it."""
        found: Object = self.store.get("apps/v1", "deployments", NAMESPACE, ACCOUNT)
        return found

    def environment(self) -> dict[str, str]:
        """What a pod gets by its IAM role, and where AWS is."""
        return {
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def uses(self, verb: str, resource: str) -> bool:
        """Whether the daemon has made use of a right."""
        return (verb, resource) in {(use[0], use[2]) for use in used(self.api, ACCOUNT)}

    def about_pod(self) -> list[Object]:
        """The Events about the daemon's own pod."""
        found = self.store.list("events.k8s.io/v1", "events")
        return [event for event in found if event["regarding"]["name"] == f"{ACCOUNT}-0"]

    def create_own_pod(self, node: str) -> None:
        """Have the API server know the daemon's own pod, on a node."""
        self.store.create("v1", "pods", pod(f"{ACCOUNT}-0", namespace=NAMESPACE, nodeName=node))

    def add_groups_of_other_kinds(self) -> None:
        """Groups that launch by a launch configuration, and by what an instance must have."""
        usual = {
            "MinSize": 0,
            "MaxSize": 1,
            "VPCZoneIdentifier": self.subnets["a"],
            "Tags": [{"Key": f"k8s.io/cluster-autoscaler/{CLUSTER}", "Value": "owned"}],
        }
        self.ask("CreateLaunchConfiguration", LaunchConfigurationName="old", InstanceType="m5.large")
        self.ask("CreateAutoScalingGroup", AutoScalingGroupName="old", LaunchConfigurationName="old", **usual)
        wanted = {"VCpuCount": {"Min": 2, "Max": 4}, "MemoryMiB": {"Min": 4096}}
        launch = {
            "LaunchTemplateSpecification": {"LaunchTemplateName": "own", "Version": "$Latest"},
            "Overrides": [{"InstanceRequirements": wanted}],
        }
        policy = {"LaunchTemplate": launch}
        self.ask("CreateAutoScalingGroup", AutoScalingGroupName="any", MixedInstancesPolicy=policy, **usual)

    def take_back(self, group: str) -> None:
        """Somebody else makes a group smaller, which has a hook for that."""
        self.ask(
            "PutLifecycleHook",
            AutoScalingGroupName=group,
            LifecycleHookName="drain",
            LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
            HeartbeatTimeout=300,
            DefaultResult="CONTINUE",
        )
        self.ask("SetDesiredCapacity", AutoScalingGroupName=group, DesiredCapacity=0)


@asynccontextmanager
async def made(folder: Path) -> AsyncIterator[tuple[Site, Release]]:
    """A cluster in which everybody needs rights, an account, and a release to install."""
    async with AwsEndpoint() as aws, cluster("autoscaler") as (api, release):
        api.enable(owner_gc=True)
        site = Site(api, aws, folder)
        task = asyncio.create_task(site.cluster.run())
        yield site, release
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def settings(**config: Any) -> Values:
    """Values for a daemon that acts soon and listens at a free port."""
    soon = {
        "nodeGroupAutoDiscovery": [f"asg:tag=k8s.io/cluster-autoscaler/{CLUSTER}"],
        "scaleDownUnneededTime": "1s",
        "scaleDownDelayAfterAdd": "1s",
        "nodeDeleteDelayAfterTaint": "100ms",
        "scanInterval": "1s",
    }
    return {"port": free_port(), "config": {**soon, **config}}


def pod_folder(folder: Path) -> Path:
    """Where the files of the pod are."""
    place = folder / "pod"
    place.mkdir()
    return place


def ready(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that take pods."""
    is_ready = {"type": "Ready", "status": "True"}.items()
    return [node for node in nodes if any(is_ready <= each.items() for each in node["status"]["conditions"])]


def is_read(use: Use) -> bool:
    """Whether a right is one to read what is cached."""
    return use[0] in ("list", "watch")


@pytest.mark.parametrize("namespace", ["", "default"])
async def test_it_does_its_work_with_exactly_the_rights_that_the_chart_gives(
    namespace: str, tmp_path: Path
) -> None:
    async with made(tmp_path) as (site, release):
        await release.install(settings(namespace=namespace, expander=["priority", "least-waste"]))
        site.add_group("web", labels={"pool": "web"})
        site.add_group("old", labels={"pool": "old"}, desired=2)
        await site.reach(lambda: len(ready(site.nodes("old"))) == 2, "both nodes are ready")
        site.create_sets(replica_set("small", 2, "100m", nodeSelector={"pool": "old"}))
        await site.reach(lambda: site.is_settled("small"), "both nodes have a pod")
        folder = pod_folder(tmp_path)
        async with running(site.api, site.deployment(), folder, site.environment()) as daemon:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                await daemon.succeed(probe)
            await daemon.reach(lambda: site.desired("old") == 1, "a node is drained and goes")
            for _ in range(2):
                site.create_sets(replica_set("web", 1, nodeSelector={"pool": "web"}))
                await daemon.reach(lambda: site.is_settled("web"), "the pod runs")
                site.delete("web", "replicasets", "apps/v1")
                await daemon.reach(lambda: site.desired("web") == 0, "its node goes")
            await daemon.reach(lambda: site.uses("patch", "events"), "an Event is counted twice")
            await daemon.reach(lambda: site.uses("patch", "configmaps"), "the status is written twice")
            assert await daemon.stop() == 0, daemon.log()
        assert used(site.api, ACCOUNT) == granted_to(site.api, ACCOUNT)
        assert rights_used(site.aws) <= ACTIONS


def test_the_policy_has_what_the_daemon_calls_and_no_more() -> None:
    assert {f"{service}:{name}" for service in OPERATIONS for name in OPERATIONS[service]} == ACTIONS


async def test_every_right_in_aws_is_made_use_of(tmp_path: Path) -> None:
    async with made(tmp_path) as (site, release):
        await release.install(settings(interruptionQueue=site.queue()))
        site.add_group("own", labels={"pool": "own"}, desired=1)
        site.add_group("hooked", labels={"pool": "hooked"}, desired=1)
        site.add_group("idle", desired=1)
        site.add_group("eks", tags={"eks:cluster-name": CLUSTER, "eks:nodegroup-name": "workers"})
        site.add_group("scarce", labels={"pool": "scarce"})
        site.add_groups_of_other_kinds()
        site.fail_launches("scarce")
        site.create_sets(replica_set("hooked", 1, nodeSelector={"pool": "hooked"}))
        await site.reach(lambda: site.is_settled("hooked") and site.node_names("own"), "the nodes are there")
        site.create_own_pod(site.node_names("own")[0])
        folder = pod_folder(tmp_path)
        async with running(site.api, site.deployment(), folder, site.environment()) as daemon:
            await daemon.succeed("readinessProbe")
            await daemon.reach(lambda: site.desired("idle") == 0, "an empty node goes")
            site.create_sets(replica_set("scarce", 1, nodeSelector={"pool": "scarce"}))
            site.take_back("hooked")
            await daemon.reach(lambda: rights_used(site.aws) >= ACTIONS, "every right is used")
            assert await daemon.stop() == 0, daemon.log()
        assert rights_used(site.aws) == ACTIONS


async def test_a_dry_run_needs_only_what_it_may_read(tmp_path: Path) -> None:
    async with made(tmp_path) as (site, release):
        await release.install(settings(dryRun=True))
        site.add_group("web")
        site.create_sets(replica_set("web", 2))
        folder = pod_folder(tmp_path)
        async with running(site.api, site.deployment(), folder, site.environment()) as daemon:
            await daemon.reach(lambda: "group/web" in daemon.log(), "the plan is printed")
            await daemon.succeed("readinessProbe")
            assert await daemon.stop() == 0, daemon.log()
        given, taken = granted_to(site.api, ACCOUNT), used(site.api, ACCOUNT)
        assert taken <= given
        assert {use for use in given if is_read(use)} <= taken
        assert site.desired("web") == 0
        assert not site.asked("SetDesiredCapacity")


async def test_a_right_that_aws_does_not_give_is_an_event_on_its_own_pod(tmp_path: Path) -> None:
    async with made(tmp_path) as (site, release):
        site.refuse("DescribeAutoScalingGroups", "AccessDenied", status=403, times=None)
        await release.install(settings())
        folder = pod_folder(tmp_path)
        async with running(site.api, site.deployment(), folder, site.environment()) as daemon:
            await daemon.reach(lambda: bool(site.about_pod()), "the Event")
            assert await daemon.stop() == 0, daemon.log()
        assert any("DescribeAutoScalingGroups" in event["note"] for event in site.about_pod())


async def test_while_the_original_holds_its_lease_nothing_is_changed(tmp_path: Path) -> None:
    async with made(tmp_path) as (site, release):
        await release.install(settings())
        now = site.store.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": "original-0", "leaseDurationSeconds": 3600, "renewTime": now}
        lease = {"metadata": {"name": "cluster-autoscaler", "namespace": NAMESPACE}, "spec": spec}
        site.store.create("coordination.k8s.io/v1", "leases", lease)
        site.add_group("web")
        site.create_sets(replica_set("web", 2))
        folder = pod_folder(tmp_path)
        async with running(site.api, site.deployment(), folder, site.environment()) as daemon:
            await daemon.reach(lambda: bool(site.about_pod()), "the Event")
            assert await daemon.probe("readinessProbe") == 503
            assert await daemon.stop() == 0, daemon.log()
        assert site.desired("web") == 0
        assert any("original-0" in event["note"] for event in site.about_pod())
