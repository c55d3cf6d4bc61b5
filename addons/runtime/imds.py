"""IMDS, the metadata service of the EC2 instance that we run on, read with session tokens (version 2)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import aiohttp

from addons.runtime.errors import OutsideError, Unavailable
from addons.runtime.settings import SettingError

ENDPOINT = "http://169.254.169.254"

_TOKEN_TTL = 21_600
_SECONDS = 2.0


class InstanceMetadata:
    """Reads single keys below `meta-data/`, each anew; a session token serves for many."""

    def __init__(self, session: aiohttp.ClientSession, *, endpoint: str = ENDPOINT) -> None:
        self._url = f"{endpoint}/latest"
        self._session = session
        self._token = ""
        self._renew_at = float("-inf")

    @classmethod
    @asynccontextmanager
    async def connect(cls, endpoint: str = ENDPOINT) -> AsyncIterator[Self]:
        """Use a connection of its own, which is closed in the end."""
        async with aiohttp.ClientSession() as session:
            yield cls(session, endpoint=endpoint)

    async def read(self, key: str) -> str | None:
        """Read one key; None when there is none of that name. Raises OutsideError."""
        loop = asyncio.get_running_loop()
        try:
            if loop.time() >= self._renew_at:
                headers = {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": str(_TOKEN_TTL)}
                self._token = await self._ask("PUT", "api/token", headers) or ""
                self._renew_at = loop.time() + _TOKEN_TTL / 2
            return await self._ask("GET", f"meta-data/{key}", {"X-Aws-Ec2-Metadata-Token": self._token})
        except OutsideError:
            self._renew_at = float("-inf")
            raise
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"metadata of the node: {type(error).__name__}: {error}") from error

    async def _ask(self, method: str, path: str, headers: dict[str, str]) -> str | None:
        async with self._session.request(
            method,
            f"{self._url}/{path}",
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=_SECONDS),
            allow_redirects=False,
        ) as reply:
            if reply.status == 404:
                return None
            if reply.status != 200:
                raise Unavailable(
                    f"metadata of the node: {method} {path} answered {reply.status}", status=reply.status
                )
            return (await reply.text()).strip()


class PassingMetadata:
    """Reads single keys with a connection for each: for who asks once and never again."""

    def __init__(self, endpoint: str = ENDPOINT) -> None:
        self._endpoint = endpoint

    async def read(self, key: str) -> str | None:
        """Read one key; None when there is none of that name. Raises OutsideError."""
        async with InstanceMetadata.connect(self._endpoint) as metadata:
            return await metadata.read(key)


def endpoint_at(address: str) -> str:
    """Give the URL of the service at an address of either family."""
    return f"http://[{address}]" if ":" in address else f"http://{address}"


async def find_region(configured: str, *, endpoint: str = ENDPOINT) -> str:
    """Give the region of the settings, else of the AWS configuration, else that of the node.

    Raises SettingError when none of them has one: the node may have it at the next start.
    """
    if region := configured or _region_of_aws_configuration():
        return region
    why = "the node's metadata does not have it"
    async with InstanceMetadata.connect(endpoint) as metadata:
        try:
            if region := await metadata.read("placement/region") or "":
                return region
        except OutsideError as error:
            why = error.message
    raise SettingError(f"--aws-region is required: neither set nor in the AWS configuration, and {why}")


def _region_of_aws_configuration() -> str:
    import botocore.session  # several MiB, which no daemon needs whose region is set

    return botocore.session.get_session().get_config_variable("region") or ""
