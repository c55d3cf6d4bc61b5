"""`addons explain` and `addons iamproxy check`: the daemons of a cluster are found, asked, and answer."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from addons.iamproxy import names
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support import processes
from tests.support.alb_world import ingress, ingress_class
from tests.support.asked_daemons import API_SERVERS, World, pod_of_daemon
from tests.support.dns_world import service
from tests.support.iamproxy_world import BASE, NODE
from tests.support.iamproxy_world import pod as pod_of_users
from tests.support.until import until


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    async with KubeApi(tokens={}, rbac=True) as api, AwsEndpoint() as aws:
        made = World(api, aws, tmp_path)
        yield made
        await made.close()


class TestDns:
    async def test_the_leader_is_asked_and_a_standby_says_who_that_is(self, world: World) -> None:
        world.api.store.create("v1", "services", service("www", "192.0.2.1"))
        first = await world.dns("aws-dns-1")
        await first.reach("/api/state", lambda status, text: status == 200 and json.loads(text)["leads"])
        second = await world.dns("aws-dns-0")
        await second.reach("/api/state", lambda status, text: '"leader":"aws-dns-1"' in text)
        await until(lambda: len(world.aws.route53.record_sets(world.zone)) > 2)
        code, out, err = await world.run("explain", "svc/default/www")
        assert (code, err) == (0, "")
        assert out.startswith(
            "service/default/www\n\ndns (kube-system/aws-dns-1), AWS identity: arn:aws:iam:"
        )
        assert f"A www.example.com -> 192.0.2.1 in public zone example.com ({world.zone})" in out
        _, misspelt, _ = await world.run("explain", "svc/default/wwww")
        assert "there is no service/default/wwww; did you mean service/default/www?" in misspelt
        assert "Stands by: aws-dns-1 leads" in (await second.get("/"))[1]

    async def test_a_fault_comes_with_what_it_means_and_what_to_do(self, world: World) -> None:
        world.api.store.create("v1", "services", service("www", "192.0.2.1", hostname="www.elsewhere.test"))
        first = await world.dns("aws-dns-0")
        await first.reach("/api/decisions", lambda status, text: "NoZone" in text)
        code, out, _ = await world.run("explain", "service/www", "--output=json")
        (answer,) = json.loads(out)["answers"]
        (decision,) = answer["decisions"]
        assert code == 0
        assert (decision["reason"], decision["means"]) == (
            "NoZone",
            "no hosted zone that we may use fits the name",
        )
        assert decision["toDo"].startswith("check the zones, `--domain-filter`")

    async def test_a_daemon_that_does_not_answer_says_so(self, world: World) -> None:
        world.api.store.create("v1", "pods", pod_of_daemon("dns", "aws-dns-0", free_port(), NODE))
        code, out, _ = await world.run("explain", "service/shop/web")
        assert code == 3
        assert "dns (kube-system/aws-dns-0) cannot tell: get pods kube-system/aws-dns-0 port" in out
        assert "what to do" not in out

    async def test_a_leader_that_has_died_is_named_with_what_became_of_it(self, world: World) -> None:
        """Its Lease holds for a while yet, and its pod is Running for longer."""
        leader = await world.dns("aws-dns-1")
        await leader.reach("/api/state", lambda status, text: '"leads":true' in text)
        standby = await world.dns("aws-dns-0")
        await standby.reach("/api/state", lambda status, text: '"leader":"aws-dns-1"' in text)
        leader.process.kill()
        await leader.process.wait()
        code, out, _ = await world.run("explain", "service/shop/web")
        assert code == 3
        assert "(kube-system/aws-dns-0) cannot tell: stands by: aws-dns-1 leads, but does not" in out

    async def test_a_url_at_which_another_daemon_is_than_the_one_named(self, world: World) -> None:
        started = await world.dns("aws-dns-0")
        await started.reach("/api/state", lambda status, text: status == 200)
        url = f"http://127.0.0.1:{started.port}"
        asked = ("explain", "service/shop/web", f"--url={url}")
        assert (await world.run(*asked, "--daemon=dns")).code == 0
        code, out, err = await world.run(*asked, "--daemon=cni")
        assert (code, out, err) == (2, "", f"addons explain: at --url '{url}' is dns, not cni\n")
        assert (await world.run(*asked, "--daemons-in=shop")).code == 2

    async def test_a_webhook_is_not_asked_as_it_keeps_no_decisions(self, world: World) -> None:
        world.api.store.create("v1", "pods", pod_of_daemon("cni-webhook", "aws-cni-0", free_port(), NODE))
        for flags in ((), ("--daemon=cni-webhook",)):
            code, out, err = await world.run("explain", "service/shop/web", *flags)
            assert (code, out) == (3, "")
            assert "no pod of the cluster is " in err

    async def test_every_release_is_asked(self, world: World) -> None:
        world.api.store.create("v1", "services", service("www", "192.0.2.1"))
        for number in range(2):
            started = await world.dns(f"aws-dns-{number}", f"release-{number}")
            await started.reach("/api/state", lambda status, text: '"leads":true' in text)
        code, out, _ = await world.run("explain", "service/default/www")
        assert code == 0
        assert [f"\ndns (kube-system/aws-dns-{number})" in out for number in range(2)] == [True, True]


class TestAlbingress:
    async def test_what_is_in_the_way_of_an_ingress_is_told_with_what_to_do(self, world: World) -> None:
        networking = "networking.k8s.io/v1"
        world.api.store.create(networking, "ingressclasses", ingress_class())
        world.api.store.create(networking, "ingresses", ingress("web"))
        started = await world.albingress("aws-albingress-0")
        await started.reach("/api/decisions", lambda status, text: "SubnetsMissing" in text)
        code, out, err = await world.run("explain", "ing/default/web")
        assert (code, err) == (0, "")
        assert out.startswith(
            "ingress/default/web\n\nalbingress (kube-system/aws-albingress-0), AWS identity: "
        )
        assert "SubnetsMissing" in out
        assert "what to do: tag subnets, or name them" in out
        _, misspelt, _ = await world.run("explain", "ing/default/wep")
        assert "did you mean web?" in misspelt


class TestIamproxy:
    async def test_the_daemon_of_the_node_of_the_pod_is_asked(self, world: World) -> None:
        world.aws.sts.create_role("web")
        world.users.create(pod_of_users("a", "10.0.0.1", role="web"))
        for name, node in (("aws-iamproxy-0", "other"), ("aws-iamproxy-1", NODE)):
            await (await world.iamproxy(name, node)).reach("/readyz", lambda status, text: status == 200)
        await until(lambda: any(call.operation == "AssumeRole" for call in world.aws.calls))
        code, out, _ = await world.run("explain", "pod/prod/a")
        assert code == 0
        assert "iamproxy (kube-system/aws-iamproxy-1)" in out
        assert f"RoleGranted (grant prod/a)\n    may have {BASE}web" in out
        assert (await world.run("iamproxy", "check", "--pod=prod/a")).code == 0

    async def test_check_answers_by_the_settings_of_the_daemon_and_by_what_sts_says(
        self, world: World
    ) -> None:
        """Its own settings would grant nothing: no base ARN is given to it."""
        world.users.create(pod_of_users("a", "10.0.0.1", role="nobody"))
        started = await world.iamproxy("aws-iamproxy-0")
        await started.reach("/api/decisions", lambda status, text: names.CREDENTIALS_DENIED in text)
        code, out, _ = await world.run("iamproxy", "check", "--pod=prod/a")
        assert code == 3
        assert f"may have {BASE}nobody" in out
        assert names.CREDENTIALS_DENIED in out
        assert "correct the trust policy" in out
        url = f"--url=http://127.0.0.1:{started.port}"
        assert (await world.run("explain", "pod/prod/a", url)).code == 0

    async def test_a_daemon_that_the_api_server_may_not_reach_says_which_value_lets_it_in(
        self, world: World
    ) -> None:
        world.users.create(pod_of_users("a", "10.0.0.1", role="web"))
        port = free_port()
        world.api.store.create("v1", "pods", pod_of_daemon("iamproxy", "aws-iamproxy-0", port, NODE))
        about, ask = "pod/prod/a", f"addons explain pod/prod/a --url=http://localhost:{port}"
        code, out, _ = await world.run("explain", about)
        told = " ".join(out.split())
        assert code == 3
        assert (
            "most likely what `kubectl get endpointslices -n default -l kubernetes.io/service-name=" in told
        )
        assert f"kubectl --namespace kube-system exec aws-iamproxy-0 -- {ask}" in told
        world.api.store.create("discovery.k8s.io/v1", "endpointslices", API_SERVERS)
        rules = [{"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list"]}]
        _, out, _ = await world.run("explain", about, more=rules)
        assert "config.adminNetworks of the chart, most likely 10.0.1.5/32." in " ".join(out.split())

    async def test_a_pod_that_is_not_there(self, world: World) -> None:
        await world.iamproxy("aws-iamproxy-0")
        code, _, err = await world.run("explain", "pod/prod/none")
        assert (code, 'pods "none" not found' in err) == (3, True)


class TestCommandLine:
    async def test_the_namespace_is_that_of_the_context_where_none_is_said(self, world: World) -> None:
        world.api.store.create("v1", "pods", pod_of_daemon("dns", "aws-dns-0", free_port(), NODE))
        _, out, _ = await world.run("explain", "svc/web", namespace="shop")
        assert out.startswith("service/shop/web\n")
        _, out, _ = await world.run("explain", "svc/web", "--namespace=other", namespace="shop")
        assert out.startswith("service/other/web\n")

    @pytest.mark.parametrize(
        "url", ["foo", "http://", "ftp://127.0.0.1", "http://127.0.0.1:x", "http://[::1"]
    )
    async def test_at_a_url_no_kubeconfig_is_needed_and_a_wrong_url_is_one_line(self, url: str) -> None:
        env = {**os.environ, "KUBECONFIG": "/nowhere"}
        command = (sys.executable, "-m", "addons", "explain", "svc/shop/web", f"--url={url}")
        code, out, err = await processes.run(*command, env=env)
        said = (
            f"addons explain: --url {url.rstrip('/')!r} is none: it should look like http://localhost:8182\n"
        )
        assert (code, out, err) == (2, "", said)

    async def test_who_may_not_look_for_daemons_everywhere_is_told_how_to_look_in_one_namespace(
        self, world: World
    ) -> None:
        world.api.add_user("nobody", rules=[])
        kubeconfig = world.folder / "nobody"
        kubeconfig.write_text(world.api.kubeconfig("nobody"))
        code, _, err = await world.run("explain", "svc/shop/web", f"--kubeconfig={kubeconfig}")
        assert code == 3
        assert "forbidden" in err
        assert err.endswith("; --daemons-in NAMESPACE looks for daemons in one namespace alone\n")

    async def test_a_ctrl_c_is_no_crash(self, world: World) -> None:
        """The daemon at the URL takes its time."""
        asked = asyncio.Event()

        async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.set()
            await reader.read()
            writer.close()

        server = await asyncio.start_server(hear, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        command = (sys.executable, "-m", "addons", "explain", "svc/shop/web", f"--url={url}")
        async with server, processes.running(*command, stderr=asyncio.subprocess.PIPE) as process:
            await asyncio.wait_for(asked.wait(), 30)
            process.send_signal(signal.SIGINT)
            _, err = await process.communicate()
        assert (process.returncode, err) == (-signal.SIGINT, b"")

    async def test_without_a_daemon(self, world: World) -> None:
        assert await world.run("explain", "service/shop/web") == (
            3,
            "",
            "addons explain: no pod of the cluster is a daemon of ours that has to do with it; one that runs"
            " elsewhere is asked with --url, such as --url=http://127.0.0.1:7979 for dns\n",
        )

    async def test_without_the_daemon_that_is_asked_for(self, world: World) -> None:
        asked = ("--daemon=dsn", "--daemons-in=shop")
        code, _, err = await world.run("explain", "service/shop/web", *asked)
        assert code == 3
        assert err.startswith("addons explain: no pod of the namespace shop is dsn that has to do with it; ")

    @pytest.mark.parametrize("said", ["service", "service/", "a/b/c/d", "node/a/b"])
    async def test_what_is_no_object_is_one_line(self, world: World, said: str) -> None:
        code, _, err = await world.run("explain", said)
        assert code == 2
        assert err == (
            f"addons explain: {said!r} is no object: KIND/NAMESPACE/NAME, such as service/shop/web\n"
        )

    async def test_an_unknown_flag_is_one_line(self, world: World) -> None:
        code, _, err = await world.run("explain", "service/shop/web", "--nope")
        assert (code, err) == (2, "addons explain: unrecognized arguments: --nope\n")
