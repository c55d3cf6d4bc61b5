"""Failures on order: the next N calls of an operation fail as told, or every call of it is slow."""

from dataclasses import dataclass


@dataclass
class Fault:
    """One order. `before`: the call is refused and nothing happens; else it happens and its answer is lost.

    A fault without `code` closes the connection in place of an answer. `times` None: until cleared.
    """

    operation: str
    code: str = ""
    message: str = ""
    status: int = 400
    times: int | None = 1
    before: bool = True
    service: str = ""


class Faults:
    """The orders that are still open, oldest first."""

    def __init__(self) -> None:
        self._open: list[Fault] = []
        self._delays: dict[str, float] = {}

    def slow(self, operation: str, seconds: float) -> None:
        """Have every call of an operation wait for so long before it is looked at, until cleared."""
        self._delays[operation] = seconds

    def delay(self, operation: str) -> float:
        """Seconds that a call has to wait."""
        return self._delays.get(operation, 0.0)

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
    ) -> None:
        """Let the next `times` calls of an operation (API name, e.g. ListHostedZones) fail.

        `service` (the signing name, e.g. ec2) narrows the order where two services share the name.
        """
        self._open.append(Fault(operation, code, message, status, times, before, service))

    def clear(self) -> None:
        """Drop every order."""
        self._open.clear()
        self._delays.clear()

    def take(self, service: str, operation: str) -> Fault | None:
        """Give the fault for a call that is about to be served, and count it as used."""
        for fault in self._open:
            if fault.operation == operation and fault.service in ("", service):
                if fault.times is not None:
                    fault.times -= 1
                self._open = [other for other in self._open if other.times is None or other.times > 0]
                return fault
        return None
