"""One bad Ingress harms only itself: each row of the defect matrix, beside neighbours that are well."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.alb_world import World, ingress
from tests.support.until import until

pytestmark = pytest.mark.virtual_time

Object = dict[str, Any]


BREAKS: dict[str, Callable[[], Object]] = {
    "missing service": lambda: ingress("bad", "/bad=gone"),
    "missing port": lambda: ingress("bad", "/bad=bad:9999"),
    "missing named port": lambda: ingress("bad", "/bad=bad:nope"),
    "cluster ip and instance": lambda: ingress("bad", target_type="instance"),
    "backend protocol": lambda: ingress("bad", backend_protocol="GOPHER"),
    "health check": lambda: ingress("bad", healthcheck_interval_seconds="often"),
    "missing action": lambda: ingress("bad", "/bad=x:use-annotation"),
    "action is no json": lambda: ingress("bad", "/bad=x:use-annotation", actions__x="{"),
    "action redirects nowhere": lambda: ingress(
        "bad", "/bad=x:use-annotation", actions__x='{"type": "redirect", "redirectConfig": {}}'
    ),
    "condition is no json": lambda: ingress("bad", conditions__bad="["),
    "listen ports": lambda: ingress("bad", listen_ports='[{"HTTP": 99999}]'),
    "group order": lambda: ingress("bad", group__order="first"),
    "scheme": lambda: ingress("bad", scheme="public"),
    "conflicting scheme": lambda: ingress("bad", scheme="internet-facing"),
    "subnets": lambda: ingress("bad", subnets="nowhere, nothere"),
    "security groups": lambda: ingress("bad", security_groups="unknown"),
    "inbound cidrs": lambda: ingress("bad", inbound_cidrs="10.0.0.0/99"),
    "tags": lambda: ingress("bad", tags="no equals"),
    "load balancer attributes": lambda: ingress("bad", load_balancer_attributes="idle"),
    "class is gone": lambda: ingress("bad", in_class="gone"),
    "certificate": lambda: ingress(
        "bad",
        listen_ports='[{"HTTP": 80}, {"HTTPS": 443}]',
        certificate_arn="arn:aws:acm:eu-central-1:123456789012:certificate/00000000-0000-4000-8000-000000000000",
    ),
    "no certificate for the host": lambda: ingress(
        "bad", host="bad.example.com", listen_ports='[{"HTTP": 80}, {"HTTPS": 443}]'
    ),
    "login without a secret": lambda: ingress(
        "bad",
        auth_type="oidc",
        auth_idp_oidc='{"issuer": "https://x", "authorizationEndpoint": "https://x/a", '
        '"tokenEndpoint": "https://x/t", "userInfoEndpoint": "https://x/u", "secretName": "gone"}',
    ),
    "ssl redirect to nowhere": lambda: ingress("bad", ssl_redirect="8443"),
}


NOT_OURS_AT_FIRST = {"class is gone"}
"""Who never was ours and is of no known class may be anybody's: nothing is said about it."""

CASES = [
    pytest.param(name, when, id=f"{when}: {name}")
    for when in ("joins", "breaks")
    for name in BREAKS
    if when == "breaks" or name not in NOT_OURS_AT_FIRST
]


def first(*paths: str) -> Object:
    """The member that is healthy and says what all share."""
    return ingress("a", *paths, group__order="-1", scheme="internal")


@pytest.mark.parametrize(("name", "when"), CASES)
class TestNeighbours:
    """A broken member beside healthy ones, from the start or after it was served."""

    async def test_they_are_served_and_their_later_changes_go_live(
        self, world: World, name: str, when: str
    ) -> None:
        world.serve("a", "bad", "z", "new")
        world.ingresses(first("/a"), ingress("z", group__order="1"))
        if when == "breaks":
            world.ingresses(ingress("bad"))
        async with world.running():
            await world.is_served("a", "z", *(("bad",) if when == "breaks" else ()))
            await world.settles()
            world.ingresses(BREAKS[name]())
            await until(lambda: bool(world.notes("bad")))
            await world.settles()
            assert {path: leads for path, leads in world.rules().items() if "bad" not in path} == {
                "/a|/a/*": "a:80",
                "/z|/z/*": "z:80",
            }
            world.ingresses(first("/a", "/new=new"))
            await until(lambda: world.rules().get("/new|/new/*") == "new:80", seconds=2)
            await until(lambda: world.targets("new") == ["192.168.0.14:8080"])
            world.delete("z")
            await until(lambda: world.ingress("z") is None)
            assert (world.notes("a"), world.notes("z")) == ([], [])
            world.delete("bad", "a")
            await until(lambda: world.ingress("bad") is None and world.ingress("a") is None)
        assert world.things() == []
