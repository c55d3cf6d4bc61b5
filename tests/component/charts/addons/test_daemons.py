"""The daemons as the umbrella starts them, beside each other, with what is shared told once."""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support.charts import Object, Values
from tests.support.helm import NAMESPACE
from tests.support.kubelet import Pod, running
from tests.support.umbrella import cluster

REPLICATED = ("albingress", "autoscaler", "dns")
SECRETS = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What a pod gets by its IAM role; where AWS is, the values say."""


def settings(aws: AwsEndpoint) -> Values:
    """Values for daemons that listen at free ports; cni, which needs nodes, is left out."""
    vpc = aws.ec2.network.create_vpc("10.0.0.0/16")
    aws.route53.create_zone("example.org")
    aws.sts.create_role("web")
    free: Values = {name: {"port": free_port()} for name in (*REPLICATED, "iamproxy")}
    free["albingress"]["config"] = {"awsVpcId": vpc.id}
    free["iamproxy"]["config"] = {"interceptor": "none", "appPort": free_port()}
    shared = {"awsEndpointUrl": aws.url, "region": "eu-central-1", "clusterName": "prod"}
    return {"global": shared, "cni": {"enabled": False}, **free}


def workload(api: KubeApi, name: str) -> Object:
    """The workload of an add-on as the API server holds it."""
    plural = "deployments" if name in REPLICATED else "daemonsets"
    found: Object = api.store.get("apps/v1", plural, NAMESPACE, f"aws-{name}")
    return found


async def start(stack: AsyncExitStack, api: KubeApi, names: Iterable[str], folder: Path) -> dict[str, Pod]:
    """Start a pod of each, one after the other: each has the machine to itself until it is ready."""
    pods = {}
    for name in names:
        (folder / name).mkdir()
        pod = running(api, workload(api, name), folder / name, SECRETS)
        pods[name] = await stack.enter_async_context(pod)
        await pods[name].succeed("readinessProbe")
    return pods


def holders(api: KubeApi) -> dict[str, str]:
    """Who leads, by the name of the Lease."""
    leases = api.store.list("coordination.k8s.io/v1", "leases", NAMESPACE)
    return {each["metadata"]["name"]: each["spec"]["holderIdentity"].partition("_")[0] for each in leases}


async def test_they_become_ready_side_by_side_and_lead_each_by_a_lease_of_its_own(tmp_path: Path) -> None:
    async with AwsEndpoint() as aws, cluster() as (api, release), AsyncExitStack() as stack:
        await release.install(settings(aws))
        pods = await start(stack, api, (*REPLICATED, "iamproxy"), tmp_path)
        assert {name: holder.startswith(f"{name}-0") for name, holder in holders(api).items()} == {
            f"aws-{name}": True for name in REPLICATED
        }
        services = {call.service for call in aws.calls}
        assert {"route53", "autoscaling", "sts"} <= services, "AWS is where the values say"
        codes = await asyncio.gather(*(pod.stop() for pod in pods.values()))
        assert codes == [0] * len(pods)
