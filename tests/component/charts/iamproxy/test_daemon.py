"""The daemon as the iamproxy chart starts it: it serves pods with exactly the rights that it is given."""

import asyncio
import json
import sys
from pathlib import Path

import aiohttp
import pytest

from addons.iamproxy import names
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.faults import Fault
from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support.aws import rights_used
from tests.support.charts import CHARTS, Object, Values, helm, installed, render, values
from tests.support.daemonsets import DaemonSetController
from tests.support.helm import NAMESPACE, Use, cluster, find, granted, used
from tests.support.iamproxy_world import BASE, NODE, World, pod
from tests.support.kubelet import Pod, running
from tests.support.processes import run
from tests.support.until import until

ACCOUNT = "aws-iamproxy"
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
REPEAT: Use = ("patch", "events.k8s.io", "events")
ROLE = "/latest/meta-data/iam/security-credentials/web"


def world(api: KubeApi, aws: AwsEndpoint, folder: Path) -> World:
    """A namespace that permits one role, and a pod at loopback that asks for it.

    The API server is one that cannot stream lists: what a daemon needs there, it needs nowhere else more.
    """
    for resource in ("pods", "namespaces"):
        api.faults.add(Fault(verb="watch", resource=resource, times=1, status=422))
    aws.sts.create_role("web")
    made = World(api, aws, folder)
    made.namespace("shop", "web")
    account = {"metadata": {"name": "runner", "namespace": "shop"}}
    api.store.create("v1", "serviceaccounts", account)
    made.create(pod("a", "127.0.0.1", role="web", namespace="shop"))
    return made


def settings(**config: object) -> Values:
    """Values for a daemon at free ports that redirects nothing."""
    ports: Values = {"interceptor": "none", "appPort": free_port(), "baseRoleArn": BASE}
    return {"port": free_port(), "config": ports | config}


def environment(aws: AwsEndpoint) -> dict[str, str]:
    """What a pod gets by its IAM role, and where AWS is."""
    return {
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def daemon_set(api: KubeApi) -> Object:
    """The DaemonSet as the API server holds it."""
    found: Object = api.store.get("apps/v1", "daemonsets", NAMESPACE, ACCOUNT)
    return found


async def check(folder: Path, **environ: str) -> int:
    """Run `addons iamproxy check --offline` as in the daemon's pod; the exit code."""
    arguments = ("iamproxy", "check", "--offline", "--pod=shop/a", f"--kubeconfig={folder}/kubeconfig")
    command = (sys.executable, "-m", "addons", *arguments, f"--base-role-arn={BASE}")
    return (await run(*command, env=environ)).code


async def ask(port: int) -> str:
    """The code of the answer to the pod at loopback, when it asks for its credentials."""
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}{ROLE}"
        async with session.get(url, headers={"Host": "169.254.169.254"}) as reply:
            return str(json.loads(await reply.text())["Code"])


def permitted() -> set[str]:
    """What the policy of the chart permits."""
    policy = json.loads((CHARTS / "iamproxy/files/iam-policy.json").read_text())
    return {action for statement in policy["Statement"] for action in statement["Action"]}


async def refuse_twice(made: World, daemon: Pod) -> None:
    """Let a pod ask for a role that it may not have, for its own, and again for the other."""
    other = made.create(pod("b", "10.0.0.2", role="other", namespace="shop"))
    await daemon.reach(lambda: ("b", names.ROLE_NOT_ALLOWED) in made.events(), "the refusal is told")
    rename(made, other, "web")
    await daemon.reach(
        lambda: f"{other['metadata']['name']}: may have" in daemon.log(), "the role is granted"
    )
    rename(made, other, "other")
    await daemon.reach(lambda: REPEAT in used(made.api, ACCOUNT), "the Event is counted twice")


def rename(made: World, obj: Object, role: str) -> None:
    """Let a pod ask for another role."""
    current = made.api.store.get("v1", "pods", "shop", obj["metadata"]["name"])
    current["metadata"]["annotations"][names.ROLE] = role
    made.api.store.update("v1", "pods", current)


@pytest.mark.parametrize("source", ["node", "web-identity"])
async def test_it_does_its_work_with_exactly_the_rights_that_the_chart_gives(
    source: str, tmp_path: Path
) -> None:
    folder = tmp_path / "pod"
    folder.mkdir()
    async with AwsEndpoint() as aws, cluster("iamproxy") as (api, release):
        made = world(api, aws, tmp_path)
        given = settings(credentialSource=source)
        await release.install(given)
        async with running(api, daemon_set(api), folder, environment(aws), node=NODE) as daemon:
            for probe in PROBES:
                await daemon.succeed(probe)
            await daemon.reach(lambda: bool(rights_used(aws)), "credentials are fetched ahead")
            code = await ask(given["config"]["appPort"])
            assert await check(folder, **environment(aws)) == 0
            await refuse_twice(made, daemon)
            assert await daemon.stop() == 0, daemon.log()
        assert used(api, ACCOUNT) == granted(api)
        if source == "node":
            assert code == "Success"
            assert rights_used(aws) == permitted()
        else:
            assert code == "AssumeRoleUnauthorizedAccess", "this STS believes no token"
            assert {call.operation for call in aws.calls} == {"AssumeRoleWithWebIdentity"}


async def test_an_upgrade_and_a_rollback_change_what_the_pods_read_and_nothing_immutable() -> None:
    async with cluster("iamproxy") as (api, release):
        await release.install()
        before, text = daemon_set(api), configuration(api)
        await release.upgrade(
            {
                "config": {"credentialSource": "web-identity"},
                "podLabels": {"color": "blue"},
                "commonLabels": {"team": "security"},
                "updateStrategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
            }
        )
        after = daemon_set(api)
        assert "credentialSource: web-identity" in configuration(api)
        assert ("create", "", "serviceaccounts/token") in granted(api)
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert after["spec"]["selector"] == before["spec"]["selector"]
        assert after["spec"]["template"] != before["spec"]["template"], "pods are replaced"

        await release.rollback()
        assert (daemon_set(api)["spec"], configuration(api)) == (before["spec"], text)
        assert ("create", "", "serviceaccounts/token") not in granted(api)
        assert await release.statuses() == ["superseded", "superseded", "deployed"]


def configuration(api: KubeApi) -> str:
    """The settings file in the cluster."""
    text: str = api.store.get("v1", "configmaps", NAMESPACE, ACCOUNT)["data"]["config.yaml"]
    return text


CLEANUP = "aws-iamproxy-cleanup"


def jobs(api: KubeApi) -> list[Object]:
    """The Jobs that Helm has made and not removed."""
    found: list[Object] = api.store.list("batch/v1", "jobs", NAMESPACE)
    return found


async def job(api: KubeApi) -> Object:
    """The Job of the uninstall, once Helm has made it."""
    await until(lambda: jobs(api))
    return jobs(api)[0]


def end(api: KubeApi, kind: str) -> None:
    """Let the Job have ended, as "Complete" or as "Failed"."""
    found = api.store.get("batch/v1", "jobs", NAMESPACE, CLEANUP)
    found["status"] = {"conditions": [{"type": kind, "status": "True"}]}
    api.store.update("batch/v1", "jobs", found)


def remains(api: KubeApi, objects: list[Object]) -> list[str]:
    """Which objects the API server still has."""
    return [obj["kind"] for obj in objects if find(api, obj)]


async def test_an_uninstall_has_every_node_cleaned_up_first_with_exactly_the_rights_for_it(
    tmp_path: Path,
) -> None:
    async with cluster("iamproxy") as (api, release):
        await release.install()
        objects = render(values(chart="iamproxy"), CHARTS / "iamproxy")
        rollout = DaemonSetController(api, NAMESPACE, ACCOUNT, nodes=2)
        rollout.report(updated=2, available=2)
        uninstall = asyncio.create_task(release.uninstall())
        async with running(api, await job(api), tmp_path, {}) as cleanup:
            await cleanup.reach(lambda: rollout.cleans_up, "the pods are asked to clean up")
            assert remains(api, installed(objects)) == [obj["kind"] for obj in installed(objects)]
            rollout.report(updated=1, available=2)
            assert not uninstall.done()
            rights = {use for use in granted(api) if use[2] == "daemonsets"}
            rollout.report(updated=2, available=2)
            assert await cleanup.end() == 0
            assert used(api, CLEANUP) == rights
            assert "cleaned up: 2 nodes" in cleanup.log()
        end(api, "Complete")
        await uninstall
        assert remains(api, objects) == []


async def test_an_uninstall_that_cannot_clean_up_deletes_nothing_and_can_be_repeated() -> None:
    async with cluster("iamproxy") as (api, release):
        await release.install()
        objects = render(values(chart="iamproxy"), CHARTS / "iamproxy")
        ours = remains(api, installed(objects))
        first = asyncio.create_task(release.uninstall())
        failed = await job(api)
        end(api, "Failed")
        with pytest.raises(helm.HelmError):
            await first
        assert remains(api, installed(objects)) == ours
        assert sorted(remains(api, objects)) == sorted(["Job", *ours]), "the Job stays, for its log"
        second = asyncio.create_task(release.uninstall())
        await until(lambda: any(each["metadata"]["uid"] != failed["metadata"]["uid"] for each in jobs(api)))
        end(api, "Complete")
        await second
        assert remains(api, objects) == []
