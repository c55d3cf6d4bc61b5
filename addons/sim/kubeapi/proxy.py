"""The proxy of pods: a request that the API server passes on to a port of a pod.

Pods of tests may have addresses of loopback; a real API server asks no such pod. Pods that have networks of
their own are asked from inside of these, where their addresses lead to them.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

import aiohttp
from aiohttp import web

from addons.sim.kubeapi.calls import Call
from addons.sim.kubeapi.status import StatusError
from addons.sim.kubeapi.store import Store

_SECONDS = 10.0

Networks = Callable[[str, str], Callable[[], socket.socket] | None]
"""Namespace and name of a pod -> what makes sockets in its network, if it has one of its own."""


async def forward(request: web.Request, call: Call, store: Store, networks: Networks) -> web.Response:
    """Ask the pod for what stands behind `proxy/`, and give its answer; StatusError when it gives none."""
    name, _, port = call.name.partition(":")
    pod = store.get("v1", "pods", call.namespace, name)
    url = f"http://{pod['status'].get('podIP', '')}:{port or 80}/{call.proxied}"
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    opened = networks(call.namespace, name)
    connector = aiohttp.TCPConnector(socket_factory=(lambda _: opened()) if opened else None)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as http,
            http.request(request.method, url, params=request.query) as reply,
        ):
            kind = reply.headers.get("Content-Type", "text/plain")
            return web.Response(body=await reply.read(), status=reply.status, headers={"Content-Type": kind})
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise StatusError(503, "ServiceUnavailable", f"error trying to reach service: {error}") from error
