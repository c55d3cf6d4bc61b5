"""The node's own metadata service, read with a session token of version 2."""

import asyncio

import aiohttp

from addons.runtime.errors import OutsideError, Unavailable

_TOKEN_TTL = 21_600
_SECONDS = 2.0


class NodeMetadata:
    """Reads single keys below `meta-data/`. Which ones, is decided by constants of ours, never by a pod."""

    def __init__(self, session: aiohttp.ClientSession, *, address: str) -> None:
        host = f"[{address}]" if ":" in address else address
        self._url = f"http://{host}/latest"
        self._session = session
        self._token = ""
        self._renew_at = float("-inf")

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
