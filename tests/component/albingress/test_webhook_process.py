"""The webhook as the process that the chart starts: with its rights alone it is trusted and gives gates."""

import json
import os
import ssl
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from addons.sim.kubeapi.server import KubeApi
from addons.sim.ports import free_port
from tests.support.alb_targets import service
from tests.support.alb_world import definitions
from tests.support.charts import CHARTS, Object, Values, installed, is_webhook, render, values
from tests.support.helm import NAMESPACE, PLURALS, granted_to, used
from tests.support.processes import run, running
from tests.support.until import until

ADMISSION = "admissionregistration.k8s.io/v1"
NAME = "aws-albingress-webhook"
BINDINGS = ("elbv2.k8s.aws/v1beta1", "targetgroupbindings")
SHOP: Values = {"config": {"watchNamespace": "shop"}}


def given(*more: Values) -> list[Object]:
    """What the chart makes for the webhook."""
    found = installed(render(values(*more, chart="albingress"), CHARTS / "albingress"))
    return [obj for obj in found if is_webhook(obj)]


def make(api: KubeApi, *more: Values) -> None:
    """Have the API server hold what the chart makes, and a user's binding of a Service."""
    api.store.create("v1", "namespaces", {"metadata": {"name": "shop"}})
    for obj in definitions():
        api.store.create("apiextensions.k8s.io/v1", "customresourcedefinitions", obj)
    for obj in given(*more):
        if obj["kind"] != "Deployment":
            api.store.create(obj["apiVersion"], PLURALS[obj["kind"]], obj)
    web = service()
    web["metadata"]["namespace"] = "shop"
    api.store.create("v1", "services", web)
    spec = {"targetGroupName": "mine", "targetType": "ip", "serviceRef": {"name": "web", "port": 80}}
    api.store.create(*BINDINGS, {"metadata": {"name": "mine", "namespace": "shop"}, "spec": spec})


def bundle(api: KubeApi) -> str:
    """Whom the API server trusts, as PEM."""
    (hook,) = api.store.get(ADMISSION, "mutatingwebhookconfigurations", "", f"{NAME}.{NAMESPACE}")["webhooks"]
    return b64decode(hook["clientConfig"].get("caBundle", "")).decode()


async def ask(port: int, trusted: str, pod: Any) -> Any:
    """Ask as the API server does: by the name of the Service, trusting the bundle alone."""
    context = ssl.create_default_context(cadata=trusted)
    review = {"request": {"uid": "u", "namespace": "shop", "object": pod}}
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http,
        http.post(
            f"https://127.0.0.1:{port}/mutate", json=review, server_hostname=f"{NAME}.{NAMESPACE}.svc"
        ) as reply,
    ):
        return await reply.json()


async def page(port: int, path: str) -> tuple[int, str]:
    """What its status server answers; 0 while it does not."""
    try:
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}{path}") as reply:
            return reply.status, await reply.text()
    except aiohttp.ClientError:
        return 0, ""


@pytest.mark.parametrize("more", [(), (SHOP,)], ids=["everywhere", "one namespace"])
async def test_it_gives_gates_with_exactly_the_rights_that_the_chart_gives(
    more: tuple[Values, ...], tmp_path: Path
) -> None:
    async with KubeApi(tls=True, tokens={}, rbac=True) as api:
        make(api, *more)
        user = f"system:serviceaccount:{NAMESPACE}:{NAME}"
        api.add_user(user, groups=("system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}"))
        (tmp_path / "kubeconfig").write_text(api.kubeconfig(user))
        port, status = free_port(), free_port()
        command = (
            *(sys.executable, "-m", "addons", "albingress", "webhook", f"--webhook-name={NAME}"),
            *(f"--kubeconfig={tmp_path / 'kubeconfig'}", f"--listen=127.0.0.1:{status}"),
            *(f"--webhook-listen=127.0.0.1:{port}", "--cluster-name=prod"),
            *(["--watch-namespace=shop"] if more else []),
        )
        env = os.environ | {"POD_NAME": "a", "POD_NAMESPACE": NAMESPACE, "POD_UID": "u"}
        async with running(*command, env=env) as process:

            async def is_ready() -> bool:
                return (await page(status, "/readyz"))[0] == 200

            await until(is_ready, "it is ready")
            pod = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "a"}]}}
            answer = (await ask(port, bundle(api), pod))["response"]
            (step,) = json.loads(b64decode(answer["patch"]))
            assert step["value"] == [{"conditionType": "target-health.elbv2.k8s.aws/mine"}]
            counted = 'addons_albingress_webhook_reviews_total{outcome="gated"} 1.0'
            assert counted in (await page(status, "/metrics"))[1]
            process.terminate()
            assert await process.wait() == 0
        permitted = granted_to(api, NAME)
        spare = {each for each in permitted if each[0] == "list"}  # for API servers that stream no lists
        spare.add(("patch", "", "secrets"))  # for a Secret that was broken
        assert used(api, NAME) == permitted - spare


async def test_without_its_rights_it_says_what_it_cannot_read_and_gives_no_gates(tmp_path: Path) -> None:
    async with KubeApi(tls=True, tokens={}, rbac=True) as api:
        make(api)
        role = api.store.get("rbac.authorization.k8s.io/v1", "clusterroles", "", f"{NAMESPACE}:{NAME}")
        role["rules"] = [rule for rule in role["rules"] if "services" not in rule["resources"]]
        api.store.update("rbac.authorization.k8s.io/v1", "clusterroles", role)
        user = f"system:serviceaccount:{NAMESPACE}:{NAME}"
        api.add_user(user, groups=("system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}"))
        (tmp_path / "kubeconfig").write_text(api.kubeconfig(user))
        port, status = free_port(), free_port()
        command = (
            *(sys.executable, "-m", "addons", "albingress", "webhook", f"--webhook-name={NAME}"),
            *(f"--kubeconfig={tmp_path / 'kubeconfig'}", f"--listen=127.0.0.1:{status}"),
            *(f"--webhook-listen=127.0.0.1:{port}", "--cluster-name=prod"),
        )
        env = os.environ | {"POD_NAME": "a", "POD_NAMESPACE": NAMESPACE, "POD_UID": "u"}
        async with running(*command, env=env):

            async def says() -> bool:
                code, text = await page(status, "/readyz")
                return code == 503 and "services cannot be read" in text

            await until(says, "it says so")
            pod = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "a"}]}}
            answer = (await ask(port, bundle(api), pod))["response"]
            assert answer == {"uid": "u", "allowed": True}


async def test_a_place_where_it_cannot_listen_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    async with KubeApi() as api:
        (tmp_path / "kubeconfig").write_text(api.kubeconfig())
        command = (sys.executable, "-m", "addons", "albingress", "webhook", "--listen=nowhere")
        ended = await run(*command, f"--kubeconfig={tmp_path / 'kubeconfig'}", "--cluster-name=prod")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "--listen" in ended.err
