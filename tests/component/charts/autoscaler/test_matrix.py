"""The Job of an ASG matrix as the autoscaler chart makes it: with exactly the rights that it needs."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from addons.sim.aws.server import AwsEndpoint
from addons.sim.cluster.truth import NodeTruth
from addons.sim.kubeapi.faults import Fault
from tests.support.as_objects import Object, replica_set
from tests.support.as_world import AutoscalerWorld
from tests.support.aws import rights_used
from tests.support.charts import CHARTS, Values
from tests.support.helm import NAMESPACE, Release, cluster, granted_to, used
from tests.support.kubelet import running

ACCOUNT = "aws-autoscaler-matrix"
OLD, NEW = "example-old-m5-large-od-a", "example-new-m5-large-od-a"
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true"}
_POLICY = json.loads((CHARTS / "autoscaler/files/iam-policy-matrix.json").read_text())["Statement"]
ALLOWED = {sid["Sid"]: set(sid["Action"]) for sid in _POLICY}
READS = {"autoscaling:DescribeAutoScalingGroups", "cloudformation:DescribeStacks"}
_FASTER = 0.01


class Site(AutoscalerWorld):
    """A cluster and an AWS in which a matrix has one group for each of its services."""

    release: Release

    image = "ami-0abcdef1234567890"

    def file(self, services: str) -> str:
        """The text of a file with these services."""
        return (
            "matrix: shop\ncluster: example\n"
            f"defaults: {{image: {self.image}, max: 10}}\n"
            "dimensions:\n  instanceTypes: [m5.large]\n"
            f"  zones: {{eu-central-1a: {self.subnets['a']}}}\n  services: [{services}]\n"
        )

    def values(self, services: str, **matrix: object) -> Values:
        """Values by which the file is applied."""
        quick = {"nodeDeleteDelayAfterTaint": "0s", "awsEndpointUrl": self.aws.url}
        return {
            "config": {"awsRegion": "eu-central-1", **quick},
            "matrix": {"file": self.file(services), "command": "apply", **matrix},
        }

    def stream_no_lists(self) -> None:
        """Have an older API server, which is asked for lists."""
        for verb, _, resource in granted_to(self.api, ACCOUNT):
            if verb == "watch":
                self.api.faults.add(Fault(verb="watch", resource=resource, times=1, status=422))

    def job(self) -> Object:
        """The one Job that there is."""
        (found,) = self.store.list("batch/v1", "jobs", NAMESPACE)
        return dict(found)

    async def run(self) -> tuple[int, str]:
        """Run the steps of the Job up to the first that fails; its exit code, and all that was written."""
        job, written, code = self.job(), "", 0
        spec = job["spec"]["template"]["spec"]
        for step in [*spec.get("initContainers", ()), *spec["containers"]]:
            folder = self.folder / f"{job['metadata']['name']}-{step['name']}"
            folder.mkdir()
            async with running(self.api, job, folder, KEYS, container_name=step["name"]) as pod:
                code = await pod.end()
                written += pod.log()
            if code:
                break
        return code, written

    @property
    def stacks(self) -> dict[str, str]:
        """The stacks that are there, and their status."""
        found = self.aws.cloudformation.account.stacks.values()
        return {each.name: each.status for each in found if not each.is_gone}


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    """A cluster in which everybody needs rights, and a release to install."""
    async with AwsEndpoint() as aws, cluster("autoscaler") as (api, release):
        api.enable(owner_gc=True)
        made = Site(api, aws, folder, _FASTER)
        made.release = release
        quick = NodeTruth(join_seconds=0.2, ready_seconds=0.1, leave_seconds=0.1)
        made.cluster.nodes.truths |= {OLD: quick, NEW: quick}
        task = asyncio.create_task(made.cluster.run())
        yield made
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_its_log_is_the_plan_and_what_became_of_it_and_it_needs_nothing_of_the_cluster(
    tmp_path: Path,
) -> None:
    async with site(tmp_path) as world:
        await world.release.install(world.values("old, new"))
        code, log = await world.run()
        assert code == 0, log
        assert f"create  stack   {NEW}" in log
        assert "2 cells: 2 create\n" in log
        assert "in all: 2 created\n" in log
        assert world.stacks == {OLD: "CREATE_COMPLETE", NEW: "CREATE_COMPLETE"}
        assert used(world.api, ACCOUNT) == granted_to(world.api, ACCOUNT) == set()
        stacks = ALLOWED["Plan"] | ALLOWED["ChangeStacks"] | ALLOWED["ChangeGroups"]
        assert rights_used(world.aws) - READS <= stacks


async def test_a_removed_cell_goes_with_exactly_the_rights_that_the_chart_gives(tmp_path: Path) -> None:
    async with site(tmp_path) as world:
        await world.release.install(world.values("old, new"))
        await world.run()
        before = world.job()["metadata"]["name"]
        for name in (OLD, NEW):
            world.ask("SetDesiredCapacity", AutoScalingGroupName=name, DesiredCapacity=1)
        await world.reach(lambda: len(world.node_names()) == 2, "both nodes are there")
        world.create_sets(replica_set("web", 2, cpu="100m"))
        await world.reach(lambda: world.is_settled("web"), "the pods run")
        world.aws.calls.clear()
        changed = world.values("new", prune={"enabled": True, "most": 50})
        changed["config"]["expander"] = ["priority", "least-waste"]
        await world.release.upgrade(changed)
        world.stream_no_lists()
        assert world.job()["metadata"]["name"] != before
        code, log = await world.run()
        assert code == 0, log
        assert log.splitlines()[-1] == f"deleted: {OLD}"
        assert world.stacks == {NEW: "CREATE_COMPLETE"}
        await world.reach(lambda: world.is_settled("web"), "the pods run elsewhere")
        assert used(world.api, ACCOUNT) == granted_to(world.api, ACCOUNT)
        allowed = set().union(*ALLOWED.values()) | READS
        assert rights_used(world.aws) - {"autoscaling:SetDesiredCapacity"} <= allowed


async def test_instances_of_an_old_image_go_with_exactly_the_rights_that_the_chart_gives(
    tmp_path: Path,
) -> None:
    async with site(tmp_path) as world:
        await world.release.install(world.values("new"))
        await world.run()
        world.ask("SetDesiredCapacity", AutoScalingGroupName=NEW, DesiredCapacity=1)
        await world.reach(lambda: world.node_names(), "the node is there")
        world.create_sets(replica_set("web", 1, cpu="100m"))
        await world.reach(lambda: world.is_settled("web"), "the pod runs")
        world.image = "ami-0fedcba9876543210"
        world.aws.calls.clear()
        await world.release.upgrade(world.values("new", roll={"enabled": True}))
        world.stream_no_lists()
        code, log = await world.run()
        assert code == 0, log
        assert log.splitlines()[-1] == f"rolled: {NEW}: 1 instance"
        (member,) = world.members(NEW)
        assert world.aws.ec2.account.instances[member.id].image_id == world.image
        assert used(world.api, ACCOUNT) == granted_to(world.api, ACCOUNT)
        stacks = {each for sid, actions in ALLOWED.items() if sid != "ReadStacks" for each in actions}
        looks = READS | {"ec2:DescribeInstances", "ec2:DescribeLaunchTemplateVersions"}
        assert rights_used(world.aws) <= stacks | looks


async def test_a_file_with_faults_ends_it_with_all_of_them_and_nothing_is_changed(tmp_path: Path) -> None:
    async with site(tmp_path) as world:
        given = world.values("web")
        given["matrix"]["file"] = given["matrix"]["file"].replace("max: 10", "maks: 10, min: -1")
        await world.release.install(given)
        code, log = await world.run()
        assert code == 1
        assert "matrix.yaml:3: defaults.maks: " in log
        assert "matrix.yaml:3: defaults.min: " in log
        assert world.aws.calls == []


async def test_an_upgrade_without_changes_runs_nothing_again(tmp_path: Path) -> None:
    async with site(tmp_path) as world:
        await world.release.install(world.values("web"))
        before = world.job()["metadata"]
        await world.release.upgrade(world.values("web"))
        assert world.job()["metadata"]["uid"] == before["uid"]
        await world.release.uninstall()
        assert world.store.list("batch/v1", "jobs", NAMESPACE) == []
