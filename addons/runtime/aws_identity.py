"""As whom a daemon speaks to AWS: asked until there are credentials, and told where people look."""

import asyncio
import logging
from random import Random

from addons.runtime.aws import AwsSession
from addons.runtime.aws_errors import OF_CREDENTIALS
from addons.runtime.backoff import Backoff
from addons.runtime.errors import Denied, OutsideError
from addons.runtime.outcomes import Fault

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 3600.0
"""The role of a node may be replaced while the daemon runs."""


class AwsIdentity:
    """Asks STS who we are, which needs no right.

    A daemon without credentials, or with some that AWS does not take, can do nothing and is not ready. One
    that has credentials may do its work although STS does not answer, or a policy denies this one question.
    """

    def __init__(self, aws: AwsSession, *, rng: Random | None = None) -> None:
        self._aws = aws
        self._backoff = Backoff(rng or Random(), first=0.5, longest=20.0)  # noqa: S311
        self._arn = ""
        self._error: OutsideError | None = None
        self._is_asked = False

    async def run(self, stopping: asyncio.Event) -> None:
        """Ask until `stopping`: soon again while the answer is missing, else once an hour."""
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(self._ask_again_and_again())
            await stopping.wait()
            asking.cancel()

    async def _ask_again_and_again(self) -> None:
        await self._aws.is_located.wait()
        while True:
            before = self.in_words()
            await self._ask()
            if self.in_words() != before:
                level = logging.WARNING if self.not_ready() else logging.INFO
                log.log(level, "AWS identity: %s", self.in_words())
            await asyncio.sleep(self._pause())

    async def _ask(self) -> None:
        try:
            self._arn, self._error = (await self._aws.call("sts", "get_caller_identity"))["Arn"], None
        except OutsideError as error:
            self._error = error
            if error.code in OF_CREDENTIALS:
                self._arn = ""
        self._is_asked = True

    def _pause(self) -> float:
        if self._error is None or (isinstance(self._error, Denied) and not self.not_ready()):
            return _AGAIN_SECONDS
        return self._backoff.next(asyncio.get_running_loop().time())

    def not_ready(self) -> str:
        """Why the daemon cannot speak to AWS, in words; empty when it can."""
        if fault := self.fault():
            return f"no AWS credentials: {fault.message}"
        return "" if self._is_asked else "AWS credentials are being looked for"

    def fault(self) -> Fault | None:
        """What is wrong with our credentials."""
        if self._error is None or self._error.code not in OF_CREDENTIALS:
            return None
        return Fault("aws", "AWS credentials", self._error.code, self._error.message)

    def in_words(self) -> str:
        """As whom the daemon speaks to AWS, or why that is not known."""
        if self._arn or self.not_ready():
            return self._arn or self.not_ready()
        assert self._error
        return f"there are credentials; whose is not known: {self._error.message}"
