"""moto in process: its WSGI application, called directly, without a server or a port of its own.

It is imported at the first call, which takes over a second: a world that needs DNS alone starts without.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class MotoReply:
    """What moto answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Moto:
    """Every service that moto simulates, empty at the first call.

    Calls run one by one in a thread: moto has no locks of its own.
    Its state is the process's: two of these in one process share it, and the later one empties it.
    """

    def __init__(self) -> None:
        self._executor: ThreadPoolExecutor | None = None
        self._application: Any = None

    async def call(
        self, method: str, url: str, path_qs: str, headers: Mapping[str, str], body: bytes
    ) -> MotoReply:
        """Pass a request on to moto as it came; `url` is the endpoint's own."""
        loop = asyncio.get_running_loop()
        if self._executor is None:
            self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="moto")
        return await loop.run_in_executor(self._executor, self._call, method, url, path_qs, headers, body)

    def stop(self) -> None:
        """Give the thread back; the state stays, and a later call goes on with it."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None

    def _call(
        self, method: str, url: str, path_qs: str, headers: Mapping[str, str], body: bytes
    ) -> MotoReply:
        if self._application is None:
            self._application = _make_application()
            self._call("POST", url, "/moto-api/reset", {}, b"")
        from werkzeug.test import EnvironBuilder, run_wsgi_app

        path, _, query = path_qs.partition("?")
        builder = EnvironBuilder(
            path, base_url=url, query_string=query, method=method, headers=list(headers.items()), data=body
        )
        try:
            chunks, status, answer = run_wsgi_app(self._application, builder.get_environ(), buffered=True)
            return MotoReply(int(status.split()[0]), dict(answer.items()), b"".join(chunks))
        finally:
            builder.close()


def _make_application() -> Any:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    return DomainDispatcherApplication(create_backend_app)
