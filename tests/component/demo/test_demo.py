"""`addons demo` as its users run it: the story passes, and nothing stays behind."""

import asyncio
import os
import re
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest
import yaml

SIGNED_FOR_ROUTE53 = "AWS4-HMAC-SHA256 Credential=demo/20260101/eu-central-1/route53/aws4_request"


async def start(*arguments: str, folder: Path) -> asyncio.subprocess.Process:
    """Start the demo with temporary files in `folder`, so that what it leaves there is seen."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "addons.demo", *arguments),
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def read_until(process: asyncio.subprocess.Process, pattern: str) -> str:
    """Read its output up to the first line that matches; all of it when none does."""
    assert process.stdout is not None
    text = ""
    while line := (await process.stdout.readline()).decode():
        text += line
        if re.search(pattern, line):
            break
    return text


def daemons_of(folder: Path) -> list[str]:
    """The command lines of processes whose environment or arguments name the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if entry.name.isdigit() and str(folder) in command:
            found.append(command)
    return found


def exports(text: str) -> Mapping[str, str]:
    return dict(re.findall(r"^export (\w+)=(.*)$", text, re.MULTILINE))


@pytest.fixture
def folder() -> Path:
    """A short path: the name of a temporary folder of pytest's would be longer than a socket's may be."""
    return Path(tempfile.mkdtemp(prefix="demo-test-"))


class TestStory:
    @pytest.mark.timeout(90)
    async def test_every_expectation_is_met_and_nothing_is_left(self, folder: Path) -> None:
        process = await start(folder=folder)
        output, _ = await process.communicate()
        text = output.decode()
        assert process.returncode == 0, text
        assert re.search(r"^(\d+) passed, 0 failed$", text, re.MULTILINE)
        assert text.count("expected") == text.count("got  ") == text.count("took  ")
        assert list(folder.iterdir()) == []
        assert daemons_of(folder) == []
        folder.rmdir()

    @pytest.mark.timeout(60)
    async def test_an_interrupt_in_the_middle_leaves_nothing_behind(self, folder: Path) -> None:
        process = await start(folder=folder)
        await read_until(process, r"^\[2/")
        assert daemons_of(folder)
        process.send_signal(signal.SIGINT)
        await process.communicate()
        assert process.returncode == 130
        assert daemons_of(folder) == []
        assert list(folder.iterdir()) == []
        folder.rmdir()


class TestWorld:
    @pytest.mark.timeout(60)
    async def test_the_printed_directions_lead_to_a_kubernetes_an_aws_and_a_name_server(
        self, folder: Path
    ) -> None:
        process = await start("--world", folder=folder)
        said = exports(text := await read_until(process, r"^dig "))
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
        process.send_signal(signal.SIGTERM)
        await process.communicate()
        assert list(folder.iterdir()) == []
        folder.rmdir()

    async def test_an_unknown_flag_is_one_clear_line(self, folder: Path) -> None:
        process = await start("--wrold", folder=folder)
        output, _ = await process.communicate()
        assert process.returncode == 2
        assert "unrecognized arguments: --wrold" in output.decode()
        folder.rmdir()
