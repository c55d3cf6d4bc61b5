"""albingress as a process: settings, one pass, dry run, check, release, health, signals."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support.alb_world import World, ingress
from tests.support.processes import Ended, ended, running
from tests.support.until import until

LEASES = ("coordination.k8s.io/v1", "leases")


class Site(World):
    """The world around the process."""

    @asynccontextmanager
    async def process(self, *flags: str) -> AsyncIterator[Process]:
        where = {"ADDONS_ALBINGRESS_AWS_ENDPOINT_URL": self.aws.url, "KUBECONFIG": str(self.kubeconfig)}
        settings = {"ADDONS_ALBINGRESS_CLUSTER_NAME": "prod", "ADDONS_ALBINGRESS_AWS_VPC_ID": self.vpc_id}
        environment = {**os.environ, "AWS_REGION": "eu-central-1", **where, **settings}
        command = (sys.executable, "-m", "addons.albingress", *flags)
        async with running(*command, env=environment, stdout=PIPE, stderr=PIPE) as started:
            yield started

    async def run(self, *flags: str) -> Ended:
        """How a process ends by itself."""
        async with self.process(*flags) as started:
            return await ended(started)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with KubeApi() as api, AwsEndpoint() as aws:
        yield Site(api, aws, tmp_path)


async def page(port: int, path: str) -> tuple[int, str]:
    """What a path says; 0 before somebody listens."""
    with suppress(aiohttp.ClientConnectionError):
        async with aiohttp.request("GET", f"http://127.0.0.1:{port}{path}") as reply:
            return reply.status, await reply.text()
    return 0, ""


async def state(port: int) -> dict[str, Any]:
    """What the daemon says of itself; nothing before it has made a pass."""
    status, text = await page(port, "/api/state")
    found: dict[str, Any] = json.loads(text) if status == 200 else {}
    return found if found.get("lastPass") else {}


async def test_a_single_pass_makes_all_that_is_asked_for_and_exits(site: Site) -> None:
    site.serve("web")
    site.ingresses(ingress("web"))
    code, out, err = await site.run("--once")
    assert (code, out) == (0, ""), err
    assert site.rules() == {"/web|/web/*": "web:80"}
    assert site.targets("web") == ["192.168.0.11:8080"]
    assert site.hostname("web")


async def test_a_single_pass_with_a_failure_exits_with_3_and_names_it(site: Site) -> None:
    site.serve("web")
    site.ingresses(ingress("web"))
    site.aws.faults.add(
        operation="CreateLoadBalancer", code="AccessDenied", message="no", status=403, times=9
    )
    code, _, err = await site.run("--once")
    assert code == 3
    assert "failed: shop" in err
    assert "CreateLoadBalancer: no (AccessDenied)" in err


async def test_a_dry_run_prints_json_lines_and_only_reads(site: Site) -> None:
    site.serve("web")
    site.ingresses(ingress("web"))
    code, out, err = await site.run("--once", "--dry-run")
    assert code == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert {"key", "action", "object", "because", "details"} == set().union(*lines)
    actions = [line["action"] for line in lines]
    for action in ("create target group", "create load balancer", "create listener", "create rule"):
        assert action in actions
    (registered,) = [line for line in lines if line["action"] == "register targets"]
    assert registered["details"] == {"targets": ["192.168.0.11:8080"]}
    assert "ingress/default/web" in {line["object"] for line in lines}
    assert site.changes() == []
    assert {request.verb for request in site.api.requests} <= {"list", "watch", "get"}
    assert (site.finalizers("web"), site.events("web")) == ([], [])


async def test_a_dry_run_shows_what_somebody_did_to_targets_by_hand(site: Site) -> None:
    site.serve("web")
    site.ingresses(ingress("web"))
    assert (await site.run("--once")).code == 0
    assert (await site.run("--once", "--dry-run")).out == ""
    site.endpoints("web", "192.168.0.99")
    lines = [json.loads(line) for line in (await site.run("--once", "--dry-run")).out.splitlines()]
    assert [(line["action"], line["details"]["targets"]) for line in lines] == [
        ("register targets", ["192.168.0.99:8080"]),
        ("deregister targets", ["192.168.0.11:8080"]),
    ]


async def test_check_tells_what_a_daemon_would_find_and_changes_nothing(site: Site) -> None:
    site.serve("web")
    site.ingresses(ingress("web"))
    code, out, err = await site.run("check")
    assert code == 0, err
    identity, lease, original, vpc, internal, public, groups, plan = out.splitlines()
    assert identity.startswith("ok    AWS identity: arn:aws:")
    assert lease == "ok    Lease default/aws-addons-albingress: held by nobody yet"
    assert original == "ok    aws-load-balancer-controller: does not lead"
    assert vpc == f"ok    VPC: {site.vpc_id} (10.0.0.0/16)"
    assert internal == f"ok    subnets of internal load balancers: {', '.join(sorted(site.subnets))}"
    assert public == f"ok    subnets of internet-facing load balancers: {', '.join(sorted(site.subnets))}"
    assert groups == "ok    groups: 1 with 1 Ingresses"
    assert plan.startswith("ok    plan: ")
    assert "to create rule" in plan
    assert site.changes() == []
    assert site.api.store.list(*LEASES) == []


async def test_check_says_what_is_missing(site: Site) -> None:
    site.aws.faults.add(operation="DescribeSubnets", code="UnauthorizedOperation", message="no", times=99)
    code, out, _ = await site.run("check", "--cluster-name=prod")
    assert code == 3
    assert "FAIL  VPC: ec2 DescribeSubnets: no (UnauthorizedOperation)" in out


async def test_release_lets_ingresses_go_and_keeps_what_serves_them(site: Site) -> None:
    site.serve("web")
    site.ingresses(ingress("web"))
    await site.run("--once")
    before = site.things()
    code, out, err = await site.run("release", "--deployment=kube-system/albingress", "--timeout=5s")
    assert code == 0, err
    assert out == f"ingress/default/web is released: {site.hostname('web')} stays as it is\n"
    assert site.finalizers("web") == []
    assert site.things() == before


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--cluster-name="], "--cluster-name is required"),
        (["--cluster-name=a b"], "--cluster-name: 'a b' is not allowed"),
        (["--enable-shieldd"], "--enable-shieldd"),
        (["--enable-waf=false"], "--enable-waf is not needed: WAF Classic is left as it is"),
        (["--leader-election-id=x"], "--leader-election-id is not needed: it is --leader-elect-name"),
        (["--aws-api-endpoints=elb"], "--aws-api-endpoints: 'elb' is not allowed"),
        (["release", "--deployment=albingress"], "--deployment 'albingress': not NAMESPACE/NAME"),
        (["release", "--timeout=soon"], "--timeout 'soon': not a duration"),
    ],
)
async def test_bad_settings_are_one_line_and_exit_code_2(
    site: Site, flags: list[str], complaint: str
) -> None:
    code, _, err = await site.run(*flags)
    assert code == 2
    (line,) = [line for line in err.splitlines() if line.startswith("addons albingress:")]
    assert complaint in line


async def test_it_follows_tells_what_it_does_and_ends_at_once(site: Site) -> None:
    site.serve("web")
    port = free_port()
    async with site.process(f"--listen=127.0.0.1:{port}") as started:
        site.ingresses(ingress("web"))
        async with asyncio.timeout(30):
            await site.is_served("web")
        await until(lambda: page(port, "/readyz"))
        assert (await page(port, "/healthz"))[0] == 200
        found: dict[str, Any] = {}

        async def is_there() -> bool:
            found.update(await state(port))
            return bool(found.get("rules of shop"))

        await until(is_there)
        assert (found["daemon"], found["leads"]) == ("albingress", True)
        assert found["rules of shop"][0]["ingress"] == "default/web"
        _, metrics = await page(port, "/metrics")
        assert 'addons_albingress_rules{group="shop",state="ok"} 1.0' in metrics
        _, shown = await page(port, "/")
        assert "Rules of shop" in shown
        _, told = await page(port, "/api/decisions?object=ingress/default/web")
        assert {"Served", "SuccessfullyReconciled"} <= {one["reason"] for one in json.loads(told)}
        started.terminate()
        code, _, err = await ended(started)
    assert code == 0, err
    assert site.api.store.list(*LEASES)[0]["spec"]["holderIdentity"] == ""
    assert site.rules() == {"/web|/web/*": "web:80"}
