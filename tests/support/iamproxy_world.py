"""A world for the controller of iamproxy: an emulated API server, a strict STS and a cni."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from addons.cni.server.views import AssignmentRow
from addons.iamproxy import names
from addons.iamproxy.config import ENV_PREFIXES, Config
from addons.iamproxy.controller.build import build_controller, build_metadata, connected
from addons.iamproxy.controller.node import Controller
from addons.iamproxy.model.verdicts import Grant
from addons.iamproxy.server.limits import ServerLimits
from addons.iamproxy.server.listener import MetadataServer
from addons.iamproxy.server.node_keys import NodeKeys
from addons.runtime.clock import utc_now
from addons.runtime.settings import load
from addons.sim.aws.server import AwsEndpoint
from addons.sim.kubeapi.server import KubeApi

NODE = "node-1"
BASE = "arn:aws:iam::123456789012:role/"

Object = dict[str, Any]


def pod(
    name: str,
    ip: str = "",
    *,
    role: str = "",
    namespace: str = "prod",
    node: str = NODE,
    annotations: Mapping[str, str] | None = None,
) -> Object:
    said = {**(annotations or {}), **({names.ROLE: role} if role else {})}
    return {
        "metadata": {"name": name, "namespace": namespace, "annotations": said},
        "spec": {
            "nodeName": node,
            "serviceAccountName": "runner",
            "containers": [{"name": "main", "image": "busybox"}],
        },
        "status": {"phase": "Running" if ip else "Pending", **addresses(ip)},
    }


def addresses(ip: str) -> Object:
    return {"podIP": ip, "podIPs": [{"ip": ip}]} if ip else {}


class FakeCni:
    """Tells on a unix socket which pod was given which address, in the rows of our cni."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.given: list[AssignmentRow] = []
        self.reads = 0
        self.status = 200

    def give(self, ip: str, obj: Object) -> None:
        """Give an address to a pod, in place of whoever had it."""
        meta = obj["metadata"]
        self.take(ip)
        self.given.append(
            AssignmentRow(
                ip=ip,
                container_id=meta["uid"].replace("-", "") * 2,
                if_name="eth0",
                pod_namespace=meta["namespace"],
                pod_name=meta["name"],
                pod_uid=meta["uid"],
                eni_id="eni-1",
                since="2026-01-02T03:04:05Z",
            )
        )

    def take(self, ip: str) -> None:
        """Take an address from whoever has it."""
        self.given = [each for each in self.given if each.ip != ip]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen."""
        app = web.Application()
        app.router.add_get("/v1/assignments", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.UnixSite(runner, str(self.path)).start()
        try:
            yield
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.reads += 1
        body = msgspec.json.encode(self.given)
        return web.Response(status=self.status, body=body, content_type="application/json")


class World:
    """An API server with a namespace that permits every role of the account, and STS; `now` is our clock."""

    def __init__(
        self, api: KubeApi, aws: AwsEndpoint, folder: Path, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self.now = now
        self.api = api
        self.aws = aws
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(api.kubeconfig())
        self.namespace("prod", "*")

    def namespace(self, name: str, *allowed: str, **labels: str) -> None:
        """Create a namespace that permits some roles."""
        annotations = {names.ALLOWED_ROLES: json.dumps(allowed)}
        body = {"metadata": {"name": name, "annotations": annotations, "labels": labels}}
        self.api.store.create("v1", "namespaces", body)

    def create(self, obj: Object) -> Object:
        """Create a pod; the pod as it is then."""
        created: Object = self.api.store.create("v1", "pods", obj)
        return created

    def update(self, obj: Object, **status: Any) -> Object:
        """Change the status of a pod."""
        meta = obj["metadata"]
        current = self.api.store.get("v1", "pods", meta["namespace"], meta["name"])
        current = {**current, "status": {**current["status"], **status}}
        updated: Object = self.api.store.update("v1", "pods", current)
        return updated

    def delete(self, obj: Object, *, grace_seconds: int = 0) -> None:
        """Delete a pod, at once or as one that has time to end."""
        meta = obj["metadata"]
        self.api.store.delete("v1", "pods", meta["namespace"], meta["name"], grace_seconds=grace_seconds)

    @property
    def calls(self) -> int:
        """How often a role was asked of STS."""
        return self.aws.sts.calls["AssumeRole"] + self.aws.sts.calls["AssumeRoleWithWebIdentity"]

    def events(self) -> set[tuple[str, str]]:
        """Object and reason of every Event."""
        found = self.api.store.list("events.k8s.io/v1", "events")
        return {(event["regarding"]["name"], event["reason"]) for event in found}

    def _config(self, *flags: str) -> Config:
        argv = (
            *(f"--node={NODE}", f"--base-role-arn={BASE}", f"--cni-socket={self.folder}/cni"),
            *(f"--kubeconfig={self.kubeconfig}", f"--aws-endpoint-url={self.aws.url}"),
            *("--aws-region=eu-central-1", "--sts-rate=1000"),
        )
        return load(Config, (*argv, *flags), {}, env_prefixes=ENV_PREFIXES)

    @asynccontextmanager
    async def controller(
        self, *flags: str, uncovered: Callable[[], str] = lambda: ""
    ) -> AsyncIterator[Controller]:
        """A controller with its caches running; it does not reconcile by itself yet."""
        config = self._config(*flags)
        async with connected(config) as parts:
            self.parts, self.decisions = parts, parts.decisions
            made = build_controller(config, parts, uncovered=uncovered, now=self.now)
            stopping = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                for service in (made.watches.run, made.assignments.run, parts.events.run):
                    group.create_task(service(stopping))
                yield made
                stopping.set()

    @asynccontextmanager
    async def running(
        self, *flags: str, uncovered: Callable[[], str] = lambda: ""
    ) -> AsyncIterator[Controller]:
        """A controller that reconciles, with its caches filled."""
        async with self.controller(*flags, uncovered=uncovered) as made:
            stopping = asyncio.Event()
            task = asyncio.create_task(made.run(stopping))
            await made.watches.wait_settled()
            yield made
            stopping.set()
            await task

    @asynccontextmanager
    async def serving(self, controller: Controller, limits: ServerLimits | None = None) -> AsyncIterator[int]:
        """Serve pods, which have addresses of 127.0.0.0/8, as the daemon does; the port on 127.0.0.1."""
        metadata = build_metadata(
            self._config("--metadata-allow="),
            addresses=controller.addresses,
            credentials=controller.credentials,
            node_keys=NodeKeys(_no_key),
            write_audit=_unheard,
            limits=limits,
            now=self.now,
        )
        server, stopping = MetadataServer(metadata, [("127.0.0.1", 0)]), asyncio.Event()
        task = asyncio.create_task(server.serve(stopping))
        while not server.addresses and not task.done():
            await asyncio.sleep(0)
        try:
            yield server.addresses[0][1]
        finally:
            stopping.set()
            await task


def _unheard(line: bytes) -> None:
    return None


async def _no_key(key: str) -> str | None:
    return None


async def holder(controller: Controller, ip: str, seconds: float = 0.9) -> str:
    """The name of the pod whose role an address is granted, the reason of a refusal, or "" for unknown."""
    found = await controller.addresses.wait(ip, seconds)
    if found is None:
        return ""
    return found.pod.name if isinstance(found, Grant) else found.reason


async def key_of(controller: Controller, ip: str) -> Any:
    """The key of the credentials that an address is granted."""
    found = await controller.addresses.wait(ip, 5)
    assert isinstance(found, Grant), found
    return found.key
