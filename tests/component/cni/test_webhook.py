"""The webhook: whom the API server trusts, and what it is answered."""

import asyncio
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from addons.admission.authorities import CONFIGURATIONS, SECRETS
from addons.admission.server import Webhook
from addons.admission.trust import Trust
from addons.cni.controller.webhook import authorities, webhook
from addons.cni.names import WEBHOOK
from addons.runtime.kube import KubeClient
from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support.until import until

NAME = "aws-addons-cni"
CONFIGURATION = f"{NAME}.default"
NOW = datetime.now(UTC)


class Place:
    """An API server with the configuration of the chart, and as many replicas of the webhook as wanted."""

    def __init__(self, api: KubeApi, kube: KubeClient) -> None:
        self.api, self.kube = api, kube
        self.now = NOW

    def replica(self) -> tuple[Trust, Webhook, int]:
        port = free_port()
        door = webhook(f"127.0.0.1:{port}")
        shared = authorities(self.kube, namespace="default", name=NAME)
        return Trust(shared, door, host="localhost", now=lambda: self.now), door, port

    async def bundle(self) -> str:
        """Whom the API server trusts, as PEM; empty when nobody told it."""
        found = await self.kube.get(CONFIGURATIONS, _Configuration, name=CONFIGURATION)
        return b64decode(found.webhooks[0].get("clientConfig", {}).get("caBundle", "")).decode()

    async def ask(self, port: int, body: Any) -> tuple[int, Any]:
        """Ask as the API server does: TLS with the name of the Service, and trust in the bundle alone."""
        trusted = ssl.create_default_context(cadata=await self.bundle())
        connector = aiohttp.TCPConnector(ssl=trusted)
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        async with (
            aiohttp.ClientSession(connector=connector) as http,
            http.post(f"https://localhost:{port}/mutate", data=data) as reply,
        ):
            return reply.status, await reply.json()


class _Configuration(msgspec.Struct):
    webhooks: list[dict[str, Any]]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with KubeApi() as api:
        (tmp_path / "kubeconfig").write_text(api.kubeconfig())
        async with KubeClient.connect(str(tmp_path / "kubeconfig")) as kube:
            hook = {
                "name": WEBHOOK,
                "clientConfig": {"service": {"name": NAME, "namespace": "default"}},
                "admissionReviewVersions": ["v1"],
                "sideEffects": "None",
                "failurePolicy": "Ignore",
            }
            await kube.create(CONFIGURATIONS, {"metadata": {"name": CONFIGURATION}, "webhooks": [hook]})
            yield Place(api, kube)


@asynccontextmanager
async def serving(webhook: Webhook) -> AsyncIterator[None]:
    stopping = asyncio.Event()
    task = asyncio.create_task(webhook.serve(stopping))
    try:
        yield
    finally:
        stopping.set()
        await task


def review(pod: Any) -> dict[str, Any]:
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {"uid": "u1", "object": pod},
    }


async def test_a_new_pod_is_answered_with_its_limit_over_a_certificate_that_is_trusted(place: Place) -> None:
    trust, webhook, port = place.replica()
    async with serving(webhook):
        await trust.ensure()
        status, answer = await place.ask(port, review({"spec": {"containers": [{"name": "a"}]}}))
    assert status == 200
    assert answer["response"]["uid"] == "u1"
    assert answer["response"]["patchType"] == "JSONPatch"
    (step,) = msgspec.json.decode(b64decode(answer["response"]["patch"]))
    assert step["value"]["limits"] == {"aws-addons.io/pod-ip": "1"}


async def test_a_pod_of_the_hosts_network_is_let_through_unchanged(place: Place) -> None:
    trust, webhook, port = place.replica()
    async with serving(webhook):
        await trust.ensure()
        _, answer = await place.ask(port, review({"spec": {"hostNetwork": True, "containers": [{}]}}))
    assert answer["response"] == {"uid": "u1", "allowed": True}


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", {"request": None}, {"request": {"uid": "u"}}])
async def test_what_is_no_review_is_refused_and_harms_nobody(place: Place, body: Any) -> None:
    trust, webhook, port = place.replica()
    async with serving(webhook):
        await trust.ensure()
        assert (await place.ask(port, body))[0] == 400
        assert (await place.ask(port, review({"spec": {"containers": [{}]}})))[0] == 200


async def test_replicas_that_begin_at_once_share_one_authority(place: Place) -> None:
    replicas = [place.replica() for _ in range(3)]
    async with serving(replicas[0][1]), serving(replicas[1][1]), serving(replicas[2][1]):
        await asyncio.gather(*(trust.ensure() for trust, _, _ in replicas))
        for _, _, port in replicas:
            assert (await place.ask(port, review({"spec": {"containers": [{}]}})))[0] == 200


async def test_an_authority_that_ends_is_replaced_and_trusted(place: Place) -> None:
    trust, webhook, _ = place.replica()
    async with serving(webhook):
        await trust.ensure()
        before = await place.bundle()
        place.now = NOW + timedelta(days=3640)
        await trust.ensure()
        assert await place.bundle() not in ("", before)


async def test_a_secret_that_cannot_be_read_is_replaced(place: Place) -> None:
    secret = {"metadata": {"name": NAME}, "type": "Opaque", "data": {"tls.crt": "bm8=", "tls.key": "bm8="}}
    await place.kube.create(SECRETS, secret, namespace="default")
    trust, webhook, port = place.replica()
    async with serving(webhook):
        await trust.ensure()
        assert (await place.ask(port, review({"spec": {"containers": [{}]}})))[0] == 200


async def test_its_secret_belongs_to_the_configuration_and_goes_with_it(place: Place) -> None:
    trust, _, _ = place.replica()
    await trust.ensure()
    (owner,) = place.api.store.get("v1", "secrets", "default", NAME)["metadata"]["ownerReferences"]
    group = "admissionregistration.k8s.io/v1"
    (found,) = place.api.store.list(group, "mutatingwebhookconfigurations")
    expected = (group, found["kind"], CONFIGURATION, found["metadata"]["uid"])
    assert tuple(owner[key] for key in ("apiVersion", "kind", "name", "uid")) == expected


async def test_nothing_is_ready_before_there_is_a_certificate(place: Place) -> None:
    trust, webhook, _ = place.replica()
    assert webhook.not_ready() == "there is no certificate yet"
    await trust.ensure()
    assert webhook.not_ready() == ""


async def test_a_configuration_that_is_away_is_told_and_tried_again(place: Place) -> None:
    await place.kube.delete(CONFIGURATIONS, name=CONFIGURATION)
    trust, _, _ = place.replica()
    stopping = asyncio.Event()
    task = asyncio.create_task(trust.run(stopping))
    try:
        await until(lambda: "mutatingwebhookconfigurations" in trust.error, "the error")
    finally:
        stopping.set()
        await task
