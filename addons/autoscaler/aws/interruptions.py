"""Notices that instances will go, from an SQS queue: handed on once each, and deleted when that is safe."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final, Literal

from addons.autoscaler.aws.calls import CALL_SECONDS, in_time
from addons.autoscaler.aws.notices import Notice, Unreadable, notice_from_text
from addons.autoscaler.names import MESSAGE_UNREADABLE
from addons.runtime.aws import AwsSession
from addons.runtime.backoff import Backoff
from addons.runtime.errors import NotFound, OutsideError, Withheld
from addons.runtime.outcomes import Fault, ObjectRef, Problem
from addons.runtime.permit import Permit

log = logging.getLogger(__name__)

Item = Mapping[str, Any]

Handled = Literal["begun", "later", "foreign"]
"""`begun`: it is written down where a restart finds it, or is over. `later`: not yet, let it come again.
`foreign`: the instance is in none of our groups."""

Handle = Callable[[Notice], Awaitable[Handled]]

WAIT_SECONDS: Final = 8
"""A call waits so long for a message: less than a call may take."""

HIDDEN_SECONDS: Final = 30
"""A message that was not deleted comes again after so long."""

FOREIGN_SECONDS: Final = 300.0
"""A message about somebody else's instance is left for so long to others that read the queue."""

_SHORTEST_SECONDS = 1.0
_MOST_MESSAGES = 10
_MOST_REMEMBERED = 1000
_MOST_PROBLEMS = 20


class Interruptions:
    """Reads one queue while we lead. A call waits `wait_seconds` for messages; `now` gives Unix seconds.

    Several autoscalers may share a queue: what is about an instance of none of our groups stays in it until
    it is some minutes old, and is deleted then, lest it comes again and again.
    """

    def __init__(
        self,
        aws: AwsSession,
        queue_url: str,
        *,
        wait_seconds: int = WAIT_SECONDS,
        now: Callable[[], float] = time.time,
        rng: random.Random | None = None,
    ) -> None:
        self._aws = aws
        self._queue_url = queue_url
        self._wait_seconds = wait_seconds
        self._now = now
        self._backoff = Backoff(rng or random.Random(), first=1.0, longest=60.0)  # noqa: S311
        self._begun: dict[tuple[str, str, str], None] = {}
        self._error: OutsideError | None = None
        self._problems: dict[Problem, None] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """The last messages that could not be read; they are deleted."""
        return tuple(self._problems)

    def faults(self) -> list[Fault]:
        """Why the queue cannot be read, if so."""
        error = self._error
        return [Fault("aws", "interruption queue", error.reason, error.message)] if error else []

    async def run(self, stopping: asyncio.Event, handle: Handle, permit: Permit) -> None:
        """Hand notices on until `stopping`; a queue that fails is tried again ever later."""
        while not stopping.is_set():
            began = _loop_time()
            try:
                received = await self.read_once(handle, permit)
            except Withheld:
                await _pause(stopping, _SHORTEST_SECONDS)
            except OutsideError as error:
                self._tell(error)
                await _pause(stopping, self._backoff.next(_loop_time()))
            else:
                self._error = None
                if not received and _loop_time() < began + _SHORTEST_SECONDS:
                    await _pause(stopping, _SHORTEST_SECONDS)  # it does not wait as it was asked to

    async def read_once(self, handle: Handle, permit: Permit) -> int:
        """Wait some seconds for messages, and deal with those that come; how many. Raises OutsideError."""
        async with in_time("interruption queue", self._wait_seconds + CALL_SECONDS):
            reply = await self._aws.call(
                "sqs",
                "receive_message",
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=_MOST_MESSAGES,
                WaitTimeSeconds=self._wait_seconds,
                VisibilityTimeout=HIDDEN_SECONDS,
                AttributeNames=["SentTimestamp"],
            )
        messages = reply.get("Messages") or []
        async with asyncio.TaskGroup() as group:
            for message in messages:
                group.create_task(self._deal(message, handle, permit))
        return len(messages)

    async def _deal(self, message: Item, handle: Handle, permit: Permit) -> None:
        """Handle a message and delete it, if it may be; one that fails comes again by itself."""
        try:
            if await self._may_go(message, handle):
                await self._delete(message, permit)
        except OutsideError as error:
            if not isinstance(error, Withheld):
                log.warning("a message of the interruption queue comes again: %s", error.message)
        except Exception:
            log.exception("crashed: a message of the interruption queue, which comes again")

    async def _may_go(self, message: Item, handle: Handle) -> bool:
        try:
            notice = notice_from_text(message.get("Body") or "")
        except Unreadable as error:
            self._tell_unreadable(message, str(error))
            return True
        if notice is None or notice.key in self._begun:
            return True
        async with in_time(f"what is done about {notice.instance}", HIDDEN_SECONDS):
            handled = await handle(notice)
        if handled == "begun":
            self._remember(notice)
            return True
        return handled == "foreign" and self._now() - _sent(message, notice) > FOREIGN_SECONDS

    async def _delete(self, message: Item, permit: Permit) -> None:
        """Delete a message; one that is not there any more is as it should be."""
        with suppress(NotFound):
            async with in_time("interruption queue"):
                await self._aws.call(
                    "sqs",
                    "delete_message",
                    permit=permit,
                    QueueUrl=self._queue_url,
                    ReceiptHandle=message["ReceiptHandle"],
                )

    def _remember(self, notice: Notice) -> None:
        self._begun[notice.key] = None
        while len(self._begun) > _MOST_REMEMBERED:
            del self._begun[next(iter(self._begun))]

    def _tell_unreadable(self, message: Item, why: str) -> None:
        name = str(message.get("MessageId", ""))
        words = f"message {name} of the interruption queue is deleted: {why}"
        log.warning("%s", words)
        self._problems[Problem(ObjectRef("Message", "", name), MESSAGE_UNREADABLE, words)] = None
        while len(self._problems) > _MOST_PROBLEMS:
            del self._problems[next(iter(self._problems))]

    def _tell(self, error: OutsideError) -> None:
        if self._error is None or self._error.message != error.message:
            log.warning("not read: interruption queue: %s", error.message)
        self._error = error


def _sent(message: Item, notice: Notice) -> float:
    """When the message was sent; when its notice was made, where the queue does not say."""
    sent = (message.get("Attributes") or {}).get("SentTimestamp")
    return int(sent) / 1000 if sent else notice.at


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
