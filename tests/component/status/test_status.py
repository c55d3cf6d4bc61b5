"""`addons status`: all daemons of a cluster tell how they do, and one that does not is named."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support.alb_world import ingress, ingress_class
from tests.support.asked_daemons import World, pod_of_daemon
from tests.support.dns_world import service
from tests.support.iamproxy_world import NODE
from tests.support.iamproxy_world import pod as pod_of_users
from tests.support.started import Started


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("COLUMNS", "100")
    async with KubeApi(tokens={}, rbac=True) as api, AwsEndpoint() as aws:
        made = World(api, aws, tmp_path)
        yield made
        await made.close()


async def ready(started: Started) -> None:
    await started.reach("/readyz", lambda status, text: status == 200)


async def leads(started: Started) -> None:
    await started.reach("/api/state", lambda status, text: '"leads":true' in text)
    await ready(started)


class TestText:
    async def test_all_daemons_tell_what_their_pages_show(self, world: World) -> None:
        world.api.store.create("v1", "services", service("www", "192.0.2.1", hostname="www.elsewhere.test"))
        world.api.store.create("networking.k8s.io/v1", "ingressclasses", ingress_class())
        world.api.store.create("networking.k8s.io/v1", "ingresses", ingress("web"))
        await leads(await world.dns("aws-dns-0"))
        albingress = await world.albingress("aws-albingress-0")
        await leads(albingress)
        await albingress.reach("/api/state", lambda status, text: "SubnetsMissing" in text)
        code, out, err = await world.run("status")
        assert (code, err) == (0, "")
        assert out.startswith(
            "albingress (kube-system/aws): ready, 1 replica, aws-albingress-0 leads\n  leader "
        )
        assert "\n\ndns (kube-system/aws): ready, 1 replica, aws-dns-0 leads\n" in out
        assert "  Not as wanted (1)\n    REASON  NAME " in out
        assert "SubnetsMissing" in out
        assert max(map(len, out.splitlines())) <= 100
        _, alone, _ = await world.run("status", "dns")
        assert alone.startswith("dns (")
        assert "albingress (" not in alone

    async def test_one_that_does_not_answer_is_named_and_the_others_are_told(self, world: World) -> None:
        await leads(await world.dns("aws-dns-0"))
        dead = pod_of_daemon("albingress", "aws-albingress-0", free_port(), NODE)
        world.api.store.create("v1", "pods", dead)
        code, out, err = await world.run("status")
        assert (code, err) == (1, "")
        assert out.startswith(
            "albingress (kube-system/aws): not known, 1 replica\n  it is not known who leads\n"
            f"  aws-albingress-0 on {NODE}: does not answer: get pods kube-system/aws-albingress-0 port"
        )
        assert "dns (kube-system/aws): ready, 1 replica, aws-dns-0 leads" in out

    async def test_of_replicas_the_leader_tells_and_of_the_others_whether_they_are_well(
        self, world: World
    ) -> None:
        await leads(await world.dns("aws-dns-1"))
        standby = await world.dns("aws-dns-0")
        await standby.reach("/api/state", lambda status, text: '"leader":"aws-dns-1"' in text)
        await ready(standby)
        world.api.store.create("v1", "pods", _pending(pod_of_daemon("dns", "aws-dns-2", 1, NODE)))
        code, out, _ = await world.run("status")
        assert code == 1
        assert out.startswith("dns (kube-system/aws): not well, 3 replicas, aws-dns-1 leads\n")
        assert f"  aws-dns-2 on {NODE}: its pod is Pending\n" in out
        assert out.count("leader ") == 1

    async def test_of_many_nodes_only_those_that_are_not_well_have_a_line(self, world: World) -> None:
        world.users.create(pod_of_users("a", "10.0.0.1", role="nobody"))
        await ready(await world.iamproxy("aws-iamproxy-0"))
        started = await world.iamproxy("aws-iamproxy-1", "node-2")
        await ready(started)
        for number in range(2, 14):
            pod = pod_of_daemon("iamproxy", f"aws-iamproxy-{number:02}", started.port, f"other-{number}")
            world.api.store.create("v1", "pods", _pending(pod) if number == 2 else pod)
        code, out, _ = await world.run("status")
        assert code == 1
        assert out == (
            "iamproxy (kube-system/aws): not well, 13 of 14 nodes well\n"
            "  aws-iamproxy-02 on other-2: its pod is Pending\n"
        )
        code, one, _ = await world.run("status", f"--node={NODE}")
        assert code == 0
        assert "iamproxy (kube-system/aws): ready, 1 of 1 nodes well\n" in one
        assert "\n  Pods (2)\n" in one
        assert "prod/a" in one

    async def test_what_keeps_a_daemon_from_its_work_is_told(self, world: World) -> None:
        denied: dict[str, Any] = {"code": "AccessDenied", "message": "not authorized", "status": 403}
        world.aws.faults.add(operation="ListHostedZones", times=None, **denied)
        started = await world.dns("aws-dns-0")
        await started.reach("/api/state", lambda status, text: "AccessDenied" in text)
        code, out, _ = await world.run("status")
        assert code == 1
        assert out.startswith("dns (kube-system/aws): not well, 1 replica")
        assert "not authorized" in out


class TestData:
    async def test_json_has_every_pod_with_its_state_and_its_decisions(self, world: World) -> None:
        world.api.store.create("v1", "services", service("www", "192.0.2.1"))
        started = await world.dns("aws-dns-0")
        await leads(started)
        await started.reach("/api/decisions", lambda status, text: "RecordReady" in text)
        code, out, _ = await world.run("status", "--output=json")
        (told,) = json.loads(out)["daemons"]
        (pod,) = told["pods"]
        assert code == 0
        assert (told["daemon"], told["namespace"], told["release"]) == ("dns", "kube-system", "aws")
        assert (told["complaints"], pod["pod"], pod["node"]) == ([], "aws-dns-0", NODE)
        assert pod["state"]["zones"][0]["name"] == "example.com"
        assert "RecordReady" in {decision["reason"] for decision in pod["decisions"]}

    async def test_a_daemon_at_a_url_is_asked_without_a_cluster(self, world: World) -> None:
        started = await world.dns("aws-dns-0")
        await leads(started)
        code, out, _ = await world.run("status", f"--url=http://127.0.0.1:{started.port}/")
        assert code == 0
        assert out.startswith("dns: ready, 1 replica, ")
        assert "Zones (1)" in out

    async def test_a_url_at_which_another_daemon_is_than_the_one_named(self, world: World) -> None:
        started = await world.dns("aws-dns-0")
        await leads(started)
        url = f"http://127.0.0.1:{started.port}"
        assert (await world.run("status", "dns", f"--url={url}")).code == 0
        code, out, err = await world.run("status", "cni", f"--url={url}")
        assert (code, out, err) == (2, "", f"addons status: at --url '{url}' is dns, not cni\n")

    async def test_a_url_and_a_place_in_a_cluster_do_not_go_together(self, world: World) -> None:
        code, _, err = await world.run("status", "--url=http://127.0.0.1:1", "--node=n1", "--daemons-in=shop")
        assert (code, err) == (
            2,
            "addons status: --daemons-in and --node: looks in a cluster, and --url asks one daemon; leave one"
            " of them out\n",
        )


class TestCommandLine:
    async def test_without_a_daemon(self, world: World) -> None:
        code, out, err = await world.run("status")
        assert (code, out) == (1, "")
        assert err.startswith("addons status: no pod of the cluster is a daemon of ours; one that runs else")

    @pytest.mark.parametrize(
        ("asked", "told"),
        [
            (("dsn",), "no pod of the cluster is dsn; one that runs elsewhere is asked with --url"),
            (("--daemons-in=shop",), "no pod of the namespace shop is a daemon of ours; one that runs"),
            (("cni", "--node=n9"), "no pod of the cluster is cni, on a node n9\n"),
            (("--node=n9",), "no pod of the cluster is a daemon that every node has, on a node n9\n"),
        ],
    )
    async def test_who_looks_at_the_wrong_place_is_told_where_nobody_is(
        self, world: World, asked: tuple[str, ...], told: str
    ) -> None:
        await leads(await world.dns("aws-dns-0"))
        code, out, err = await world.run("status", *asked)
        assert (code, out) == (1, "")
        assert err.startswith(f"addons status: {told}")

    async def test_a_url_of_something_else_is_named(self, world: World) -> None:
        started = await world.dns("aws-dns-0")
        await leads(started)
        port = started.port
        code, _, err = await world.run("status", f"--url=http://127.0.0.1:{port}/elsewhere")
        assert code == 1
        assert err.endswith("/elsewhere/api/state: there is none (404); at this --url is no daemon of ours\n")

    async def test_who_may_not_look_everywhere_is_told_how_to_look_in_one_namespace(
        self, world: World
    ) -> None:
        world.api.add_user("nobody", rules=[])
        kubeconfig = world.folder / "nobody"
        kubeconfig.write_text(world.api.kubeconfig("nobody"))
        code, _, err = await world.run("status", f"--kubeconfig={kubeconfig}")
        assert code == 1
        assert err.endswith("; --daemons-in NAMESPACE looks for daemons in one namespace alone\n")

    @pytest.mark.parametrize(
        "flags", [("--rows=0",), ("--rows=x",), ("--output=xml",), ("dns", "cni"), ("--url=foo",)]
    )
    async def test_a_wrong_command_line_is_one_line(self, world: World, flags: tuple[str, ...]) -> None:
        code, out, err = await world.run("status", *flags)
        assert (code, out) == (2, "")
        assert err.startswith("addons status: ")
        assert err.count("\n") == 1


def _pending(pod: dict[str, Any]) -> dict[str, Any]:
    return pod | {"status": {"phase": "Pending"}}
