"""The suite: five daemons as pods on a real Kubernetes, installed as docs/install.md says, AWS simulated.

The tests are chapters of one life: install, use, scale, upgrade, kill, uninstall.
"""

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
import pytest_asyncio

from addons.cni.names import NO_POD_IPS, POD_IP
from addons.sim.aws.ec2.interfaces import Wish
from addons.sim.fabric.vpc import PEERED
from tests.support.charts import ROOT
from tests.support.cluster import find_assets
from tests.support.fabric_nodes import short_folder
from tests.support.iamproxy_site import ROLES
from tests.support.nodes import Node
from tests.support.processes import output_of
from tests.support.suite import (
    FIXED_LABEL,
    GROUP,
    NODES_SUBNET,
    POOL_LABEL,
    ZONE,
    SuiteWorld,
    missing,
    suite_world,
)
from tests.support.suite_apps import (
    SERVING,
    Apps,
    asker,
    deployment,
    ingress,
    pod,
    service,
)
from tests.support.suite_flows import Flows, visitors
from tests.support.suite_install import NAMESPACE, Suite, log_of
from tests.support.suite_install import ROLES as ROLES_OF_DAEMONS
from tests.support.until import until

pytestmark = [pytest.mark.kube, pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="module")]

HOSTNAME = "external-dns.alpha.kubernetes.io/hostname"
ASKERS = ("asker-0", "asker-1")
USER_DATA = "canary-user-data"
KEPT = re.compile(r"<!-- tested: what an uninstall keeps -->\n\n(.*?)\n\n", re.DOTALL)
FIXED, POOL = {FIXED_LABEL: "yes"}, {POOL_LABEL: GROUP}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[SuiteWorld]:
    """The cluster, without any daemon of ours."""
    assets, lack = find_assets(), missing()
    if assets is None or lack:
        leave_out = pytest.fail if os.environ.get("CI") else pytest.skip
        leave_out(lack)
    with short_folder() as folder:
        async with suite_world(folder, assets) as made:
            yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def suite(world: SuiteWorld) -> AsyncIterator[Suite]:
    """All five are ready."""
    made = Suite(world)
    began = time.monotonic()
    try:
        await made.install()
        await made.ready()
        print(f"from the first install to all five ready: {time.monotonic() - began:.0f} s")
        yield made
    finally:
        print(await log_of(world))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def apps(suite: Suite) -> Apps:
    """Two pods that serve, one on each node, and one on each node that asks for credentials all the time."""
    made = Apps(suite.world.kubectl)
    suite.world.aws.sts.create_role("pods/reader")
    suite.world.aws.sts.create_role("pods/writer")
    await made.prepare("reader")
    name = {HOSTNAME: f"pods.{ZONE}", "dns.aws-addons.io/pod-records": "true"}
    await made.apply(
        *(
            asker(f"asker-{number}", node.name, "reader")
            for number, node in enumerate(suite.world.site.nodes)
        ),
        pod("other", role="writer"),
        deployment("web", 2, where=FIXED, command=SERVING, spread=True),
        service("web"),
        service("web", headless=True, **name),
        ingress("web", f"web.{ZONE}"),
    )
    await made.kubectl.ok("rollout", "status", "deployment/web", "--timeout=60s")
    await made.ready(*ASKERS, "other")
    suite.flows = Flows(made)
    await suite.flows.start(*(node.name for node in suite.world.site.nodes))
    return made


def kept() -> list[str]:
    """What the document says that an uninstall keeps."""
    found = KEPT.search((ROOT / "docs" / "install.md").read_text())
    assert found
    return sorted(re.findall(r"`([a-z./0-9-]+/[a-z.0-9-]+)`", found[1]))


async def is_gone(suite: Suite) -> bool:
    """Whether nothing is left but what the document says."""
    return await suite.left_over() == kept()


def is_ours(pod: dict[str, Any]) -> bool:
    return "aws-addons" in pod["metadata"].get("labels", {}).get("app.kubernetes.io/part-of", "")


async def test_all_daemons_run_as_pods_that_never_had_to_start_again(suite: Suite) -> None:
    found = (await suite.world.kubectl.json("pods", "-n", NAMESPACE))["items"]
    ours = [each for each in found if is_ours(each)]
    assert len(ours) == 14
    assert {status["restartCount"] for each in ours for status in each["status"]["containerStatuses"]} == {0}


async def test_each_daemon_has_the_role_of_its_annotation(suite: Suite) -> None:
    for daemon in ROLES_OF_DAEMONS:
        session = f"arn:aws:sts::123456789012:assumed-role/{daemon}/{NAMESPACE}.addons-{daemon}"
        assert f"AWS identity: {session}" in await suite.log(daemon)


async def test_pods_of_both_nodes_have_addresses_of_the_vpc_and_reach_each_other(
    apps: Apps, suite: Suite
) -> None:
    pods = await apps.pods("web")
    assert len({each["spec"]["nodeName"] for each in pods}) == 2
    for each in pods:
        address = each["status"]["podIP"]
        assert ip_address(address) in ip_network(NODES_SUBNET)
        for asking in ("asker-0", "asker-1"):
            assert (await apps.fetch(asking, f"http://{address}/")).strip() == each["metadata"]["name"]
    assert await apps.fetch("asker-0", f"http://{PEERED}/") == await apps.address("asker-0")


async def test_a_pod_has_its_role_and_no_other(apps: Apps) -> None:
    given = json.loads(await apps.ask("asker-0", f"{ROLES}reader"))
    assert (given["Code"], given["AccessKeyId"][:4]) == ("Success", "ASIA")
    assert "403" in await apps.ask("asker-0", f"{ROLES}writer")
    assert "403" in await apps.ask("other", f"{ROLES}writer"), "its namespace forbids it"
    assert "404" in await apps.ask("asker-0", "/latest/user-data")


async def test_pods_find_each_other_by_name(apps: Apps) -> None:
    pods = {each["metadata"]["name"]: each["status"]["podIP"] for each in await apps.pods("web")}

    async def resolve() -> bool:
        return await apps.names("other", f"pods.{ZONE}") == set(pods.values())

    await until(resolve, "the name of the Service", seconds=60)
    for name, address in pods.items():
        assert await apps.names("other", f"{name}.pods.{ZONE}") == {address}


async def test_an_ingress_is_served_under_its_name(apps: Apps, suite: Suite) -> None:
    host = f"web.{ZONE}"
    names = {each["metadata"]["name"] for each in await apps.pods("web")}
    for balancer in await until(
        lambda: list(suite.world.aws.elbv2.account.load_balancers.values()), seconds=60
    ):
        suite.world.name(balancer.dns_name)

    async def served() -> bool:
        found = await apps.names("other", host)
        seen = {
            (await apps.fetch("other", f"http://{each}/", f"--header=Host: {host}")).strip() for each in found
        }
        return bool(seen) and seen <= names

    await until(served, "it is served", seconds=60)


async def test_pods_for_which_the_subnet_has_no_address_stay_pending_and_are_told_why(
    apps: Apps, suite: Suite
) -> None:
    await apps.apply(deployment("crowd", await suite.room() + 5, where=FIXED))

    async def pending() -> bool:
        pods = await apps.pods("crowd")
        waiting = [each for each in pods if not each["spec"].get("nodeName")]
        names = [each["metadata"]["name"] for each in waiting]
        told = [await apps.events(name, "FailedScheduling") for name in names]
        return bool(told) and all(f"Insufficient {POD_IP}" in each for each in told)

    await until(pending, "the scheduler holds pods back", seconds=60)
    assert suite.world.desired == 0, "a node of the group would not help them"
    suite.world.vpc.ec2.interfaces.delete(suite.world.others)
    await apps.kubectl.ok("rollout", "status", "deployment/crowd", "--timeout=90s")
    await apps.kubectl.ok("delete", "deployment", "crowd", "--timeout=60s")


async def test_an_upgrade_of_all_loses_no_packet_no_connection_and_no_request(
    apps: Apps, suite: Suite
) -> None:
    """And the metadata of a node stays hidden, and every pod gets its credentials, all the while."""
    before = await suite.pods()
    asked = {name: len(await apps.log(name)) for name in ASKERS}
    async with visitors(f"http://{suite.world.balancers}/", f"web.{ZONE}") as seen:
        await suite.upgrade(logLevel="debug")
        await suite.ready()
        await suite.gone(before)
    assert set(seen) == {200}
    assert "the daemon of aws-addons-cni" not in await suite.warnings("FailedCreatePodSandBox")
    assert await suite.flows.lost() == (set(), set())
    await suite.flows.go_on()
    for name, length in asked.items():
        answers = (await apps.log(name))[length:]
        assert answers.count("Success") > 10
        assert "can't connect" not in answers


async def test_pods_never_see_their_node_while_iamproxy_is_killed(apps: Apps, suite: Suite) -> None:
    async def kill(asker: str, node: Node) -> None:
        asked = len(await apps.log(asker))
        await suite.kill("iamproxy", node)
        await until(lambda: has(asker, asked, "wget: can't connect"), "nobody answers")
        await until(lambda: has(asker, -600, "Success"), "it is served again")

    async def has(asker: str, since: int, words: str) -> bool:
        return words in (await apps.log(asker))[since:]

    await asyncio.gather(*map(kill, ASKERS, suite.world.site.nodes))
    secrets = {
        secret for each in suite.world.machines.booted.values() for secret in each.imds.instance.canaries
    }
    for name in ASKERS:
        log = await apps.log(name)
        assert not [secret for secret in secrets if secret in log]


async def test_a_pod_that_fits_nowhere_gets_a_node_of_the_group_and_runs_there(
    apps: Apps, suite: Suite
) -> None:
    await apps.apply(deployment("more", 1, where=POOL, command=SERVING, requests={"cpu": "500m"}))
    await apps.kubectl.ok("rollout", "status", "deployment/more", "--timeout=120s")
    assert suite.world.desired == 1
    (made,) = await apps.pods("more")
    assert made["spec"]["nodeName"] in suite.world.fleet.nodes.values()
    assert re.match(r"10\.0\.2\.", made["status"]["podIP"])
    assert (await apps.fetch("asker-0", f"http://{made['status']['podIP']}/")).strip() == made["metadata"][
        "name"
    ]
    assert "404" in await apps.say(
        made["metadata"]["name"], "wget", "-O", "-", "http://169.254.169.254" + ROLES
    )


async def use_up_addresses(apps: Apps, suite: Suite) -> str:
    """Have an interface of others take the subnet, and pods the rest, until a node has the taint."""
    ec2, subnet = suite.world.vpc.ec2, suite.world.vpc.subnet.id
    free = ec2.account.spaces[subnet].free
    others: str = ec2.interfaces.create(subnet, Wish(count=free - 1)).id
    await apps.apply(deployment("crowd", await suite.room() + 3, where=FIXED))

    async def is_tainted() -> bool:
        nodes = (await suite.world.kubectl.json("nodes"))["items"]
        return NO_POD_IPS in {taint["key"] for node in nodes for taint in node["spec"].get("taints", ())}

    await until(is_tainted, "a node has the taint", seconds=60)
    return others


async def test_an_uninstall_leaves_nothing_but_what_the_documents_say(apps: Apps, suite: Suite) -> None:
    world, kubectl = suite.world, suite.world.kubectl
    others = await use_up_addresses(apps, suite)
    await suite.uninstall()
    assert USER_DATA in await apps.ask("asker-0", "/latest/user-data"), (
        "pods see their node again: the control"
    )
    await suite.gone(await suite.pods())
    for node in world.site.nodes:
        assert "iamproxy" not in output_of(*node.inside.command("nft", "list", "ruleset"))
    assert (await kubectl.json("ingress", "web", "-n", "shop"))["metadata"].get("finalizers", []) == []
    nodes = (await kubectl.json("nodes"))["items"]
    assert [taint for node in nodes for taint in node["spec"].get("taints", ())] == []
    await until(lambda: is_gone(suite), "what belonged to others goes with them")
    interfaces = world.vpc.ec2.account.interfaces.values()
    assert {each.id for each in interfaces if each.status == "available"} <= {others}
    await suite.flows.go_on()
    assert len(list(world.aws.elbv2.account.load_balancers.values())) == 1
