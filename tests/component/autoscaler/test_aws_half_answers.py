"""Answers of AWS that break off, or lack what they are about: nothing is concluded from them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest
from aiohttp import web

from addons.autoscaler.aws.interruptions import Interruptions
from addons.runtime.errors import Unavailable
from tests.support.as_aws import TAG, AsSite, as_site
from tests.support.permits import PERMIT

Spoil = Callable[[bytes], bytes]

SPOILS: dict[str, Spoil] = {
    "half": lambda body: body[: len(body) // 2],
    "empty": lambda body: b"",
    "another page": lambda body: b"<html><body>Bad gateway</body></html>",
    "nothing in it": lambda body: b"<Response/>",
}


class Spoiler:
    """Stands before AWS, and spoils the answers to the operations that `spoils` has."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.url = ""
        self.spoils: dict[str, Spoil] = {}

    async def serve(self, request: web.Request) -> web.Response:
        """Pass a request on, and its answer back."""
        body = await request.read()
        async with aiohttp.ClientSession() as session:
            reply = await session.request(
                request.method, self._url + request.path_qs, data=body, headers=request.headers
            )
            answer = await reply.read()
        asked = body + request.headers.get("X-Amz-Target", "").encode()
        for operation, spoil in self.spoils.items():
            if operation.encode() in asked:
                answer = spoil(answer)
        return web.Response(status=reply.status, body=answer, content_type=reply.content_type)


@asynccontextmanager
async def spoiler(site: AsSite) -> AsyncIterator[Spoiler]:
    """Run one on a free port."""
    it = Spoiler(site.endpoint.url)
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", it.serve)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    it.url = "http://{}:{}".format(*runner.addresses[0][:2])
    try:
        yield it
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("how", SPOILS)
class TestHalfAnswers:
    async def test_groups_stay_as_they_were_read_last(self, how: str) -> None:
        async with as_site() as site, spoiler(site) as between:
            site.group("a", 1)
            site.group("b", 1)
            async with site.door(nodes=("0:5:a",), discovery=(f"asg:tag={TAG}",), url=between.url) as door:
                await door.read()
                before = dict(door.groups.view)
                between.spoils["DescribeAutoScalingGroups"] = SPOILS[how]
                await door.read()
                await door.read("a", "b")
                assert dict(door.groups.view) == before
                assert {fault.about for fault in door.groups.faults()} >= {"auto scaling groups"}
                assert not [each for each in door.groups.problems if "no such group" in each.message]
                await asyncio.sleep(2.1)
                assert isinstance((await door.raise_to("a", 3)).error, Unavailable)
                assert site.desired("a") == 1

    @pytest.mark.parametrize(
        "operation",
        [
            "DescribeLaunchTemplateVersions",
            "DescribeSubnets",
            "DescribeScalingActivities",
        ],
    )
    async def test_what_belongs_to_groups_is_read_again_later(self, how: str, operation: str) -> None:
        async with as_site() as site, spoiler(site) as between:
            site.autoscaling.fail_launches()
            site.group("a", 1)
            async with site.door(discovery=(f"asg:tag={TAG}",), url=between.url) as door:
                between.spoils[operation] = SPOILS[how]
                await door.read()
                assert door["a"].desired == 1
                assert len(door.groups.faults()) == 1
                assert "rashed" not in door.groups.faults()[0].message

    async def test_types_are_known_from_the_table(self, how: str) -> None:
        async with as_site() as site, spoiler(site) as between:
            site.group("a", 1)
            async with site.door(discovery=(f"asg:tag={TAG}",), url=between.url) as door:
                between.spoils["DescribeInstanceTypes"] = SPOILS[how]
                await door.read()
                assert door.groups.types.known["m5.large"].pod_limit == 29

    async def test_orders_whose_answers_are_spoilt_are_told_and_seen(self, how: str) -> None:
        async with as_site() as site, spoiler(site) as between:
            for name in ("a", "b"):
                site.group(name, 2)
            async with site.door(discovery=(f"asg:tag={TAG}",), url=between.url) as door:
                await door.read()
                between.spoils["SetDesiredCapacity"] = SPOILS[how]
                between.spoils["TerminateInstanceInAutoScalingGroup"] = SPOILS[how]
                first = site.ids("b")[0]
                for outcome in (await door.raise_to("a", 3), await door.terminate("b", first)):
                    assert outcome.ok or isinstance(outcome.error, Unavailable)
                await door.read("a", "b")
                assert (door["a"].desired, door["b"].desired) == (3, 1)

    async def test_the_queue_is_read_again_later(self, how: str) -> None:
        async with as_site() as site, spoiler(site) as between:
            site.endpoint.sqs.create_queue("q")
            async with site.door(url=between.url) as door:
                queue = Interruptions(door.aws, f"{between.url}/123456789012/q", wait_seconds=0)
                between.spoils["ReceiveMessage"] = SPOILS[how]

                async def handle(notice: object) -> str:
                    raise AssertionError(notice)

                with suppress(Unavailable):
                    assert await queue.read_once(handle, PERMIT) == 0  # type: ignore[arg-type]
