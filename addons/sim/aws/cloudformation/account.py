"""Everything of CloudFormation by ARN, and how the service behaves; nothing here judges a call."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from addons.sim.aws.cloudformation.errors import no_stack
from addons.sim.aws.cloudformation.model import ChangeSet, Event, Order, Resource, Stack
from addons.sim.aws.ec2.account import OWNER, REGION
from addons.sim.aws.ec2.agenda import Agenda
from addons.sim.aws.throttle import RateLimit

USUAL_RATE_LIMITS = {
    "Describe*": RateLimit(5, 10),
    "*ChangeSet": RateLimit(2, 10),
    "*": RateLimit(2, 10),
}
"""About what an account meets, by pattern; AWS tells no numbers."""

STACK_TYPE = "AWS::CloudFormation::Stack"


@dataclass
class Knobs:
    """How the service behaves beyond being right; the defaults are an undisturbed, instant one.

    `resource_seconds`: how long each step of a resource takes beside what the service below needs.
    `review_seconds`: how long a change set is made. `poll_seconds`, `patience_seconds`: how often a group is
    looked at that is to get or lose its instances, and when it counts as failed. The pages are as long as
    said; `most_stacks` is the quota. `rate_limits`: by a pattern of operations; each has a bucket of its own.
    """

    resource_seconds: float = 0.0
    review_seconds: float = 0.0
    poll_seconds: float = 1.0
    patience_seconds: float = 3600.0
    stacks_page: int = 20
    summaries_page: int = 100
    events_page: int = 100
    most_stacks: int = 2000
    rate_limits: dict[str, RateLimit] = field(default_factory=dict)


class Account:
    """Stacks, also those that are gone, and change sets, the oldest first; `orders` are failures to come."""

    def __init__(self, agenda: Agenda) -> None:
        self.agenda = agenda
        self.knobs = Knobs()
        self.stacks: dict[str, Stack] = {}
        self.change_sets: dict[str, ChangeSet] = {}
        self.orders: list[Order] = []
        self._numbers = count(1)

    def new_uuid(self) -> str:
        """Give an id in the form of a UUID that nothing has."""
        return f"{next(self._numbers):08x}-0000-11ee-8000-000000000000"

    def new_number(self) -> int:
        """Give a number that no resource has."""
        return next(self._numbers)

    def new_suffix(self) -> str:
        """Give twelve letters and digits that no generated name has."""
        return f"{next(self._numbers) * 0x9E3779B97F4A7C15 % 36**12:012X}"[:12]

    def new_arn(self, path: str) -> str:
        """Give an ARN that nothing has, e.g. for `stack/shop`."""
        return f"arn:aws:cloudformation:{REGION}:{OWNER}:{path}/{self.new_uuid()}"

    def find(self, name: str) -> Stack | None:
        """Give a stack by its ARN, also one that is gone, else the one that has the name."""
        if name in self.stacks:
            return self.stacks[name]
        return next((each for each in self.stacks.values() if each.name == name and not each.is_gone), None)

    def stack(self, name: str) -> Stack:
        """Give a stack. Raises ValidationError."""
        found = self.find(name)
        if found is None:
            raise no_stack(name)
        return found

    def take_order(self, stack: Stack, logical_id: str, verb: str) -> str | None:
        """Give the message of a failure that was ordered, and count it as used."""
        for order in self.orders:
            if order.meets(stack, logical_id, verb):
                if order.times is not None:
                    order.times -= 1
                self.orders = [each for each in self.orders if each.times is None or each.times > 0]
                return order.message
        return None

    def set_stack(self, stack: Stack, status: str, reason: str = "") -> None:
        """Let a stack be in a state from now on, and say so in its events."""
        stack.status, stack.reason = status, reason
        self._note(stack, stack.name, stack.id, STACK_TYPE, status, reason)

    def set_resource(self, stack: Stack, resource: Resource, status: str, reason: str = "") -> None:
        """Let a resource be in a state from now on, and say so in the events of its stack."""
        resource.status, resource.reason, resource.since = status, reason, self.agenda.time()
        self._note(
            stack,
            resource.logical_id,
            resource.physical_id,
            resource.type,
            status,
            reason,
            resource.properties,
        )

    def _note(
        self,
        stack: Stack,
        logical_id: str,
        physical_id: str,
        type_: str,
        status: str,
        reason: str,
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        now = self.agenda.time()
        event = Event(
            self.new_uuid(), now, logical_id, physical_id, type_, status, reason, properties, stack.token
        )
        stack.events.append(event)

    def work_on(self, stack: Stack, work: Iterator[float]) -> None:
        """Carry work out, in the times that it gives; what was being done to the stack ends."""
        stack.work = work
        self._go_on(stack, work)

    def _go_on(self, stack: Stack, work: Iterator[float]) -> None:
        seconds = 0.0
        while seconds <= 0:
            if stack.work is not work:
                return
            try:
                seconds = next(work)
            except StopIteration:
                return
        self.agenda.after(seconds, lambda: self._go_on(stack, work))
