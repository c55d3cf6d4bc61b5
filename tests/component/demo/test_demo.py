"""`addons demo` as its users run it: the stories pass, what is left out is said, and nothing stays behind."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
import yaml

from addons.demo import __main__ as command
from addons.demo import albingress, autoscaler, cni, dns, iamproxy, privilege
from addons.demo.script import Output, Step, Story, Unmet, play
from addons.demo.suite.story import STORY as SUITE
from addons.sim.kubeapi.server import KubeApi
from tests.support.demo import demo, summary
from tests.support.dns_world import service
from tests.support.processes import run as run_to_end

SIGNED_FOR_ROUTE53 = "AWS4-HMAC-SHA256 Credential=demo/20260101/eu-central-1/route53/aws4_request"
ANYWHERE = len(dns.STORY.steps) + len(albingress.STORY.steps) + len(autoscaler.STORY.steps)
ON_NODES = len(cni.STORY.steps) + len(iamproxy.STORY.steps)
"""Steps with network namespaces, which need privilege."""


def exports(text: str) -> Mapping[str, str]:
    return dict(re.findall(r"^export (\w+)=(.*)$", text, re.MULTILINE))


SINGLE = [story.name for story in (albingress.STORY, autoscaler.STORY, cni.STORY, dns.STORY, iamproxy.STORY)]
NO_USER_NAMESPACES = "echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --bounding-set=-sys_admin"
WITHOUT_PRIVILEGE = ("unshare", "-Ur", "sh", "-c", f'{NO_USER_NAMESPACES} "$@"', "sh")
"""Runs a command that can make no namespace, not even one of users."""


class TestSuite:
    """The one story with all daemons, which is played when none is named."""

    @pytest.mark.timeout(420)
    async def test_five_daemons_carry_one_application_from_its_first_pod_to_its_last(self) -> None:
        async with demo("--keep") as run:
            text = await run.read_until("Ctrl-C ends it|is left out")
            assert summary(text) == f"{len(SUITE.steps)} passed, 0 failed", text
            assert re.search(r"^ {6}waits +\S", text, re.MULTILINE), (
                "somebody who waits is told how far it is"
            )
            pages = dict(re.findall(r"^# the page of (\w+): (\S+)$", text, re.MULTILINE))
            assert sorted(pages) == SINGLE, text
            async with aiohttp.ClientSession() as http:
                for daemon, url in pages.items():
                    async with http.get(url) as reply:
                        assert (reply.status, daemon in await reply.text()) == (200, True)
            command = (sys.executable, "-m", "addons", "status", "--output=json")
            told = json.loads((await run_to_end(*command, env={**os.environ, **exports(text)})).out)
            assert sorted(release["daemon"] for release in told["daemons"]) == SINGLE
            assert not [pod for release in told["daemons"] for pod in release["pods"] if not pod["state"]]
            run.interrupt()
            await run.end()
            assert run.process.returncode == 130
            assert run.remains() == []

    async def test_where_it_cannot_be_played_the_single_ones_stand_in_for_it(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Without Helm, of which not every platform has a library."""

        async def go(_: Any) -> str:
            return "it is played"

        @asynccontextmanager
        async def open_(*_: Any) -> AsyncIterator[Any]:
            yield SimpleNamespace(directions=str)

        step = Step("its only step", "it is played", go)
        story: Story[Any] = Story(name="any", promise="", setting="", open=open_, steps=(step,))
        monkeypatch.setattr(command, "SINGLE", {"any": story})
        monkeypatch.setitem(sys.modules, "helm_python", None)
        options = SimpleNamespace(stories=[], all=False, keep=False, kubeconfig=None)
        played = await command._play_in_worlds(options)  # type: ignore[arg-type]
        assert [each.result for each in played] == ["left out"] * len(SUITE.steps) + ["pass"]
        assert re.search(
            r"^suite is left out: it needs Helm, and helm-python-sdk has none for ", *text_of(capsys)
        )


def text_of(capsys: pytest.CaptureFixture[str]) -> tuple[str, int]:
    return capsys.readouterr().out, re.MULTILINE


class TestStories:
    @pytest.mark.timeout(180)
    async def test_every_expectation_is_met_and_nothing_is_left(self) -> None:
        async with demo(*SINGLE) as run:
            text = await run.end()
            assert run.process.returncode == 0, text
            if privilege.is_privileged() or os.environ.get("CI"):
                played = ANYWHERE + ON_NODES
                assert summary(text) == f"{played} passed, 0 failed", text
            else:
                played = ANYWHERE
                assert summary(text) == f"{played} passed, 0 failed, {ON_NODES} left out", text
            for label in ("expected", "got", "took"):
                assert len(re.findall(rf"^ {{6}}{label} ", text, re.MULTILINE)) == played
            assert run.remains() == []

    async def test_a_step_that_fails_among_tasks_is_told_as_one_that_failed(self) -> None:
        async def fall_short() -> None:
            raise Unmet("503")

        async def go(_: Any) -> str:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(fall_short())
            return "unreachable"

        step = Step("a task of it fails", "200", go)
        scene = SimpleNamespace(daemon=SimpleNamespace(name="any", tail=str))
        story: Story[Any] = Story(name="any", promise="", setting="", open=cni.STORY.open, steps=(step,))
        (played,) = await play(story, scene, Output())
        assert (played.result, played.got) == ("FAIL", "503")

    async def test_an_interrupt_in_the_middle_leaves_nothing_behind(self) -> None:
        async with demo("dns") as run:
            await run.read_until(r"^\[dns 2/")
            assert run.processes()
            run.interrupt()
            await run.end()
            assert run.process.returncode == 130
            assert run.remains() == []

    async def test_without_root_nodes_and_pods_are_in_a_user_namespace(self) -> None:
        async with demo("cni", under=("setpriv", "--bounding-set=-sys_admin")) as run:
            text = await run.read_until(r"^\[cni 3/")
            assert len(re.findall(r"^ {6}got ", text, re.MULTILINE)) == 2, text
            assert "each pings the other" in text
            assert run.namespaces() == [], "none of the machine's"
            run.interrupt()
            await run.end()
            assert run.process.returncode == 130
            assert run.remains() == []

    async def test_where_no_namespace_is_permitted_the_pods_are_left_out_and_the_reason_is_said(self) -> None:
        async with demo("cni", "iamproxy", under=WITHOUT_PRIVILEGE) as run:
            text = await run.end()
            assert run.process.returncode == 1, "nothing was shown"
            assert summary(text) == f"0 passed, 0 failed, {ON_NODES} left out"
            for name in ("cni", "iamproxy"):
                assert f"\n{name} is left out: it needs root" in text
            assert run.remains() == []


class TestWorld:
    async def test_the_printed_directions_lead_to_a_kubernetes_an_aws_and_a_name_server(self) -> None:
        async with demo("--world") as run:
            said = exports(text := await run.read_until(r"^dig "))
            config = yaml.safe_load(Path(said["KUBECONFIG"]).read_text())
            token = config["users"][0]["user"]["token"]
            async with aiohttp.ClientSession() as http:
                url = f"{config['clusters'][0]['cluster']['server']}/api/v1/services"
                async with http.get(url, headers={"Authorization": f"Bearer {token}"}) as reply:
                    assert (await reply.json())["kind"] == "ServiceList"
                url = f"{said['AWS_ENDPOINT_URL']}/2013-04-01/hostedzone"
                async with http.get(url, headers={"Authorization": SIGNED_FOR_ROUTE53}) as reply:
                    assert "example.com." in await reply.text()
            assert re.search(r"^dig @127\.0\.0\.1 -p \d+ ", text, re.MULTILINE)
            run.process.send_signal(signal.SIGTERM)
            await run.end()
            assert run.remains() == []


class TestRealCluster:
    async def test_it_stays_in_a_namespace_of_its_own_and_writes_on_nobody_s_objects(
        self, tmp_path: Path
    ) -> None:
        """The emulator stands for the cluster of somebody, who has a Service that asks for a name, badly."""
        annotations = {
            "external-dns.alpha.kubernetes.io/hostname": "not..a..name.example.com,www.example.com"
        }
        theirs = service("theirs", "192.0.2.1")
        theirs["metadata"]["annotations"] = annotations
        async with KubeApi() as api:
            api.store.create("v1", "services", theirs)
            kubeconfig = tmp_path / "kubeconfig"
            kubeconfig.write_text(api.kubeconfig())
            before = api.store.get("v1", "services", "default", "theirs")
            async with demo("dns", "--kubeconfig", str(kubeconfig)) as run:
                text = await run.end()
                assert run.process.returncode == 0, text
            assert api.store.get("v1", "services", "default", "theirs") == before
            writes = [each for each in api.requests if each.verb not in ("get", "list", "watch")]
            assert len(writes) > 10, "the control"
            assert {each.namespace or each.name for each in writes} <= {"addons-demo", ""}
            assert {each.resource for each in writes if each.namespace != "addons-demo"} == {"namespaces"}
            about = [event["regarding"] for event in api.store.list("events.k8s.io/v1", "events")]
            assert [each for each in about if each["name"] == "theirs"] == []


class TestMistakes:
    @pytest.mark.parametrize(
        ("argument", "words"),
        [
            ("--wrold", "unrecognized arguments: --wrold"),
            ("dsn", "argument STORY: 'dsn' is none of suite, albingress, autoscaler, cni, dns, iamproxy"),
        ],
    )
    async def test_an_unknown_argument_is_one_clear_line(self, argument: str, words: str) -> None:
        async with demo(argument) as run:
            text = await run.end()
            assert run.process.returncode == 2
            assert words in text
