"""A Kubernetes API server as a plain HTTP client sees it: the vocabulary of tests/contract."""

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp
import yaml

from tests.support.until import until

Object = dict[str, Any]

MERGE = "application/merge-patch+json"
JSON = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"

NO_QUERY: Mapping[str, str | int] = MappingProxyType({})


@dataclass(frozen=True)
class Reply:
    """What the server answered: the HTTP status and the object, which is a Status when it refuses."""

    status: int
    body: Object
    headers: Mapping[str, str]

    @property
    def reason(self) -> str:
        """The reason of a refusal, "" of a success."""
        return str(self.body.get("reason", "")) if self.body.get("kind") == "Status" else ""

    @property
    def meta(self) -> Object:
        """The metadata of the object or list."""
        return dict(self.body["metadata"])

    @property
    def version(self) -> str:
        """The resource version of the object or list."""
        return str(self.body["metadata"]["resourceVersion"])

    @property
    def names(self) -> list[str]:
        """The names of the items of a list, in its order."""
        return [item["metadata"]["name"] for item in self.body["items"]]


@dataclass
class Api:
    """One server, emulated or real, and a namespace in it that belongs to the test."""

    http: aiohttp.ClientSession
    url: str
    kubeconfig: Path
    tokens: Mapping[str, str]
    namespace: str
    trust: ssl.SSLContext | bool = True
    etcd: str = ""
    """Where the history of a real server is kept; the emulator keeps its own, which is short in tests."""

    def path(self, collection: str, name: str = "", *, namespace: str | None = None) -> str:
        """Return the path of a collection, "services" or "policy/v1/evictions", or of one object in it."""
        *group, plural = collection.split("/")
        prefix = f"/apis/{'/'.join(group)}" if group else "/api/v1"
        tail = f"{plural}/{name}" if name else plural
        return f"{prefix}/namespaces/{namespace or self.namespace}/{tail}"

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        media: str = "application/json",
        user: str = "admin",
        token: str | None = None,
        query: Mapping[str, str | int] = NO_QUERY,
    ) -> Reply:
        """Send one request and read the whole answer; `token` overrides that of `user`, "" sends none."""
        secret = self.tokens[user] if token is None else token
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        data = None
        if body is not None:
            headers["Content-Type"] = media
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = self.http.request(
            method, self.url + path, params=query, headers=headers, data=data, ssl=self.trust
        )
        async with request as response:
            content = await response.read()
            decoded = json.loads(content) if "json" in response.content_type else {"text": content.decode()}
            return Reply(response.status, decoded, response.headers)

    async def get(self, path: str, **query: str | int) -> Reply:
        """Read an object or list a collection."""
        return await self.call("GET", path, query=query)

    async def create(self, collection: str, body: Object, **query: str | int) -> Reply:
        """Create an object in the namespace."""
        return await self.call("POST", self.path(collection), body, query=query)

    async def made(self, collection: str, body: Object) -> Object:
        """Create an object that the test takes for granted, and return it as stored."""
        reply = await self.create(collection, body)
        assert reply.status == 201, reply.body
        return reply.body

    async def put(self, path: str, body: Object, **query: str | int) -> Reply:
        """Replace an object."""
        return await self.call("PUT", path, body, query=query)

    async def patch(self, path: str, body: object, media: str = MERGE, **query: str | int) -> Reply:
        """Patch an object, by merge unless told otherwise."""
        return await self.call("PATCH", path, body, media=media, query=query)

    async def delete(self, path: str, body: Object | None = None, **query: str | int) -> Reply:
        """Delete an object or a collection; `body` holds DeleteOptions."""
        return await self.call("DELETE", path, body, query=query)

    async def watch(self, path: str, **query: str | int) -> AsyncGenerator[Object]:
        """Yield the events of one watch request until the server ends it."""
        headers = {"Authorization": f"Bearer {self.tokens['admin']}"}
        request = self.http.get(
            self.url + path, params={"watch": "true", **query}, headers=headers, ssl=self.trust
        )
        async with request as response:
            assert response.status == 200, await response.text()
            async for line in response.content:
                yield json.loads(line)

    async def events(self, path: str, count: int, **query: str | int) -> list[Object]:
        """Return the first `count` events of a watch; fewer within 20 s fail the test."""
        async with asyncio.timeout(20), aclosing(self.watch(path, **query)) as stream:
            return [await anext(stream) for _ in range(count)]

    async def all_events(self, path: str, seconds: int = 1, **query: str | int) -> list[Object]:
        """Return every event of a watch that the server is asked to end after some seconds."""
        return [event async for event in self.watch(path, timeoutSeconds=seconds, **query)]

    async def define(self, plural: str) -> str:
        """Define a custom resource in a group of the test's own; return its path in the namespace."""
        group = f"{self.namespace}.example.org"
        body = definition(group, plural)
        made = await self.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body)
        assert made.status == 201, made.body
        path = self.path(f"{group}/v1/{plural}")
        await self.until(lambda: self.get(path), lambda reply: reply.status == 200)
        return path

    async def forget(self, version: str) -> None:
        """Let a real server forget what was before this version, as it does by itself every five minutes."""
        if self.etcd:
            async with self.http.post(f"{self.etcd}/v3/kv/compaction", json={"revision": version}) as reply:
                assert reply.status == 200, await reply.text()

    async def until(self, ask: Callable[[], Awaitable[Reply]], accept: Callable[[Reply], bool]) -> Reply:
        """Ask until the answer is accepted, for what a controller does in its own time."""

        async def look() -> Reply | None:
            reply = await ask()
            return reply if accept(reply) else None

        accepted: Reply = await until(look, pause=0.1)
        return accepted


@asynccontextmanager
async def connect(
    kubeconfig: Path, tokens: Mapping[str, str], namespace: str, etcd: str = ""
) -> AsyncIterator[Api]:
    """Open a client for the server that a kubeconfig names, and make the namespace."""
    cluster = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]
    async with aiohttp.ClientSession(read_bufsize=1 << 22) as http:
        api = Api(http, cluster["server"], kubeconfig, tokens, namespace, _trust(cluster), etcd)
        made = await api.call("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
        assert made.status == 201, made.body
        yield api
    await asyncio.sleep(0.01)  # an aborted TLS connection closes its socket a few turns of the loop later


def _trust(cluster: Mapping[str, str]) -> ssl.SSLContext | bool:
    if data := cluster.get("certificate-authority-data"):
        return ssl.create_default_context(cadata=base64.b64decode(data).decode())
    if file := cluster.get("certificate-authority"):
        return ssl.create_default_context(cafile=file)
    return True


def config_map(name: str, labels: Mapping[str, str] | None = None, **data: str) -> Object:
    """Return a ConfigMap: the object without a controller, so that only the test changes it."""
    return {"metadata": {"name": name, "labels": dict(labels or {})}, "data": data}


def pod(name: str, labels: Mapping[str, str] | None = None, *, node: str = "") -> Object:
    """Return a pod; one with a node is deleted gracefully, one without at once."""
    spec: Object = {"containers": [{"name": "main", "image": "local/busybox:1"}]}
    if node:
        spec["nodeName"] = node
    return {"metadata": {"name": name, "labels": dict(labels or {})}, "spec": spec}


def service(name: str, **spec: object) -> Object:
    """Return a Service with one port."""
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


def definition(group: str, plural: str) -> Object:
    """Return a CustomResourceDefinition with a status subresource and a schema that admits any spec."""
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": free, "status": free}}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    kind = plural.removesuffix("s").capitalize()
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }
