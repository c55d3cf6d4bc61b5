"""Whose STS is asked: the settings say it, else the AWS configuration, else the node itself."""

from collections.abc import Awaitable, Callable

import pytest

from addons.iamproxy.aws.region import find_region
from addons.runtime.errors import Unavailable
from addons.runtime.settings import SettingError


def node(region: str | None, asked: list[str]) -> Callable[[str], Awaitable[str | None]]:
    async def read(key: str) -> str | None:
        asked.append(key)
        return region

    return read


@pytest.fixture(autouse=True)
def unconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")


async def test_the_settings_come_first() -> None:
    asked: list[str] = []
    assert await find_region("eu-central-1", node("us-east-1", asked)) == "eu-central-1"
    assert asked == []


async def test_then_the_aws_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert await find_region("", node("us-east-1", [])) == "eu-west-1"


async def test_then_the_node() -> None:
    asked: list[str] = []
    assert await find_region("", node("us-east-1", asked)) == "us-east-1"
    assert asked == ["placement/region"]


async def test_who_is_nowhere_is_told_so() -> None:
    async def fail(key: str) -> None:
        raise Unavailable("metadata of the node: connection refused")

    with pytest.raises(SettingError, match=r"--aws-region is required: .* connection refused"):
        await find_region("", fail)
    with pytest.raises(SettingError, match="the node's metadata does not have it"):
        await find_region("", node(None, []))
