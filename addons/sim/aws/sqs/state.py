"""Queues of messages: at least once, hidden for a while once received, until deleted."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from addons.sim.aws.errors import Refusal


@dataclass
class Message:
    """One message; it is not given again before `hidden_until`. `handle` is that of the last receipt."""

    id: str
    body: str
    sent: datetime
    hidden_until: datetime
    received: int = 0
    handle: str = ""


@dataclass
class Queue:
    """A queue; `visibility_seconds` is for how long a received message is hidden."""

    name: str
    visibility_seconds: int = 30
    messages: dict[str, Message] = field(default_factory=dict)


class Sqs:
    """The queues of an account by name."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.queues: dict[str, Queue] = {}
        self.now = now
        self.arrivals: list[Callable[[], None]] = []
        self._numbers = count(1)

    @property
    def is_used(self) -> bool:
        """Say whether there is a queue here."""
        return bool(self.queues)

    def create_queue(self, name: str, *, visibility_seconds: int = 30) -> Queue:
        """Make a queue, or give the one that is there."""
        return self.queues.setdefault(name, Queue(name, visibility_seconds))

    def queue(self, url: str) -> Queue:
        """Give the queue of a URL. Raises NonExistentQueue."""
        name = url.rpartition("/")[2]
        if name not in self.queues:
            raise Refusal(
                "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.", 400
            )
        return self.queues[name]

    def send(self, name: str, body: str | dict[str, Any]) -> Message:
        """Put a message into a queue; a dict as JSON."""
        text = body if isinstance(body, str) else json.dumps(body)
        now = self.now()
        message = Message(f"00000000-0000-4000-8000-{next(self._numbers):012x}", text, now, now)
        self.queues[name].messages[message.id] = message
        for tell in tuple(self.arrivals):
            tell()
        return message

    def receive(self, queue: Queue, most: int, hidden_seconds: float | None) -> list[Message]:
        """Give messages that are not hidden, the oldest first, and hide them."""
        now = self.now()
        seconds = queue.visibility_seconds if hidden_seconds is None else hidden_seconds
        found = [each for each in queue.messages.values() if each.hidden_until <= now][:most]
        for message in found:
            message.received += 1
            message.handle = f"{message.id}#{message.received}"
            message.hidden_until = now + timedelta(seconds=seconds)
        return found

    def delete(self, queue: Queue, handle: str) -> None:
        """Delete the message of a receipt; one that is gone already is no matter."""
        id_, mark, _ = handle.partition("#")
        if not mark:
            raise Refusal("ReceiptHandleIsInvalid", f'The input receipt handle "{handle}" is not valid.', 400)
        queue.messages.pop(id_, None)

    def hide(self, queue: Queue, handle: str, seconds: float) -> None:
        """Hide the message of a receipt for so long from now on."""
        message = queue.messages.get(handle.partition("#")[0])
        if message is not None:
            message.hidden_until = self.now() + timedelta(seconds=seconds)


def digest(text: str) -> str:
    """The MD5 that clients check a body against."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
