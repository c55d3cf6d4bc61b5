"""Lives of the controller of albingress that end in the midst of its work, as `kill -9` ends a process.

All that it changes is counted, in AWS and in Kubernetes. After its death nothing that it does gets through
any more, whatever its tasks still try.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from addons.albingress.aws.calls import OPERATIONS
from addons.runtime.aws import AwsSession
from addons.runtime.aws_clients import Reply
from addons.runtime.daemon import Parts
from addons.runtime.kube import KubeClient
from addons.runtime.kube_access import access_source
from addons.runtime.transport import Transport
from tests.support.alb_aws import FAST
from tests.support.cni_aws import Killed

T = TypeVar("T")


class Place(Protocol):
    """Where a life takes place: a kubeconfig, and an AWS at a URL."""

    @property
    def kubeconfig(self) -> Any: ...

    @property
    def aws(self) -> Any: ...


class Life:
    """One life. `changes` has what it changed, or tried to, since `count_from_now`."""

    def __init__(self) -> None:
        self.changes: list[str] = []
        self.is_over = asyncio.Event()
        self._dies_at = 0
        self._is_sent = False

    def count_from_now(self, *, dies_at: int = 0, is_sent: bool = False) -> None:
        """Have it end at its change of this number, the next being 1: before that is sent, or after it."""
        self.changes.clear()
        self._dies_at, self._is_sent = dies_at, is_sent

    async def pass_through(self, what: str, do: Callable[[], Awaitable[T]], *, is_change: bool) -> T:
        """Let a call through, unless the life is over or ends with it."""
        if self.is_over.is_set():
            raise Killed
        if not is_change:
            return await do()
        self.changes.append(what)
        if len(self.changes) != self._dies_at:
            return await do()
        if self._is_sent:
            await do()
        self.is_over.set()
        raise Killed

    @asynccontextmanager
    async def led_by(self, parts: Parts, place: Place) -> AsyncIterator[Parts]:
        """What a controller is built on, with all of its ways outside guarded."""
        source = access_source(str(place.kubeconfig))
        session = _Aws(
            self, region="eu-central-1", endpoint_url=place.aws.url, rates=FAST, operations=OPERATIONS
        )
        async with session as aws, Transport.connect(source, user_agent="test") as transport:
            yield replace(parts, aws=aws, kube=KubeClient(_Kube(self, transport)))


class _Aws(AwsSession):
    def __init__(self, life: Life, **options: Any) -> None:
        super().__init__(**options)
        self._life = life

    async def call(self, service: str, operation: str, **arguments: Any) -> Reply:
        made = super().call

        async def do() -> Reply:
            return await made(service, operation, **arguments)

        is_change = arguments.get("permit") is not None
        return await self._life.pass_through(f"{service} {operation}", do, is_change=is_change)


class _Kube(Transport):
    def __init__(self, life: Life, transport: Transport) -> None:
        self._life = life
        self._to = transport
        self.lines = transport.lines  # type: ignore[method-assign]

    async def request(self, what: str, method: str, *arguments: Any, **more: Any) -> bytes:
        async def do() -> bytes:
            return await self._to.request(what, method, *arguments, **more)

        return await self._life.pass_through(what, do, is_change=method != "GET")
