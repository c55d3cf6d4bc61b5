"""The webhook as the process that the chart starts: it makes itself trusted, and ends when it is told to."""

import asyncio
import json
import os
import ssl
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import aiohttp

from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support.charts import CHARTS, Object, installed, is_webhook, render, values
from tests.support.helm import NAMESPACE, PLURALS, granted_to, used
from tests.support.processes import run, running
from tests.support.until import until

ADMISSION = "admissionregistration.k8s.io/v1"
NAME = "aws-cni-webhook"
CONFIGURATION = f"{NAME}.{NAMESPACE}"


def given() -> list[Object]:
    """What the chart makes for the webhook."""
    return [obj for obj in installed(render(values(chart="cni"), CHARTS / "cni")) if is_webhook(obj)]


def make(api: KubeApi) -> None:
    """Have the API server hold what the chart makes."""
    for obj in given():
        if obj["kind"] != "Deployment":
            api.store.create(obj["apiVersion"], PLURALS[obj["kind"]], obj)


def bundle(api: KubeApi) -> str:
    """Whom the API server trusts, as PEM."""
    (hook,) = api.store.get(ADMISSION, "mutatingwebhookconfigurations", "", CONFIGURATION)["webhooks"]
    return b64decode(hook["clientConfig"].get("caBundle", "")).decode()


async def ask(port: int, trusted: str, pod: Any) -> Any:
    """Ask as the API server does: by the name of the Service, trusting the bundle alone."""
    context = ssl.create_default_context(cadata=trusted)
    review = {"request": {"uid": "u", "object": pod}}
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http,
        http.post(
            f"https://127.0.0.1:{port}/mutate", json=review, server_hostname=f"{NAME}.{NAMESPACE}.svc"
        ) as reply,
    ):
        return await reply.json()


async def readiness(port: int) -> int:
    """What its probe is told."""
    try:
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/readyz") as reply:
            return reply.status
    except aiohttp.ClientError:
        return 0


async def serve_once(api: KubeApi, folder: Path) -> None:
    """Run it until it has answered for a pod, and end it."""
    port, status = free_port(), free_port()
    command = (
        *(sys.executable, "-m", "addons", "cni", "webhook", f"--webhook-name={NAME}"),
        *(f"--kubeconfig={folder / 'kubeconfig'}", f"--listen=127.0.0.1:{status}"),
        f"--webhook-listen=127.0.0.1:{port}",
    )
    env = os.environ | {"POD_NAME": "a", "POD_NAMESPACE": NAMESPACE, "POD_UID": "u"}
    async with running(*command, env=env) as process:

        async def is_ready() -> bool:
            return await readiness(status) == 200

        await until(is_ready, "it is ready")
        answer = await ask(port, bundle(api), {"spec": {"containers": [{"name": "a"}]}})
        assert json.loads(b64decode(answer["response"]["patch"]))
        process.terminate()
        async with asyncio.timeout(10):
            assert await process.wait() == 0


async def test_it_serves_with_exactly_the_rights_that_the_chart_gives(tmp_path: Path) -> None:
    """Also when its Secret was broken meanwhile, which it then replaces."""
    async with KubeApi(tls=True, tokens={}, rbac=True) as api:
        make(api)
        user = f"system:serviceaccount:{NAMESPACE}:{NAME}"
        api.add_user(user, groups=("system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}"))
        (tmp_path / "kubeconfig").write_text(api.kubeconfig(user))
        await serve_once(api, tmp_path)
        secret = api.store.get("v1", "secrets", NAMESPACE, NAME)
        secret["data"]["tls.key"] = "bm8="
        api.store.update("v1", "secrets", secret)
        await serve_once(api, tmp_path)
        assert used(api, NAME) == granted_to(api, NAME)


async def test_a_place_where_it_cannot_listen_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    async with KubeApi() as api:
        (tmp_path / "kubeconfig").write_text(api.kubeconfig())
        command = (sys.executable, "-m", "addons", "cni", "webhook", "--listen=nowhere")
        ended = await run(*command, f"--kubeconfig={tmp_path / 'kubeconfig'}")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "--listen" in ended.err
