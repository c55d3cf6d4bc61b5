"""Who wants to know at once what happens to interfaces: a network that has to carry it out."""

from collections.abc import Callable, Iterable

from addons.sim.aws.ec2.model import Change, Interface

Listener = Callable[[Change], None]


class Feed:
    """Tells every listener of every change of an interface, in order, before the call is answered.

    A listener is called in the loop of the endpoint, and must not block it for long nor change EC2.
    `version` grows with each change: who polls compares it first.
    """

    def __init__(self, existing: Callable[[], Iterable[Interface]]) -> None:
        self.version = 0
        self._existing = existing
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for each interface that there is, as if just made, then for each change.

        Gives a function that ends it.
        """
        for interface in self._existing():
            listener(Change(None, interface))
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, change: Change) -> None:
        """Pass a change on."""
        self.version += 1
        for listener in tuple(self._listeners):
            listener(change)
