"""A thousand pods ask at once, over sockets, the real server in front of the real controller."""

import asyncio
import json
from collections import Counter

import pytest

from tests.support.iamproxy_world import World, pod
from tests.support.metadata import ROLES, Client

PODS = 1000


def address(number: int) -> str:
    return f"127.1.{number // 250}.{number % 250 + 1}"


def create(world: World, roles: int) -> None:
    for number in range(roles):
        world.aws.sts.create_role(f"web-{number}")
    for number in range(PODS):
        world.create(pod(f"a-{number}", address(number), role=f"web-{number % roles}"))


async def role_of(world: World, port: int, number: int) -> str:
    """Ask as an SDK does, and again where it is told to come again; the role of the session it is given."""
    async with Client(port, source=address(number)) as web:
        name = await ask(web, ROLES)
        key = json.loads(await ask(web, ROLES + name))["AccessKeyId"]
    arn = world.aws.sts.sessions[key].role.arn
    assert arn.endswith(f":role/{name}")
    return name


async def ask(web: Client, path: str) -> str:
    while (reply := await web.get(path)).status == 503:
        pass
    assert reply.status == 200, reply
    return reply.text


@pytest.mark.parametrize("prefetch", ["--prefetch", "--no-prefetch"])
@pytest.mark.parametrize("roles", [1, 100])
async def test_as_many_calls_as_roles_and_everybody_is_answered(
    world: World, roles: int, prefetch: str
) -> None:
    create(world, roles)
    world.aws.sts.knobs.latency_seconds = 0.3
    async with world.running(prefetch, "--sts-rate=1000") as controller, world.serving(controller) as port:
        found = Counter(await asyncio.gather(*(role_of(world, port, number) for number in range(PODS))))
    assert found == {f"web-{number}": PODS // roles for number in range(roles)}
    assert world.calls == roles
    assert set(world.aws.sts.asked.values()) == {1}
