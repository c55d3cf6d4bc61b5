"""What EC2 refused lately, and until when it is not asked again."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from addons.cni.model.actions import Action, AssignAddresses, AssignPrefixes, CreateEni
from addons.cni.model.enis import Subnet
from addons.cni.plan.view import Rest, gain
from addons.runtime.clock import utc_now
from addons.runtime.errors import Exhausted, OutsideError
from addons.runtime.ledger import Ledger

_REMEMBERED = timedelta(minutes=2)
"""So long is known after a rest why there was one: what it was about may be tried again for some time."""


class Rests:
    """The rests that a plan minds, by id of a subnet or an interface, or the key of new interfaces.

    A full subnet rests 30 seconds at first and two minutes at most, or until more is left in it. All else
    rests as EC2 asks, from a second to a minute.
    """

    def __init__(self, *, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        self._subnets: Ledger[str] = Ledger(first=30.0, longest=120.0)
        self._others: Ledger[str] = Ledger(first=1.0, longest=60.0)
        self._rests: dict[str, Rest] = {}
        self._left: dict[str, int] = {}

    def known(self) -> dict[str, Rest]:
        """All of which nothing has succeeded since; those that were over for a while are forgotten."""
        oldest = self._now() - _REMEMBERED
        self._rests = {key: rest for key, rest in self._rests.items() if rest.until > oldest}
        return dict(self._rests)

    def current(self) -> dict[str, Rest]:
        """Those that are not over."""
        now = self._now()
        return {key: rest for key, rest in self._rests.items() if rest.until > now}

    def failed(
        self,
        action: Action,
        error: OutsideError,
        *,
        subnet_of: Callable[[str], str],
        subnets: Mapping[str, Subnet] = MappingProxyType({}),
    ) -> None:
        """Have rest what was in the way; `subnet_of` gives the subnet of an interface.

        A subnet that has something left, but less than was asked for, by what was read of `subnets` since,
        need not rest: it is asked for less.
        """
        if is_full(error):
            for subnet_id in _subnets_of(action, subnet_of):
                if not _has_less(subnets.get(subnet_id), action):
                    self._rest(self._subnets, subnet_id, error)
                    self._left |= {subnet_id: subnets[subnet_id].free} if subnet_id in subnets else {}
        else:
            self._rest(self._others, action.key, error)

    def succeeded(self, action: Action, *, subnet_of: Callable[[str], str]) -> None:
        """Clear what was against this: it is worth being asked at once the next time."""
        for key in (action.key, *_subnets_of(action, subnet_of)):
            self._subnets.succeeded(key)
            self._others.succeeded(key)
            self._rests.pop(key, None)

    def refilled(self, subnets: Mapping[str, Subnet]) -> None:
        """End the rest of subnets that have more left by now than when they were full: others gave back."""
        for key, left in tuple(self._left.items()):
            if key in subnets and subnets[key].free > left:
                del self._left[key]
                self._rests.pop(key, None)

    def _rest(self, ledger: Ledger[str], key: str, error: OutsideError) -> None:
        seconds = ledger.failed(key, error)
        self._rests[key] = Rest(self._now() + timedelta(seconds=seconds), error.reason, error.message)


def is_full(error: OutsideError | None) -> bool:
    """Whether a subnet had less than was asked for; EC2 gives all or nothing."""
    return isinstance(error, Exhausted) and error.code.startswith("Insufficient")


def _has_less(subnet: Subnet | None, action: Action) -> bool:
    primary = isinstance(action, CreateEni)
    return subnet is not None and primary < subnet.free < gain(action) + primary


def _subnets_of(action: Action, subnet_of: Callable[[str], str]) -> Iterator[str]:
    """The subnets that an action takes addresses of."""
    if isinstance(action, CreateEni):
        yield from action.subnet_ids
    elif isinstance(action, AssignAddresses | AssignPrefixes):
        yield subnet_of(action.eni_id)
