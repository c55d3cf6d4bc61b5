"""How often a node reads what all nodes read: together they stay below what the account has."""

from datetime import timedelta

import pytest

from addons.cni.plan.pace import (
    LEASE_RETRY_SECONDS,
    LEASE_SECONDS,
    RENEW_SECONDS,
    ROUTES_PERIOD,
    count_period,
    subnets_period,
)

AUDIT = timedelta(minutes=1)
NODES, ZONES = 5000, 3
BUCKET = 20.0
"""Calls a second of one Describe operation that EC2 refills for an account and region."""


def every(period: timedelta) -> float:
    """Calls a second of all nodes."""
    return NODES / period.total_seconds()


class TestSubnets:
    def test_a_small_cluster_with_little_left_reads_at_once_what_others_took(self) -> None:
        assert subnets_period(AUDIT, free=3, is_scarce=True, sharers=10) == timedelta(seconds=15)
        assert subnets_period(AUDIT, free=100, is_scarce=False, sharers=1) == timedelta(minutes=2)

    @pytest.mark.parametrize("is_scarce", [False, True])
    def test_thousands_of_nodes_leave_a_third_of_the_bucket_to_others(self, is_scarce: bool) -> None:
        period = subnets_period(AUDIT, free=6000, is_scarce=is_scarce, sharers=NODES // ZONES)
        assert every(period) < 0.65 * BUCKET

    def test_the_less_is_left_the_sooner_it_is_read_again(self) -> None:
        periods = [
            subnets_period(AUDIT, free=free, is_scarce=False, sharers=1) for free in (5000, 1000, 500, 10)
        ]
        assert periods == sorted(periods, reverse=True)
        assert periods[0] == timedelta(minutes=15)


def test_routes_of_thousands_of_nodes_leave_two_thirds_of_the_bucket_to_others() -> None:
    assert every(ROUTES_PERIOD * AUDIT) < BUCKET / 3


def test_the_nodes_of_a_zone_do_not_all_list_each_other_all_the_time() -> None:
    assert NODES / ZONES / count_period(AUDIT, NODES // ZONES).total_seconds() < 0.51
    assert count_period(AUDIT, 5) == timedelta(seconds=30)


def test_thousands_of_nodes_ask_for_the_lease_a_few_times_a_second() -> None:
    assert NODES / LEASE_RETRY_SECONDS < 6
    assert LEASE_RETRY_SECONDS < RENEW_SECONDS < 0.9 * LEASE_SECONDS
