"""Real SDKs in pods, with an empty environment: credentials of whatever role, the region, the account."""

import asyncio
import json

import pytest

from addons.sim.aws.sts.state import ACCOUNT, trust_of_account
from tests.support.clients import OTHERS, QUICK, Client
from tests.support.iamproxy_cluster import Cluster
from tests.support.iamproxy_world import BASE
from tests.support.processes import run

ELSEWHERE = "arn:aws:iam::222222222222:role"
ROLES = {
    "plain": f"{BASE}reader",
    "at": f"{BASE}etl@prod",
    "path": f"{BASE}team/data/etl",
    "signs": f"{BASE}a+b=c,d.e_f-g",
    "elsewhere": f"{ELSEWHERE}/team/shared",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "client" in metafunc.fixturenames:
        every = metafunc.config.option.all_clients
        metafunc.parametrize("client", QUICK + OTHERS if every else QUICK, ids=str)


@pytest.mark.parametrize("tokens", ["optional", "required"])
async def test_it_finds_the_credentials_of_its_pod_and_its_region(
    client: Client, tokens: str, cluster: Cluster
) -> None:
    """Each in a pod of its own for every form of a role; and nothing that it asks for is refused."""
    client.need()
    cluster.world.namespace("open", "*", f"{ELSEWHERE}/*")
    for arn in ROLES.values():
        cluster.world.aws.sts.create_role(arn, trust_of_account(ACCOUNT))
    async with cluster.daemon.running(f"--imdsv2={tokens}"):
        found = await asyncio.gather(*(ask(client, cluster, name, arn) for name, arn in ROLES.items()))
    wanted = [expected(client, arn) for arn in ROLES.values()]
    assert found == wanted
    refused = [line for line in cluster.daemon.log().splitlines() if '"event":"refused"' in line]
    assert [line for line in refused if "PodUnknown" not in line] == [], (
        "who is early on a busy machine asks again"
    )


async def ask(client: Client, cluster: Cluster, name: str, arn: str) -> dict[str, str]:
    """What a pod finds that may have a role: the role that its key stands for, and what else it prints."""
    made = cluster.start_pod(name, arn, namespace="open")
    ended = await run(*made.inside.command("env", "-i", "PATH=/usr/bin:/bin", *map(str, client.command)))
    assert ended.code == 0, ended.err
    found: dict[str, str] = json.loads(ended.out)
    session = cluster.world.aws.sts.sessions.get(found.pop("key"))
    return {"role": session.role.arn if session else "none", **found}


def expected(client: Client, arn: str) -> dict[str, str]:
    """What it is to find."""
    whole = {
        "role": arn,
        "region": "eu-central-1",
        "account": arn.split(":")[4],
        "profile": arn.replace(":role/", ":instance-profile/"),
    }
    return {key: value for key, value in whole.items() if key in {"role"} | client.reads}
