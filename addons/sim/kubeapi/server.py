"""The server: who asks, what for, whether it is permitted, what goes wrong, and the reply."""

from __future__ import annotations

import asyncio
import base64
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from typing import Self

import yaml
from aiohttp import web
from multidict import CIMultiDictProxy

from addons.sim.kubeapi import discovery, reads, subresources, writes
from addons.sim.kubeapi.calls import Call, Request, User, read_call
from addons.sim.kubeapi.controllers import Controllers
from addons.sim.kubeapi.faults import Fault, Faults
from addons.sim.kubeapi.proxy import Networks, forward
from addons.sim.kubeapi.rbac import MASTERS, Authorizer, PolicyRule
from addons.sim.kubeapi.resources import Object, Resource
from addons.sim.kubeapi.services import NODE_PORTS
from addons.sim.kubeapi.status import StatusError, success, unauthorized
from addons.sim.kubeapi.store import Store
from addons.sim.kubeapi.table import TableFormat
from addons.sim.kubeapi.tables import Entry, encode
from addons.sim.kubeapi.tls import make_tls
from addons.sim.kubeapi.watch import serve_watch

_LARGEST_BODY = 3 * 1024**2
_ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))
_DEVELOPER = User("admin", (MASTERS, "system:authenticated"))
_JSON = "application/json"
_USERS = Resource("", "v1", "users", "User", namespaced=False)


class KubeApi:
    """A Kubernetes API server on loopback.

    Without `tokens` whoever sends none is an administrator; with them he may nothing. Unknown tokens get 401.
    With `rbac` the Roles and bindings in the store decide; rules given to `add_user` always count.
    The latest `history` changes of each resource can be watched from; older versions get 410.
    Services get their node ports from the range `node_ports`.
    """

    def __init__(
        self,
        *,
        tls: bool = False,
        tokens: Mapping[str, User] | None = None,
        rbac: bool | None = None,
        history: int = 10_000,
        node_ports: range = NODE_PORTS,
        bookmark_seconds: float = 60.0,
    ) -> None:
        self.store = Store(history=history, node_ports=node_ports)
        self.faults = Faults()
        self.requests: list[Request] = []
        self.tokens: dict[str, User] = dict(tokens or {})
        self.bookmark_seconds = bookmark_seconds
        self.clock_ahead = 0.0
        """Seconds by which the dates of replies are ahead of the clock of this machine."""
        self.url = ""
        self.pod_networks: Networks = lambda namespace, name: None
        self._anonymous = _DEVELOPER if tokens is None else _ANONYMOUS
        self._tls = tls
        self._ca = b""
        self._authorizer = Authorizer(self.store, enabled=bool(rbac))
        self._authorizer.rules[_ANONYMOUS.name] = []
        self._controllers = Controllers(self.store)
        self._runner: web.AppRunner | None = None

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, *, listener: socket.socket | None = None
    ) -> None:
        """Listen; `url` says where. `listener`: a socket to use instead, e.g. of another namespace."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.router.add_route("*", "/{path:.*}", self._handle)
        app.on_response_prepare.append(self._date)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        context = None
        if self._tls:
            context, self._ca = make_tls(host)
        if listener:
            await web.SockSite(self._runner, listener, ssl_context=context).start()
        else:
            await web.TCPSite(self._runner, host, port, ssl_context=context).start()
        bound = self._runner.addresses[0]
        self.url = f"{'https' if self._tls else 'http'}://{bound[0]}:{bound[1]}"

    async def _date(self, _: web.BaseRequest, response: web.StreamResponse) -> None:
        if self.clock_ahead:
            response.headers["Date"] = formatdate(time.time() + self.clock_ahead, usegmt=True)

    async def listen(self, listener: socket.socket) -> str:
        """Listen on one more socket, e.g. of another namespace, without TLS; give the URL there."""
        assert self._runner is not None, "not started"
        await web.SockSite(self._runner, listener).start()
        host, port = listener.getsockname()[:2]
        return f"http://{host}:{port}"

    async def stop(self) -> None:
        """End every stream and connection, and listen no longer."""
        self.store.close_watches()
        if self._runner is not None:
            server = self._runner.server
            transports = [handler.transport for handler in server.connections] if server else []
            await self._runner.cleanup()
            for transport in filter(None, transports):
                transport.abort()  # a TLS connection would wait for the client to close it, too
            await asyncio.sleep(0)
            self._runner = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def add_user(
        self, name: str, groups: Sequence[str] = (), rules: Sequence[PolicyRule] | None = None
    ) -> str:
        """Make a user known and return the token; with `rules` he may do what they say and nothing else."""
        token = secrets.token_hex(16)
        self.tokens[token] = User(name, (*groups, "system:authenticated"))
        if rules is not None:
            self._authorizer.rules[name] = list(rules)
        return token

    def kubeconfig(self, user: str = "admin", *, url: str = "") -> str:
        """A kubeconfig in YAML for a known user; "admin" becomes known when he is not.

        `url`: where the user finds the server, when it is not where it was started.
        """
        token = next((token for token, known in self.tokens.items() if known.name == user), None)
        if token is None and user != "admin":
            raise KeyError(f"user {user} is unknown: call add_user first")
        token = token or self.add_user("admin", (MASTERS,))
        cluster = {"server": url or self.url}
        if self._ca:
            cluster["certificate-authority-data"] = base64.b64encode(self._ca).decode()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "emulator", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token}}],
            "contexts": [{"name": "emulator", "context": {"cluster": "emulator", "user": user}}],
            "current-context": "emulator",
        }
        return yaml.safe_dump(config, sort_keys=False)

    def enable(
        self, *, owner_gc: bool = False, endpoint_slices: bool = False, namespaces: bool = False
    ) -> None:
        """Switch small controllers on: deletion of dependents, EndpointSlices, end of namespaces."""
        self._controllers.enable(owner_gc=owner_gc, endpoint_slices=endpoint_slices, namespaces=namespaces)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        record = Request("", request.method.lower(), "", "", "", "", "", request.path)
        self.requests.append(record)
        try:
            response = await self._serve(request, record)
        except StatusError as error:
            response = _refusal(error)
        record.status = response.status
        return response

    async def _serve(self, request: web.Request, record: Request) -> web.StreamResponse:
        user = self._impersonate(
            self._authenticate(request.headers.get("Authorization", "")), request.headers
        )
        record.user = user.name
        call = read_call(self.store.resources, request.method, request.path, request.query)
        _note(record, call)
        fault = self.faults.take(call, user.name)
        if fault is not None and (reply := await _spoil(fault)) is not None:
            return reply
        self._authorizer.check(user, call)
        if call.resource is None:
            return discovery.serve(call, self.store.resources)
        if call.verb == "watch":
            record.status = 200
            return await self._watch(request, call, fault)
        if call.subresource == "proxy":
            return await forward(request, call, self.store, self.pod_networks)
        if call.verb in ("get", "list") and call.subresource in ("", "status"):
            return self._read(call, request.headers.get("Accept", ""))
        body = writes.Body(await request.read(), request.headers)
        if subresources.handles(call):
            return _reply(*subresources.serve(call, self.store, body, self._identities(user)))
        return self._write(call, body)

    def _identities(self, user: User) -> subresources.Identities:
        return subresources.Identities(user, self.tokens, self._authorizer)

    def _authenticate(self, header: str) -> User:
        scheme, _, token = header.partition(" ")
        if scheme.lower() == "bearer":
            if token in self.tokens:
                return self.tokens[token]
            raise unauthorized()
        return self._anonymous

    def _impersonate(self, user: User, headers: CIMultiDictProxy[str]) -> User:
        """The user to act as: another one when the headers say so and the real one may."""
        name = headers.get("Impersonate-User")
        if not name:
            return user
        self._authorizer.check(user, Call("impersonate", "", _USERS, name=name))
        return User(name, (*headers.getall("Impersonate-Group", ()), "system:authenticated"))

    async def _watch(self, request: web.Request, call: Call, fault: Fault | None) -> web.StreamResponse:
        table = TableFormat.wanted(request.headers.get("Accept", ""), call.target, self.store)
        return await serve_watch(
            request,
            call,
            self.store,
            bookmark_seconds=self.bookmark_seconds,
            fault=fault,
            render=table.one if table else lambda entry: reads.bytes_of(self.store, call.target, entry),
        )

    def _read(self, call: Call, accept: str) -> web.Response:
        resource = call.target
        table = TableFormat.wanted(accept, resource, self.store)
        if call.verb == "get":
            entry = self.store.find(resource, call.namespace, call.name)
            return _raw(table.one(entry) if table else reads.bytes_of(self.store, resource, entry))
        page = reads.read_page(call, self.store)
        return _raw(table.many(page) if table else reads.list_bytes(self.store, resource, page))

    def _write(self, call: Call, body: writes.Body) -> web.Response:
        created = call.verb == "create"
        match call.verb:
            case "create":
                entry = writes.create(call, self.store, body)
            case "update":
                entry = writes.update(call, self.store, body)
            case "patch":
                entry, created = writes.patch(call, self.store, body)
            case "delete":
                return self._deleted(call, *writes.delete(call, self.store, writes.read_deletion(call, body)))
            case _:
                gone = writes.delete_collection(call, self.store, writes.read_deletion(call, body))
                page = reads.Page(gone, {"resourceVersion": str(self.store.rv)})
                return _raw(reads.list_bytes(self.store, call.target, page))
        return _raw(reads.bytes_of(self.store, call.target, entry), 201 if created else 200)

    def _deleted(self, call: Call, entry: Entry, gone: bool) -> web.Response:
        if gone and not call.target.returns_deleted:
            return _reply(200, success(call.target, entry.name, entry.uid))
        return _raw(reads.bytes_of(self.store, call.target, entry))


def _note(record: Request, call: Call) -> None:
    record.verb, record.subresource = call.verb, call.subresource
    record.namespace, record.name = call.namespace, call.name
    if call.resource is not None:
        record.group, record.resource = call.resource.group, call.resource.plural


async def _spoil(fault: Fault) -> web.Response | None:
    """The reply that a fault gives in place of the right one, if it gives one."""
    if fault.latency:
        await asyncio.sleep(fault.latency)
    if fault.body is not None:
        headers = {"Content-Type": fault.content_type}
        return web.Response(body=fault.body, status=fault.status or 200, headers=headers)
    if fault.empty:
        return _raw(b"")
    return _refusal(fault.error()) if fault.status else None


def _refusal(error: StatusError) -> web.Response:
    response = _reply(error.code, error.body())
    seconds = (error.details or {}).get("retryAfterSeconds")
    if seconds is not None:
        response.headers["Retry-After"] = str(seconds)
    return response


def _reply(status: int, obj: Object) -> web.Response:
    return _raw(encode(obj), status)


def _raw(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type=_JSON)
