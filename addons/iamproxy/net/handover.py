"""The hand-over of the redirect between two daemons of a node, while a new one replaces the old one.

The new daemon takes the redirect over as soon as it can answer from memory, and keeps it; the old one leaves
it alone from then on. They never speak with each other:

| question | answer |
|---|---|
| does the other daemon live? | a socket listens on its addresses |
| which of the two has the redirect? | the one to whose address the table leads |
"""

import logging
from collections.abc import Callable

from addons.iamproxy.net.listeners import Listener, is_in_use, other

log = logging.getLogger(__name__)


class Handover:
    """The part of the daemon that listens on `listener`: the new one if the other is in use already.

    `is_warm` says whether this daemon can answer from memory, `leads_to` whether the table leads to a
    listener at present.
    """

    def __init__(
        self,
        listener: Listener,
        port: int,
        *,
        is_warm: Callable[[], bool],
        leads_to: Callable[[Listener], bool],
    ) -> None:
        self.other = other(listener)
        self._port = port
        self._is_warm = is_warm
        self._leads_to = leads_to
        self._is_new = self.has_other
        self._has_taken_over = False
        self._has_handed_over = False

    @property
    def has_other(self) -> bool:
        """Whether another daemon lives."""
        return is_in_use(self.other, self._port)

    @property
    def is_waiting(self) -> bool:
        """Whether this is the new daemon, and the old one still has the redirect."""
        return self._is_new and not self._has_taken_over

    def should_have_redirect(self) -> bool:
        """Whether the redirect is to lead to this daemon now."""
        if not self.has_other:
            self._is_new = self._has_handed_over = False
            return True
        if not self._is_new:
            return not self._is_handed_over()
        if not self._has_taken_over and self._is_warm():
            log.info("taking the redirect over from the daemon that listens on %s", self.other[0])
            self._has_taken_over = True
        return self._has_taken_over

    def stop(self) -> bool:
        """Be the old one of the two; whether the other daemon is to have the redirect back."""
        had_taken_over = self._is_new and self._has_taken_over
        self._is_new = False
        return had_taken_over

    def is_complete(self) -> bool:
        """Whether this daemon can end: no other one lives, or the other one has the redirect."""
        return not self.has_other or self._leads_to(self.other)

    def _is_handed_over(self) -> bool:
        is_handed_over = self._leads_to(self.other)
        if is_handed_over and not self._has_handed_over:
            log.info("the daemon that listens on %s has taken the redirect over", self.other[0])
        self._has_handed_over = is_handed_over
        return is_handed_over
