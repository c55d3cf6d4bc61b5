"""What a pod is told that has to wait, word for word."""

from datetime import timedelta
from typing import Any

import pytest

from addons.cni import names
from addons.cni.model.actions import AssignAddresses, CreateEni
from addons.cni.model.enis import Eni
from addons.cni.model.pool import Placement, Policy
from addons.cni.plan.pool import plan_pool
from addons.cni.plan.view import NEW_INTERFACE, Rest, UnderWay
from tests.support.cni_pool import NOW, eni, subnet, view

FULL = eni(0, *range(1, 10))
ALL = [eni(number, *range(number * 9 + 1, number * 9 + 10)) for number in range(3)]
MAKING = CreateEni(subnet_ids=("subnet-1",), security_groups=(), addresses=9, because="")


def why(*enis: Eni, **more: Any) -> tuple[str, str] | None:
    skip = plan_pool(view(*enis, **{"waiting": 1} | more)).why_waiting
    return (skip.reason, skip.message) if skip else None


def rest(reason: str, message: str = "", seconds: float = 25) -> Rest:
    return Rest(NOW + timedelta(seconds=seconds), reason, message)


def test_nobody_waits_while_there_is_an_address_for_each() -> None:
    assert why(eni(0, 1)) is None
    assert why(eni(0, 1, 2), used=[1], waiting=0) is None


@pytest.mark.parametrize(("seconds", "words"), [(0, 0), (3.9, 3)])
def test_an_interface_that_is_being_made(seconds: float, words: int) -> None:
    begun = (UnderWay(MAKING, NOW - timedelta(seconds=seconds)),)
    expected = names.GROWING, f"interface being attached for {words} s"
    assert why(FULL, used=range(1, 10), under_way=begun) == expected


def test_an_interface_that_the_kernel_does_not_have_yet() -> None:
    words = "interface eni-1 attached, and not on the node yet"
    assert why(FULL, eni(1, 11, 12), used=range(1, 10), unready=frozenset({"eni-1"})) == (
        names.GROWING,
        words,
    )


def test_addresses_that_are_being_assigned() -> None:
    begun = (UnderWay(AssignAddresses(eni_id="eni-0", count=4, because=""), NOW - timedelta(seconds=1)),)
    assert why(eni(0), under_way=begun) == (names.GROWING, "4 addresses being assigned to eni-0 for 1 s")


def test_what_was_just_planned_is_on_its_way() -> None:
    assert why(eni(0)) == (names.GROWING, "5 addresses being assigned to eni-0 for 0 s")


def test_a_full_subnet() -> None:
    assert why(eni(0), free=0) == (names.SUBNET_EXHAUSTED, "subnet subnet-1 has 0 free addresses")


def test_a_subnet_that_ec2_said_is_full() -> None:
    resting = {"subnet-1": rest("InsufficientFreeAddressesInSubnet")}
    assert why(eni(0), rests=resting) == (names.SUBNET_EXHAUSTED, "subnet subnet-1 has 0 free addresses")


def test_every_full_subnet_is_named() -> None:
    subnets = {name: subnet(name, 0) for name in ("subnet-1", "subnet-2")}
    placement = Placement(subnet_ids=("subnet-1", "subnet-2"), security_groups=("sg-1",))
    assert why(FULL, used=range(1, 10), subnets=subnets, placement=placement) == (
        names.SUBNET_EXHAUSTED,
        "subnet subnet-1 has 0 free addresses; subnet subnet-2 has 0 free addresses",
    )


def test_a_subnet_without_a_block_for_a_prefix() -> None:
    assert why(eni(0), free=15, policy=Policy(has_prefixes=True)) == (
        names.SUBNET_EXHAUSTED,
        "subnet subnet-1 has no free block of 16 addresses",
    )


def test_throttling() -> None:
    slow = rest("RequestLimitExceeded", "Request limit exceeded.")
    expected = names.THROTTLED, "throttled until 2026-01-02T03:04:30Z"
    assert why(eni(0), rests={"eni-0": slow, NEW_INTERFACE: slow}) == expected


def test_a_denial_in_the_words_of_ec2() -> None:
    no = rest("UnauthorizedOperation", "ec2 AssignPrivateIpAddresses: You are not authorized")
    words = "ec2 AssignPrivateIpAddresses: You are not authorized; tried again at 2026-01-02T03:04:30Z"
    assert why(eni(0), rests={"eni-0": no, NEW_INTERFACE: no}) == (names.EC2_DENIED, words)


def test_another_failure_in_the_words_of_ec2() -> None:
    no = rest("InternalError", "ec2 CreateNetworkInterface: oops")
    words = "ec2 CreateNetworkInterface: oops; tried again at 2026-01-02T03:04:30Z"
    assert why(FULL, used=range(1, 10), rests={NEW_INTERFACE: no}) == (names.EC2_FAILED, words)


def test_a_node_at_its_limit() -> None:
    assert why(*ALL, used=range(1, 28)) == (names.NODE_FULL, "node at 27/27")


def test_a_node_at_its_limit_some_of_whose_addresses_cool_down() -> None:
    cooling = {number: 30 + number for number in range(1, 13)}
    assert why(*ALL, used=range(13, 28), cooling=cooling) == (
        names.COOLING,
        "12 addresses cooling, the first until 2026-01-02T03:04:36Z; node at 27/27",
    )


def test_when_to_look_again_is_when_the_first_has_cooled_down() -> None:
    skip = plan_pool(view(*ALL, used=range(2, 28), cooling={1: 7}, waiting=1)).why_waiting
    assert skip
    assert skip.retry_at == NOW + timedelta(seconds=7)


def test_a_cordoned_node() -> None:
    expected = names.NOT_GROWING, "node is cordoned: no interface is made"
    assert why(FULL, used=range(1, 10), is_cordoned=True) == expected


def test_a_node_that_terminates() -> None:
    expected = names.NOT_GROWING, "node terminates: no interface is made"
    assert why(FULL, used=range(1, 10), is_leaving=True) == expected


def test_a_missing_eni_config() -> None:
    words = "ENIConfig zone-a, which this node asks for, does not exist"
    nowhere = Placement(primary_serves=False, is_custom=True, reason="EniConfigMissing", problem=words)
    assert why(eni(0), placement=nowhere) == ("EniConfigMissing", words)
