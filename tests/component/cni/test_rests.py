"""What EC2 refused, and for how long it is left alone."""

import pytest

from addons.cni.controller.rests import Rests
from addons.cni.model.actions import Action, AssignAddresses, CreateEni
from addons.runtime.errors import Exhausted, OutsideError, Throttled
from tests.support.cni_pool import NOW, subnet

FOUR = AssignAddresses(eni_id="eni-0", count=4, because="")
FIVE_NEW = CreateEni(subnet_ids=("subnet-1", "b"), security_groups=(), addresses=4, because="")
FULL = Exhausted("full", code="InsufficientFreeAddressesInSubnet")
SLOW = Throttled("slow down", code="RequestLimitExceeded")


def rests(action: Action, error: OutsideError, **left: int) -> dict[str, str]:
    """What rests after a failure, when this was read to be left in subnets afterwards."""
    known = Rests(now=lambda: NOW)
    subnets = {name.replace("_", "-"): subnet(name, free) for name, free in left.items()}
    known.failed(action, error, subnet_of=lambda eni_id: "subnet-1", subnets=subnets)
    return {key: rest.reason for key, rest in known.current().items()}


class TestRests:
    async def test_an_empty_subnet_rests(self) -> None:
        assert rests(FOUR, FULL, subnet_1=0) == {"subnet-1": FULL.code}

    async def test_one_that_has_less_than_was_asked_for_is_asked_for_less(self) -> None:
        assert rests(FOUR, FULL, subnet_1=3) == {}

    async def test_one_that_claims_to_have_enough_rests_all_the_same(self) -> None:
        assert rests(FOUR, FULL, subnet_1=4) == {"subnet-1": FULL.code}

    async def test_one_of_which_nothing_is_known_rests(self) -> None:
        assert rests(FOUR, FULL) == {"subnet-1": FULL.code}

    @pytest.mark.parametrize(("left", "resting"), [(1, True), (2, False), (4, False), (5, True)])
    async def test_a_new_interface_takes_an_address_of_its_own(self, left: int, resting: bool) -> None:
        assert ("subnet-1" in rests(FIVE_NEW, FULL, subnet_1=left)) is resting

    async def test_every_subnet_that_was_tried_rests(self) -> None:
        assert rests(FIVE_NEW, FULL).keys() == {"subnet-1", "b"}

    async def test_throttling_rests_the_interface(self) -> None:
        assert rests(FOUR, SLOW) == {"eni-0": SLOW.code}
        assert rests(FIVE_NEW, SLOW) == {"new interface": SLOW.code}

    @pytest.mark.parametrize(("left", "resting"), [(0, True), (1, False)])
    async def test_addresses_that_others_give_back_end_it(self, left: int, resting: bool) -> None:
        known = Rests(now=lambda: NOW)
        full = {"subnet-1": subnet(free=0)}
        known.failed(FOUR, FULL, subnet_of=lambda eni_id: "subnet-1", subnets=full)
        known.refilled({"subnet-1": subnet(free=left)})
        assert ("subnet-1" in known.current()) is resting

    async def test_a_success_ends_it(self) -> None:
        known = Rests(now=lambda: NOW)
        known.failed(FOUR, FULL, subnet_of=lambda eni_id: "subnet-1")
        known.succeeded(FOUR, subnet_of=lambda eni_id: "subnet-1")
        assert known.current() == {}
