"""To whom of two daemons of a node the redirect leads, while one replaces the other.

The younger takes it over as soon as it can answer from memory, and keeps it; the older lets go then. Neither
speaks with the other: who lives is seen by who listens, who has the redirect by where the table leads to.
"""

import logging
from collections.abc import Callable

from addons.iamproxy.net.seats import Seat, is_taken, other

log = logging.getLogger(__name__)


class Succession:
    """The part of the daemon on `seat`; it is the younger one when the other seat is taken already.

    `is_warm` says whether we can answer, `leads_to` whether the table leads to a seat at present.
    """

    def __init__(
        self, seat: Seat, port: int, *, is_warm: Callable[[], bool], leads_to: Callable[[Seat], bool]
    ) -> None:
        self.other = other(seat)
        self._port = port
        self._is_warm = is_warm
        self._leads_to = leads_to
        self._has_elder = self.has_other
        self._has_taken_over = False
        self._has_let_go = False

    @property
    def has_other(self) -> bool:
        """Whether the other seat is taken."""
        return is_taken(self.other, self._port)

    @property
    def waits(self) -> bool:
        """Whether we are the younger one, and the redirect leads to the older one still."""
        return self._has_elder and not self._has_taken_over

    def is_ours(self) -> bool:
        """Whether the redirect is to lead to us now."""
        if not self.has_other:
            self._has_elder = self._has_let_go = False
            return True
        if not self._has_elder:
            return not self._lets_go()
        if not self._has_taken_over and self._is_warm():
            log.info("taking the redirect over from the daemon that listens on %s", self.other[0])
            self._has_taken_over = True
        return self._has_taken_over

    def give_back(self) -> bool:
        """Become the older one of the two; whether the other one is to have the redirect again."""
        had_taken_over = self._has_elder and self._has_taken_over
        self._has_elder = False
        return had_taken_over

    def is_settled(self) -> bool:
        """Whether we can go: nobody is there to succeed us, or somebody has."""
        return not self.has_other or self._leads_to(self.other)

    def _lets_go(self) -> bool:
        lets_go = self._leads_to(self.other)
        if lets_go and not self._has_let_go:
            log.info("the daemon that listens on %s has taken the redirect over", self.other[0])
        self._has_let_go = lets_go
        return lets_go
