"""What came of an action on the pool."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from addons.cni.model.actions import Action
from addons.cni.model.enis import Eni
from addons.runtime.errors import Conflict, Exhausted, Invalid, NotFound, Unavailable
from addons.runtime.outcomes import Outcome

_WRONG_VIEW = (Conflict, Invalid, NotFound, Unavailable)


@dataclass(frozen=True, slots=True)
class Applied(Outcome[Action]):
    """The result of one action, with what it brought.

    `eni` is the interface that was made, as it is now; `addresses` and `prefixes` are those that EC2 chose.
    """

    eni: Eni | None = None
    addresses: frozenset[IPv4Address] = frozenset()
    prefixes: frozenset[IPv4Network] = frozenset()

    @property
    def must_observe(self) -> bool:
        """Whether EC2 may hold something else than we believe: the answer was lost, or contradicts us.

        It does not after throttling, a denial or a full subnet; it does where a limit of the instance is
        reached that we thought we were below.
        """
        if isinstance(self.error, Exhausted):
            return "LimitExceeded" in self.error.code
        return isinstance(self.error, _WRONG_VIEW)
