"""The runner of CNI plugins, with Debian's plugins and with one that records what it is given."""

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from addons.sim.net import Namespace
from tests.support.cni_exec import PluginExecutor
from tests.support.cni_runner import Network, PluginError
from tests.support.cni_sandbox import Sandbox, pod_network
from tests.support.fabric import pings
from tests.support.until import until

DEBIAN = Path("/usr/lib/cni")
RECORDER = f"""#!{sys.executable}
import json, os, pathlib, sys, time
here = pathlib.Path(sys.argv[0])
config = json.load(sys.stdin)
verb = os.environ["CNI_COMMAND"]
call = {{"verb": verb, "type": here.name, "config": config, "environment": dict(os.environ)}}
with here.with_name("calls").open("a") as calls:
    print(json.dumps(call), file=calls)
if verb == config.get("failOn"):
    print(json.dumps({{"code": 11, "msg": "no address is free", "details": "subnet-1"}}))
    sys.exit(1)
if verb == config.get("hangOn"):
    time.sleep(600)
if verb == "ADD":
    address = {{"address": config.get("address", "10.0.0.9/32")}}
    if config["cniVersion"].startswith("0"):
        address["version"] = "4"
    print(json.dumps({{"cniVersion": config["cniVersion"], "ips": [address]}}))
elif verb == "VERSION":
    print(json.dumps({{"cniVersion": config["cniVersion"], "supportedVersions": ["0.4.0", "1.0.0"]}}))
"""


@pytest.fixture
def node() -> Iterator[Namespace]:
    with pod_network("node") as made:
        assert made.inside
        made.inside.set_kernel("ipv4/ip_forward", "1")
        yield made.inside


@pytest.fixture
def executor(node: Namespace) -> Iterator[PluginExecutor]:
    with PluginExecutor(node) as made:
        yield made


class Recorded:
    """A network of two plugins that record what they are given; `more` is the first one's own."""

    def __init__(
        self, executor: PluginExecutor, folder: Path, *, version: str = "1.1.0", **more: Any
    ) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir(exist_ok=True)
        for name in ("first", "second"):
            (self.bin / name).write_text(RECORDER)
            (self.bin / name).chmod(0o755)
        first = {"type": "first", "capabilities": {"portMappings": True}, **more}
        plugins = [first, {"type": "second", "address": "10.0.0.10/32"}]
        self.conflist = {"cniVersion": version, "name": "recorded", "plugins": plugins}
        self.network = Network(self.conflist, executor, folders=[self.bin], cache=folder, seconds=30)

    def calls(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.bin / "calls").read_text().splitlines()]

    def order(self) -> list[str]:
        return [f"{call['verb']} {call['type']}" for call in self.calls()]


@pytest.fixture
def recorded(executor: PluginExecutor, tmp_path: Path) -> Recorded:
    return Recorded(executor, tmp_path)


POD = Sandbox(None, capabilities={"portMappings": [{"hostPort": 80}], "bandwidth": {"ingressRate": 1}})


class TestACall:
    async def test_add_goes_forward_and_del_backward(self, recorded: Recorded) -> None:
        await recorded.network.add(POD)
        await recorded.network.delete(POD)
        assert recorded.order() == ["ADD first", "ADD second", "DEL second", "DEL first"]

    async def test_each_plugin_gets_the_result_of_the_one_before_it(self, recorded: Recorded) -> None:
        result = await recorded.network.add(POD)
        first, second = recorded.calls()
        assert "prevResult" not in first["config"]
        assert second["config"]["prevResult"]["ips"] == [{"address": "10.0.0.9/32"}]
        assert result["ips"] == [{"address": "10.0.0.10/32"}]

    async def test_check_and_del_get_the_last_result(self, recorded: Recorded) -> None:
        result = await recorded.network.add(POD)
        await recorded.network.check(POD)
        await recorded.network.delete(POD)
        assert [call["config"]["prevResult"] for call in recorded.calls()[2:]] == [result] * 4

    async def test_a_second_del_comes_without_a_result(self, recorded: Recorded) -> None:
        await recorded.network.add(POD)
        await recorded.network.delete(POD)
        await recorded.network.delete(POD)
        assert all("prevResult" not in call["config"] for call in recorded.calls()[4:])

    async def test_a_plugin_gets_only_the_capabilities_that_it_declares(self, recorded: Recorded) -> None:
        await recorded.network.add(POD)
        first, second = recorded.calls()
        assert first["config"]["runtimeConfig"] == {"portMappings": [{"hostPort": 80}]}
        assert "runtimeConfig" not in second["config"]

    async def test_arguments_are_those_of_the_kubelet_in_any_order(self, recorded: Recorded) -> None:
        for _ in range(10):
            await recorded.network.add(POD)
        arguments = [call["environment"]["CNI_ARGS"] for call in recorded.calls()]
        assert len(set(arguments)) > 1
        assert {frozenset(each.split(";")) for each in arguments} == {frozenset(POD.arguments.split(";"))}

    async def test_a_plugin_runs_in_the_network_of_the_node(
        self, executor: PluginExecutor, node: Namespace
    ) -> None:
        asked = executor.pool.submit(executor.run, Path("/usr/bin/readlink"), {}, b"")
        assert asked.result().code == 1  # it is called without arguments, as every plugin
        inside = executor.pool.submit(lambda: Path("/proc/thread-self/ns/net").stat().st_ino)
        assert inside.result() == node.path.stat().st_ino

    async def test_status_and_gc_are_of_version_1_1(self, executor: PluginExecutor, tmp_path: Path) -> None:
        old = Recorded(executor, tmp_path, version="1.0.0")
        await old.network.add(POD)
        await old.network.status()
        await old.network.collect([])
        assert old.order()[2:] == ["DEL second", "DEL first"]

    async def test_every_plugin_says_its_versions(self, recorded: Recorded) -> None:
        said = await recorded.network.supported_versions()
        assert [each["supportedVersions"] for each in said] == [["0.4.0", "1.0.0"]] * 2


class TestVersions:
    async def test_a_list_of_versions_counts_unless_the_runtime_is_old(self, recorded: Recorded) -> None:
        conflist = {**recorded.conflist, "cniVersion": "1.0.0", "cniVersions": ["0.4.0", "1.1.0", "9.9.9"]}
        made = {
            is_old: Network(
                conflist, recorded.network._executor, folders=[], cache=Path(), containerd_16=is_old
            )
            for is_old in (True, False)
        }
        assert {is_old: network.version for is_old, network in made.items()} == {
            True: "1.0.0",
            False: "1.1.0",
        }

    async def test_an_old_version_s_addresses_say_which_family(
        self, executor: PluginExecutor, tmp_path: Path
    ) -> None:
        result = await Recorded(executor, tmp_path, version="0.4.0").network.add(POD)
        assert result["ips"] == [{"version": "4", "address": "10.0.0.10/32"}]


class TestFailures:
    async def test_the_words_of_a_plugin_are_kept(self, executor: PluginExecutor, tmp_path: Path) -> None:
        failing = Recorded(executor, tmp_path, failOn="ADD")
        with pytest.raises(
            PluginError, match=r'"first" failed \(add\): no address is free; subnet-1'
        ) as error:
            await failing.network.add(POD)
        assert error.value.code == 11
        assert failing.order() == ["ADD first"]

    async def test_a_plugin_that_takes_too_long_is_killed(
        self, executor: PluginExecutor, tmp_path: Path
    ) -> None:
        hanging = Recorded(executor, tmp_path, hangOn="ADD")
        hanging.network._seconds = 0.3
        with pytest.raises(PluginError):
            await hanging.network.add(POD)
        assert not executor.is_running(POD.container)

    async def test_a_plugin_may_be_killed_at_any_time(self, executor: PluginExecutor, tmp_path: Path) -> None:
        hanging = Recorded(executor, tmp_path, hangOn="ADD")
        adding = asyncio.create_task(hanging.network.add(POD))
        await until(lambda: executor.is_running(POD.container))
        executor.kill(POD.container)
        with pytest.raises(PluginError):
            await adding

    async def test_a_plugin_that_is_not_there_is_named(self, recorded: Recorded) -> None:
        (recorded.bin / "second").unlink()
        with pytest.raises(FileNotFoundError, match='failed to find plugin "second"'):
            await recorded.network.add(POD)


class TestGarbage:
    async def test_what_is_cached_and_not_alive_is_deleted_and_the_living_are_named(
        self, recorded: Recorded
    ) -> None:
        dead = replace(POD, container="dead")
        for sandbox in (POD, dead):
            await recorded.network.add(sandbox)
        await recorded.network.collect([POD])
        calls = recorded.calls()[4:]
        assert [(call["verb"], call["environment"].get("CNI_CONTAINERID")) for call in calls] == [
            ("DEL", "dead"),
            ("DEL", "dead"),
            ("GC", ""),
            ("GC", ""),
        ]
        assert calls[0]["config"]["prevResult"]["ips"] == [{"address": "10.0.0.10/32"}]
        living = [{"containerID": POD.container, "ifname": "eth0"}]
        for key in ("cni.dev/valid-attachments", "cni.dev/attachments"):
            assert calls[2]["config"][key] == living

    async def test_a_plugin_that_fails_keeps_none_from_being_called(
        self, executor: PluginExecutor, tmp_path: Path
    ) -> None:
        failing = Recorded(executor, tmp_path, failOn="GC")
        with pytest.raises(ExceptionGroup) as failed:
            await failing.network.collect([POD])
        assert [type(each) for each in failed.value.exceptions] == [PluginError]
        assert failing.order() == ["GC first", "GC second"]


@pytest.mark.skipif(not (DEBIAN / "ptp").exists(), reason="Debian's containernetworking-plugins are not here")
class TestDebiansPlugins:
    def network(self, executor: PluginExecutor, tmp_path: Path, **more: Any) -> Network:
        addresses = {
            "type": "host-local",
            "dataDir": str(tmp_path / "addresses"),
            "ranges": [[{"subnet": "10.99.0.0/24"}]],
        }
        plugins = [
            {"type": "ptp", "ipam": addresses},
            {"type": "tuning", "sysctl": {"net.core.somaxconn": "77"}},
        ]
        conflist = {"cniVersion": "1.0.0", "name": "debian", "plugins": plugins, **more}
        return Network(conflist, executor, folders=[DEBIAN], cache=tmp_path)

    async def test_a_pod_has_a_network_while_it_lives(
        self, executor: PluginExecutor, node: Namespace, tmp_path: Path
    ) -> None:
        network = self.network(executor, tmp_path)
        with pod_network() as pod:
            result = await network.add(pod)
            address = result["ips"][0]["address"].partition("/")[0]
            assert pings(node, address)
            await network.check(pod)
            await network.delete(pod)
            assert not pings(node, address)

    async def test_check_tells_when_an_address_is_gone(
        self, executor: PluginExecutor, tmp_path: Path
    ) -> None:
        network = self.network(executor, tmp_path)
        with pod_network() as pod:
            await network.add(pod)
            assert pod.inside
            pod.inside.ip("addr flush dev eth0")
            with pytest.raises(PluginError, match='"ptp" failed'):
                await network.check(pod)

    async def test_pods_side_by_side_have_addresses_of_their_own(
        self, executor: PluginExecutor, tmp_path: Path
    ) -> None:
        network = self.network(executor, tmp_path)
        with pod_network("a") as a, pod_network("b") as b, pod_network("c") as c:
            results = await asyncio.gather(*(network.add(pod) for pod in (a, b, c)))
        assert len({result["ips"][0]["address"] for result in results}) == 3
