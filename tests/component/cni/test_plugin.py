"""The plugin as a process, against the socket of the daemon: C and Python are the same to a runtime."""

import asyncio
import json
import os
import signal
import socket
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from addons.cni.controller.replay import replay
from addons.cni.model.assignments import PodId
from addons.cni.store.spool import Spool
from tests.support.cni_socket import IMPATIENT, Node, eni, impatient_twin, sanitized, served, twin
from tests.support.processes import Ended, ended, run, running
from tests.support.until import until

pytestmark = pytest.mark.usefixtures("plugin")


@pytest.fixture(params=["c", "python"])
def plugin(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return sanitized() if request.param == "c" else twin()


@pytest.fixture
def impatient(plugin: tuple[str, ...], folder: Path) -> "Runtime":
    """A runtime whose plugin waits half a second for a daemon."""
    return Runtime(sanitized(IMPATIENT) if plugin == sanitized() else impatient_twin(), folder)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: that of a socket has 107 bytes at most."""
    with TemporaryDirectory(prefix="cni-") as name:
        yield Path(name)


@pytest.fixture
async def node(folder: Path) -> Node:
    return Node(folder / "state", 1, 2, 3)


class Runtime:
    """Calls the plugin as containerd does: with what its own environment has besides."""

    def __init__(self, plugin: tuple[str, ...], folder: Path) -> None:
        self._plugin = plugin
        self.socket, self.spool = folder / "cni.sock", folder / "spool"

    def config(self, **more: Any) -> dict[str, Any]:
        return {
            "cniVersion": "1.0.0",
            "name": "aws-cni",
            "type": "aws-addons-cni",
            "runtimeConfig": {"io.kubernetes.cri.pod-annotations": None, "socket": "/nowhere"},
            "socket": str(self.socket),
            "spool": str(self.spool),
            **more,
        }

    def environment(self, command: str, container: str, **more: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HTTP_PROXY": "http://127.0.0.1:1",
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": container,
            "CNI_NETNS": f"/run/netns/{container}",
            "CNI_IFNAME": "eth0",
            "CNI_ARGS": f"K8S_POD_NAME={container};IgnoreUnknown=1;K8S_POD_UID=;K8S_POD_NAMESPACE=shop",
            "CNI_PATH": "/opt/cni/bin",
            **more,
        }

    async def call(
        self,
        command: str,
        container: str = "c1",
        *,
        env: Mapping[str, str] = {},
        stdin: bytes | None = None,
        more: Mapping[str, Any] = {},
        **config: Any,
    ) -> Ended:
        given = json.dumps({**self.config(**config), **more}).encode() if stdin is None else stdin
        environment = self.environment(command, container, **env)
        return await run(*self._plugin, env=environment, stdin=given)

    def begun(self, command: str, container: str = "c1") -> Any:
        environment = self.environment(command, container)
        return running(*self._plugin, env=environment, stdin=PIPE, stdout=PIPE, stderr=PIPE)


@pytest.fixture
def runtime(plugin: tuple[str, ...], folder: Path) -> Runtime:
    return Runtime(plugin, folder)


def error(done: Ended) -> tuple[int, str, str]:
    """Exit code and error: code, message and details."""
    assert (done.code, done.err) == (1, "")
    answer = json.loads(done.out)
    assert set(answer) <= {"cniVersion", "code", "msg", "details"}
    return answer["code"], answer["msg"], answer.get("details", "")


def succeeded(done: Ended) -> Any:
    assert (done.code, done.err) == (0, ""), done
    return json.loads(done.out) if done.out else None


@asynccontextmanager
async def hanging_up(path: Path) -> AsyncIterator[list[None]]:
    """Listen at a socket, and hang up within each answer; an item for each call."""
    calls: list[None] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        calls.append(None)
        await reader.read(100)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}")
        writer.close()

    async with await asyncio.start_unix_server(hang_up, path):
        yield calls


class TestServed:
    """With the daemon there, it carries calls and answers."""

    async def test_an_add_and_its_del(self, node: Node, runtime: Runtime) -> None:
        async with served(node, runtime.socket):
            result = succeeded(await runtime.call("ADD"))
            assert result["ips"] == [{"address": "10.0.0.1/32", "gateway": "169.254.1.1", "interface": 1}]
            assert result["interfaces"][1]["sandbox"] == "/run/netns/c1"
            assert node.held == {"c1": "10.0.0.1"}
            assert succeeded(await runtime.call("DEL")) is None
            assert succeeded(await runtime.call("DEL", env={"CNI_NETNS": ""})) is None
        assert node.held == {}

    @pytest.mark.parametrize("version", ["0.4.0", "1.0.0", "1.1.0"])
    async def test_the_result_is_of_the_configurations_version(
        self, node: Node, runtime: Runtime, version: str
    ) -> None:
        async with served(node, runtime.socket):
            result = succeeded(await runtime.call("ADD", cniVersion=version))
        assert result["cniVersion"] == version
        assert ("version" in result["ips"][0]) == (version == "0.4.0")
        assert ("mtu" in result["interfaces"][0]) == (version == "1.1.0")

    async def test_an_error_comes_with_its_code_and_reason(self, node: Node, runtime: Runtime) -> None:
        node.not_ready = "no interface is attached yet"
        async with served(node, runtime.socket):
            answered = await runtime.call("STATUS", cniVersion="1.1.0")
            assert error(answered) == (50, "no interface is attached yet", "")
            assert error(await runtime.call("CHECK", prevResult={}))[0] == 3
            assert error(await runtime.call("STATUS"))[0] == 1

    async def test_check_and_gc(self, node: Node, runtime: Runtime) -> None:
        async with served(node, runtime.socket):
            result = succeeded(await runtime.call("ADD", cniVersion="1.1.0"))
            succeeded(await runtime.call("CHECK", cniVersion="1.1.0", prevResult=result))
            kept = [{"containerID": "c1", "ifname": "eth0"}]
            succeeded(await runtime.call("GC", cniVersion="1.1.0", more={"cni.dev/valid-attachments": kept}))
            assert list(node.held) == ["c1"]
            succeeded(await runtime.call("GC", cniVersion="1.1.0", more={"cni.dev/attachments": []}))
        assert node.held == {}

    async def test_a_large_configuration(self, node: Node, runtime: Runtime) -> None:
        async with served(node, runtime.socket):
            succeeded(await runtime.call("ADD", filler="x" * 900_000))

    async def test_thirty_at_once(self, folder: Path, runtime: Runtime) -> None:
        node = Node(folder / "more", *range(1, 31))
        async with served(node, runtime.socket):
            done = await asyncio.gather(*(runtime.call("ADD", f"c{n}") for n in range(30)))
        assert len({succeeded(each)["ips"][0]["address"] for each in done}) == 30

    async def test_a_runtime_that_kills_it_ends_the_add(self, node: Node, runtime: Runtime) -> None:
        node.addresses.enis_changed([])
        async with served(node, runtime.socket):
            async with runtime.begun("ADD") as process:
                process.stdin.write(json.dumps(runtime.config()).encode())
                process.stdin.close()
                await until(lambda: node.addresses.waiting)
            await until(lambda: not node.addresses.waiting)
        assert node.held == {}


class TestVersion:
    """VERSION is answered without the daemon, in the version of who asks."""

    @pytest.mark.parametrize("version", ["0.3.1", "0.4.0", "1.0.0", "1.1.0"])
    async def test_it_answers_in_the_version_that_was_asked(self, runtime: Runtime, version: str) -> None:
        answer = succeeded(await runtime.call("VERSION", stdin=json.dumps({"cniVersion": version}).encode()))
        assert answer == {"cniVersion": version, "supportedVersions": ["0.4.0", "1.0.0", "1.1.0"]}

    async def test_without_a_question_in_the_newest(self, runtime: Runtime) -> None:
        assert succeeded(await runtime.call("VERSION", stdin=b""))["cniVersion"] == "1.1.0"


class TestAway:
    """With the daemon away, an ADD waits for the next one, a DEL is written down, all else is refused."""

    async def test_an_add_waits_for_the_next_daemon(self, node: Node, runtime: Runtime) -> None:
        adding = asyncio.create_task(runtime.call("ADD"))
        await asyncio.sleep(0.3)
        assert not adding.done()
        async with served(node, runtime.socket):
            succeeded(await adding)

    async def test_an_add_is_refused_when_none_comes(self, impatient: Runtime) -> None:
        expected = (11, "the daemon of aws-addons-cni does not run on this node", str(impatient.socket))
        assert error(await impatient.call("ADD")) == expected

    async def test_an_add_is_refused_when_nobody_listens_at_the_socket(self, impatient: Runtime) -> None:
        with socket.socket(socket.AF_UNIX) as left_behind:
            left_behind.bind(str(impatient.socket))
        assert error(await impatient.call("ADD"))[:2] == (
            11,
            "the daemon of aws-addons-cni does not run on this node",
        )

    async def test_an_add_is_refused_when_each_answer_breaks_off(self, impatient: Runtime) -> None:
        async with hanging_up(impatient.socket) as calls:
            refused = error(await impatient.call("ADD"))
        assert refused[:2] == (11, "the daemon of aws-addons-cni ended, or took too long")
        assert len(calls) > 1

    async def test_an_add_is_answered_by_the_daemon_that_comes_after_one_whose_answers_break_off(
        self, node: Node, runtime: Runtime
    ) -> None:
        async with hanging_up(runtime.socket) as calls:
            adding = asyncio.create_task(runtime.call("ADD"))
            await until(lambda: len(calls) > 1)
        async with served(node, runtime.socket):
            succeeded(await adding)

    async def test_an_add_whose_container_was_deleted_meanwhile_leaves_nothing(
        self, node: Node, runtime: Runtime
    ) -> None:
        """A runtime that was killed asks for the DEL when it is back; the plugin lives on."""
        async with hanging_up(runtime.socket) as calls:
            adding = asyncio.create_task(runtime.call("ADD"))
            await until(lambda: calls)
        succeeded(await runtime.call("DEL"))
        await replay(Spool(runtime.spool), node.sandboxes)
        async with served(node, runtime.socket):
            assert "was deleted before" in error(await adding)[1]
        assert node.held == {}

    async def test_status_check_and_gc_are_refused_at_once(self, runtime: Runtime) -> None:
        codes = [error(await runtime.call(command))[0] for command in ("STATUS", "CHECK", "GC")]
        assert codes == [50, 11, 11]

    async def test_a_del_is_done_when_the_daemon_is_back(self, node: Node, runtime: Runtime) -> None:
        await node.add("c1")
        succeeded(await runtime.call("DEL"))
        assert node.held == {"c1": "10.0.0.1"}
        spool = Spool(runtime.spool)
        assert await replay(spool, node.sandboxes) == 1
        assert (node.held, list(spool.read())) == ({}, [])

    async def test_the_same_del_is_written_down_once(self, runtime: Runtime) -> None:
        for env in ({}, {"CNI_NETNS": ""}):
            succeeded(await runtime.call("DEL", env=env))
        spooled = list(Spool(runtime.spool).read())
        assert [each.path.name for each in spooled] == ["c1-eth0"]
        assert b"Cni-NETNS: /run/netns/c1\r\n" in spooled[0].request

    async def test_a_daemon_that_dies_in_the_middle(self, runtime: Runtime) -> None:
        async with hanging_up(runtime.socket):
            assert (
                error(await runtime.call("CHECK"))[1]
                == "the daemon of aws-addons-cni ended, or took too long"
            )
            succeeded(await runtime.call("DEL"))
        assert [each.path.name for each in Spool(runtime.spool).read()] == ["c1-eth0"]

    async def test_a_fault_of_the_daemons_costs_no_del(self, node: Node, runtime: Runtime) -> None:
        await node.add("c1", PodId("shop", "c1"))
        node.kernel.failures = [ZeroDivisionError()]
        async with served(node, runtime.socket):
            succeeded(await runtime.call("DEL"))
            assert await replay(Spool(runtime.spool), node.sandboxes) == 1
        assert node.held == {}

    async def test_an_add_outlives_the_daemon_it_began_with(self, node: Node, runtime: Runtime) -> None:
        node.addresses.enis_changed([])
        async with served(node, runtime.socket):
            adding = asyncio.create_task(runtime.call("ADD"))
            await until(lambda: node.addresses.waiting)
        node.addresses.enis_changed([eni(1)])
        async with served(node, runtime.socket):
            succeeded(await adding)

    async def test_a_spool_that_cannot_be_written_is_told(self, folder: Path, runtime: Runtime) -> None:
        (folder / "spool").touch()
        code, message, details = error(await runtime.call("DEL"))
        assert (code, message) == (5, "the daemon is away, and the DEL cannot be written down for it")
        assert details in ("Not a directory", "File exists")

    @pytest.mark.parametrize("container", ["../../etc/passwd", "", "x" * 250])
    async def test_a_container_that_names_no_file_is_refused(self, runtime: Runtime, container: str) -> None:
        assert error(await runtime.call("DEL", container))[0] == 4


class TestBadInput:
    """What is no call of a runtime is refused with the specification's code."""

    async def test_without_a_command(self, runtime: Runtime) -> None:
        assert error(await runtime.call(""))[0] == 4

    @pytest.mark.parametrize("value", ["a\r\nCni-Command: DEL", "a\nb", "a\tb", "a\x7f", " eth0", "eth0 "])
    async def test_a_variable_that_could_be_another_header(
        self, node: Node, runtime: Runtime, value: str
    ) -> None:
        async with served(node, runtime.socket):
            code, _, details = error(await runtime.call("ADD", env={"CNI_IFNAME": value}))
        assert (code, details, node.held) == (4, "IFNAME", {})

    async def test_a_variable_that_is_too_long(self, runtime: Runtime) -> None:
        assert error(await runtime.call("ADD", env={"CNI_ARGS": "x" * 5000}))[::2] == (4, "ARGS")

    async def test_a_configuration_that_is_too_large(self, runtime: Runtime) -> None:
        assert error(await runtime.call("ADD", stdin=b" " * (1 << 20) + b"{}"))[0] == 6

    @pytest.mark.parametrize(
        "stdin", [b"", b"{", b"[1]", b'"socket', b"\xff\xfe", b'{"a":' * 2000, b"}]}]" * 99]
    )
    async def test_a_configuration_that_is_no_json_reaches_no_daemon_by_its_words(
        self, runtime: Runtime, stdin: bytes
    ) -> None:
        assert error(await runtime.call("STATUS", stdin=stdin))[0] == 50

    async def test_a_socket_whose_path_is_too_long(self, runtime: Runtime) -> None:
        assert error(await runtime.call("ADD", socket="/" + "x" * 120))[::2] == (7, "socket")

    async def test_stdin_that_comes_byte_by_byte(self, node: Node, runtime: Runtime) -> None:
        async with served(node, runtime.socket), runtime.begun("ADD") as process:
            for byte in json.dumps(runtime.config()).encode():
                process.stdin.write(bytes([byte]))
                await process.stdin.drain()
                await asyncio.sleep(0)
            assert succeeded(await ended(process, b""))["cniVersion"] == "1.0.0"

    async def test_nobody_who_reads_the_answer_is_no_crash(self, node: Node, runtime: Runtime) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        async with served(node, runtime.socket):
            environment = runtime.environment("ADD", "c1")
            process = await asyncio.create_subprocess_exec(
                *runtime._plugin, env=environment, stdin=PIPE, stdout=writing, stderr=PIPE
            )
            os.close(writing)
            _, words = await process.communicate(json.dumps(runtime.config()).encode())
        assert (process.returncode, words) == (1, b"")
        assert process.returncode != -signal.SIGPIPE
