"""Logins: never left out, written again only when the secret has changed, whoever restarts."""

import asyncio
import base64
from typing import Any

import pytest

from tests.support.alb_world import World, ingress
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

OIDC = (
    '{"issuer": "https://idp.example", "authorizationEndpoint": "https://idp.example/a", '
    '"tokenEndpoint": "https://idp.example/t", "userInfoEndpoint": "https://idp.example/u", '
    '"secretName": "login"}'
)


def login(world: World, secret: str) -> None:
    """Make the Secret of the client, or change it."""
    data = {"clientID": "us", "clientSecret": secret}
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    obj = {"metadata": {"name": "login", "namespace": "default"}, "data": encoded}
    if world.api.store.list("v1", "secrets"):
        world.api.store.update("v1", "secrets", obj)
    else:
        world.create(obj, kind="secrets")


def https(world: World) -> dict[str, str]:
    """The annotations of an Ingress that is reached by HTTPS, and asks for a login."""
    certificate = world.aws.acm.issue("www.example.com").arn
    ports = '[{"HTTPS": 443}]'
    return {
        "listen_ports": ports,
        "certificate_arn": certificate,
        "auth_type": "oidc",
        "auth_idp_oidc": OIDC,
    }


def noted(annotations: dict[str, str]) -> Any:
    """The metadata of the Ingress with one annotation more, which means nothing."""
    metadata = ingress("web", **annotations)["metadata"]
    return {**metadata, "annotations": {**metadata["annotations"], "example.com/note": "x"}}


async def test_a_secret_is_given_once_and_again_when_it_changes(world: World) -> None:
    world.serve("web")
    login(world, "first")
    annotations = https(world)
    async with world.running():
        world.ingresses(ingress("web", **annotations))
        await until(lambda: world.rules(443) == {"/web|/web/*": "authenticate-oidc then web:80"})
        await world.settles()
        world.aws.calls.clear()
        world.ingresses(ingress("web", **annotations) | {"metadata": noted(annotations)})
        await asyncio.sleep(60)
        assert world.calls() == []
        login(world, "second")
        await until(lambda: world.calls("ModifyRule") == ["ModifyRule"])
        await world.settles()
    world.aws.calls.clear()
    async with world.running():
        await asyncio.sleep(60)
    assert world.changes() == []


async def test_without_its_secret_nobody_gets_in_and_the_rule_stays_as_it_is(world: World) -> None:
    world.serve("web")
    async with world.running():
        annotations = https(world)
        world.ingresses(ingress("web", **annotations))
        await until(lambda: world.rules(443) == {"/web|/web/*": "503"})
        login(world, "first")
        await until(lambda: world.rules(443) == {"/web|/web/*": "authenticate-oidc then web:80"})
        world.api.store.delete("v1", "secrets", "default", "login")
        await until(lambda: "BrokenRule" in world.events("web", "Warning"))
        await asyncio.sleep(60)
        assert world.rules(443) == {"/web|/web/*": "authenticate-oidc then web:80"}


@pytest.mark.parametrize(
    ("flag", "rules"),
    [
        ("--auth-on-http=protect", {"/web|/web/*": "503"}),
        ("--auth-on-http=forward", {"/web|/web/*": "web:80"}),
    ],
)
async def test_on_http_nobody_gets_in_unless_a_setting_says_so(
    world: World, flag: str, rules: dict[str, str]
) -> None:
    world.serve("web")
    login(world, "first")
    async with world.running(flag):
        world.ingresses(ingress("web", auth_type="oidc", auth_idp_oidc=OIDC))
        await until(lambda: world.rules() == rules)
        await world.settles()
        assert ("AuthenticationOnHttp" in world.events("web", "Warning")) == (flag.endswith("protect"))


async def test_beside_https_what_comes_by_http_is_sent_there(world: World) -> None:
    world.serve("web")
    login(world, "first")
    async with world.running():
        both = https(world) | {"listen_ports": '[{"HTTP": 80}, {"HTTPS": 443}]'}
        world.ingresses(ingress("web", **both))
        await until(lambda: world.rules(443) == {"/web|/web/*": "authenticate-oidc then web:80"})
        assert world.rules(80) == {"/web|/web/*": "redirect"}
