"""The proxy of pods: what a pod serves over HTTP, asked for through the API server."""

import json
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from tests.contract.test_access import permit, rule
from tests.support.api import Api
from tests.support.processes import output_of


def own_address() -> str:
    """An address of this machine that is not loopback: a real API server asks no pod that has such a one."""
    found = json.loads(output_of("ip", "-json", "-4", "address", "show", "scope", "global", "up"))
    addresses = [info["local"] for link in found for info in link.get("addr_info", ())]
    if not addresses:
        pytest.skip("this machine has no address but loopback")
    return str(addresses[0])


async def echo(request: web.Request) -> web.Response:
    """What was asked for; another status where the path wants one."""
    told = {"path": request.path, "query": dict(request.query), "method": request.method}
    return web.json_response(told, status=int(request.query.get("status", 200)))


@pytest.fixture
async def port(api: Api) -> AsyncIterator[int]:
    """A server, and the pod `web` that has its address."""
    address = own_address()
    runner = web.ServerRunner(web.Server(echo))  # type: ignore[arg-type]
    await runner.setup()
    listener = socket.create_server((address, 0))
    await web.SockSite(runner, listener).start()
    spec = {"nodeName": "nowhere", "containers": [{"name": "main", "image": "a"}]}
    await api.made("pods", {"metadata": {"name": "web"}, "spec": spec})
    status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}
    reply = await api.call(
        "PATCH", api.path("pods", "web/status"), {"status": status}, media="application/merge-patch+json"
    )
    assert reply.status == 200, reply.body
    yield listener.getsockname()[1]
    await runner.cleanup()


async def test_path_and_query_come_to_the_pod_and_its_answer_comes_back(api: Api, port: int) -> None:
    reply = await api.get(api.path("pods", f"web:{port}/proxy/api/decisions"), object="pod/a/b")
    assert reply.status == 200
    assert reply.body == {"path": "/api/decisions", "query": {"object": "pod/a/b"}, "method": "GET"}


async def test_a_refusal_of_the_pod_is_its_own(api: Api, port: int) -> None:
    reply = await api.get(api.path("pods", f"web:{port}/proxy/readyz"), status=503)
    assert (reply.status, reply.body["path"]) == (503, "/readyz")


async def test_where_nobody_listens_the_service_is_unavailable(api: Api, port: int) -> None:
    with socket.create_server((own_address(), 0)) as free:
        closed = free.getsockname()[1]
    reply = await api.get(api.path("pods", f"web:{closed}/proxy/readyz"))
    assert (reply.status, reply.reason) == (503, "ServiceUnavailable")
    assert "error trying to reach service: " in reply.body["message"]


async def test_a_pod_that_is_not_there_is_not_found(api: Api) -> None:
    reply = await api.get(api.path("pods", "nobody:80/proxy/readyz"))
    assert (reply.status, reply.reason) == (404, "NotFound")
    assert reply.body["message"] == 'pods "nobody" not found'


async def test_it_is_a_right_of_its_own(api: Api, port: int) -> None:
    path = api.path("pods", f"web:{port}/proxy/readyz")
    await permit(api, "reader", rule(["get", "list"], "pods"))
    reply = await api.call("GET", path, user="guest")
    assert (reply.status, reply.reason) == (403, "Forbidden")
    assert 'cannot get resource "pods/proxy" in API group ""' in reply.body["message"]
    await permit(api, "asker", rule(["get"], "pods/proxy"))
    assert (await api.call("GET", path, user="guest")).status == 200
