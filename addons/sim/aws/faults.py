"""Failures on order: certain calls of an operation fail as told, or every call of it is slow."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

Arguments = Mapping[str, Any]
_READING = ("Describe*", "List*", "Get*", "Lookup*")


@dataclass
class Fault:
    """One order. `before`: the call is refused and nothing happens; else it happens and its answer is lost.

    A fault without `code` closes the connection in place of an answer. `times` None: until cleared.
    `skip`: so many calls that it would meet pass first. `when` looks at the arguments, under boto3's names.
    """

    operation: str
    code: str = ""
    message: str = ""
    status: int = 400
    times: int | None = 1
    before: bool = True
    service: str = ""
    skip: int = 0
    when: Callable[[Arguments], bool] | None = None

    def meets(self, service: str, operation: str, arguments: Callable[[], Arguments]) -> bool:
        """Say whether a call is one that this order is about."""
        return (
            self.service in ("", service)
            and is_named(operation, self.operation)
            and (self.when is None or self.when(arguments()))
        )


def is_named(operation: str, pattern: str) -> bool:
    """Say whether a pattern means an operation: a name with * and ?, or `changes` for all but reading."""
    if pattern == "changes":
        return not any(fnmatchcase(operation, each) for each in _READING)
    return fnmatchcase(operation, pattern)


class Faults:
    """The orders that are still open, oldest first. `met` counts the calls that failed on order."""

    def __init__(self) -> None:
        self.met = 0
        self._open: list[Fault] = []
        self._delays: dict[str, tuple[Fault, float]] = {}

    def slow(
        self,
        operation: str,
        seconds: float,
        *,
        service: str = "",
        when: Callable[[Arguments], bool] | None = None,
    ) -> None:
        """Have calls of an operation wait for so long before they are looked at, until cleared.

        A second order for an operation replaces the first; `service` and `when` narrow it, as with `add`.
        """
        self._delays[operation] = Fault(operation, service=service, when=when), seconds

    def quicken(self, operation: str) -> None:
        """Take back the order that calls of an operation are slow."""
        self._delays.pop(operation, None)

    def delay(
        self, service: str, operation: str, arguments: Callable[[], Arguments] = dict[str, Any]
    ) -> float:
        """Seconds that a call has to wait."""
        orders = self._delays.values()
        return next((seconds for each, seconds in orders if each.meets(service, operation, arguments)), 0.0)

    def add(
        self,
        *,
        operation: str,
        times: int | None = 1,
        code: str = "",
        message: str = "",
        status: int = 400,
        before: bool = True,
        service: str = "",
        skip: int = 0,
        when: Callable[[Arguments], bool] | None = None,
    ) -> None:
        """Let the next `times` calls of an operation (API name, e.g. ListHostedZones) fail.

        The name may have * and ?; `changes` means every operation that does more than read. `service` (the
        signing name, e.g. ec2) narrows the order where two services share the name. With `skip` the first
        such calls pass: `skip=4` lets the fifth fail. With `when` only calls with certain arguments fail.
        """
        self._open.append(Fault(operation, code, message, status, times, before, service, skip, when))

    def clear(self) -> None:
        """Drop every order."""
        self._open.clear()
        self._delays.clear()

    def take(
        self, service: str, operation: str, arguments: Callable[[], Arguments] = dict[str, Any]
    ) -> Fault | None:
        """Give the fault for a call that is about to be served, and count it as used.

        `arguments` reads those of the call, under boto3's names; it is asked only if an order needs them.
        """
        for fault in self._open:
            if not fault.meets(service, operation, arguments):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            if fault.times is not None:
                fault.times -= 1
            self._open = [other for other in self._open if other.times is None or other.times > 0]
            self.met += 1
            return fault
        return None
