"""The region of a daemon whose settings do not name it: looked for until it is found, and told meanwhile."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random

from addons.runtime.aws import NO_REGION, AwsSession
from addons.runtime.backoff import Backoff
from addons.runtime.outcomes import Fault
from addons.runtime.settings import SettingError

log = logging.getLogger(__name__)


class AwsRegion:
    """Has `find` look for the region again and again; it raises SettingError while there is none."""

    def __init__(
        self, aws: AwsSession, find: Callable[[], Awaitable[str]], *, rng: Random | None = None
    ) -> None:
        self._aws = aws
        self._find = find
        self._backoff = Backoff(rng or Random(), first=0.5, longest=10.0)  # noqa: S311
        self._why_not = ""

    async def run(self, stopping: asyncio.Event) -> None:
        """Look until it is found, and return when `stopping`."""
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(self._look_again_and_again())
            await stopping.wait()
            looking.cancel()

    async def _look_again_and_again(self) -> None:
        while not self._aws.is_located.is_set():
            try:
                region = await self._find()
            except SettingError as error:
                self._tell(str(error))
                await asyncio.sleep(self._backoff.next(asyncio.get_running_loop().time()))
            else:
                log.info("AWS region: %s", region)
                self._aws.locate(region)

    def _tell(self, why_not: str) -> None:
        if why_not != self._why_not:
            log.warning("no AWS region: %s", why_not)
        self._why_not = why_not

    def not_ready(self) -> str:
        """Why there is no region, in words; empty when there is one."""
        if self._aws.is_located.is_set():
            return ""
        return f"no AWS region: {self._why_not}" if self._why_not else "the AWS region is being looked for"

    def fault(self) -> Fault | None:
        """What is wrong with the region."""
        if self._aws.is_located.is_set() or not self._why_not:
            return None
        return Fault("aws", "AWS region", NO_REGION, self._why_not)
