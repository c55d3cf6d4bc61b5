"""`addons iamproxy ask`, in a pod: what the daemon tells it, what EC2 tells it, and where nobody does."""

import asyncio

from addons.iamproxy.controller.ask import Told, ask
from addons.iamproxy.model.credentials import CredentialKey
from addons.runtime.errors import Denied
from addons.sim.imds import Imds
from tests.support.metadata import NO_ROLE, NOT_ALLOWED, World, grant
from tests.support.virtual import run_virtual, virtual_now


async def told_by(world: World) -> Told:
    return await ask(f"http://127.0.0.1:{world.port}", patience=30)


async def test_a_pod_is_told_its_role_also_where_tokens_are_required() -> None:
    async with World(imdsv2="required").running() as world:
        for role in ("reader", "arn:aws:iam::999999999999:role/team/etl@prod"):
            world.give(grant(role))
            told = await told_by(world)
            assert (told.role, told.reason) == (role, "")
            assert told.words.startswith(f"the role {role}, with the key ASIA")


async def test_a_refusal_has_its_words_and_its_reason() -> None:
    async with World().running() as world:
        for refusal in (NO_ROLE, NOT_ALLOWED):
            world.give(refusal)
            assert await told_by(world) == Told(refusal.message, reason=refusal.reason)


async def test_what_sts_denies_is_told_as_well() -> None:
    async def deny(key: CredentialKey) -> None:
        raise Denied("not authorized to perform: sts:AssumeRole")

    async with World().running() as world:
        world.give(grant())
        world.sts = deny
        told = await told_by(world)
        assert (told.role, told.reason) == ("", "AssumeRoleUnauthorizedAccess")
        assert "sts:AssumeRole" in told.words


def test_a_pod_that_is_not_known_yet_is_asked_for_again() -> None:
    async def story() -> tuple[Told, Told]:
        async with World(now=virtual_now).running() as world:
            asyncio.get_running_loop().call_later(5, world.give, grant())
            in_time = await told_by(world)
            world.is_trusted = False
            return in_time, await told_by(world)

    in_time, never = run_virtual(story())
    assert in_time.role == "reader"
    assert (never.reason, never.is_final) == ("PodUnknown", False)


async def test_what_ec2_tells_is_not_taken_for_a_refusal_of_ours() -> None:
    async with Imds() as imds:
        assert (await ask(imds.url, patience=0)).role == imds.instance.role
        told = await ask(f"{imds.url}/nowhere", patience=0)
        assert (told.role, told.reason, told.is_final) == ("", "", True)
        assert "this is not iamproxy" in told.words


async def test_where_nobody_answers_it_says_so() -> None:
    async with World().running() as world:
        port = world.port
    told = await ask(f"http://127.0.0.1:{port}", patience=0)
    assert told.words.startswith(f"nobody answers at http://127.0.0.1:{port}: ")
