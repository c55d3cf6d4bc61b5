"""How fast pods come, and how many addresses are held ready for that."""

from datetime import timedelta

import pytest

from addons.cni.model.pool import Arrivals
from addons.cni.plan.arrivals import arrived, expected, headroom, rate
from tests.support.cni_pool import NOW


def after(pods: int, every: float) -> Arrivals:
    """What is known after pods came one by one, the last one now."""
    arrivals = Arrivals()
    for number in range(pods):
        arrivals = arrived(arrivals, NOW - timedelta(seconds=every * (pods - 1 - number)))
    return arrivals


class TestRate:
    def test_nothing_came_yet(self) -> None:
        assert rate(Arrivals(), NOW) == 0

    @pytest.mark.parametrize("every", [0.5, 1, 2, 10])
    def test_after_long_it_is_what_it_was_all_the_time(self, every: float) -> None:
        assert rate(after(2000, every), NOW) == pytest.approx(1 / every, rel=0.15)

    def test_it_fades(self) -> None:
        busy = after(2000, 1)
        assert rate(busy, NOW + timedelta(seconds=60)) < 0.5
        assert rate(busy, NOW + timedelta(seconds=600)) < 0.001

    def test_a_clock_that_goes_back_changes_nothing(self) -> None:
        busy = after(10, 1)
        assert rate(busy, NOW - timedelta(hours=1)) == rate(busy, NOW)

    def test_a_burst_counts_as_many(self) -> None:
        assert rate(arrived(Arrivals(), NOW, 30), NOW) == pytest.approx(0.5)


class TestHeadroom:
    @pytest.mark.parametrize(
        ("every", "most", "held"),
        [(60, 8, 4), (2, 8, 6), (0.5, 8, 8), (1, 64, 32), (0.2, 64, 51), (1, 0, 0), (1, 1, 1)],
    )
    def test_it_is_between_half_and_all_of_what_is_allowed(self, every: float, most: int, held: int) -> None:
        assert headroom(after(2000, every), NOW, most) == held


class TestExpected:
    @pytest.mark.parametrize(("pods", "every", "come"), [(5, 0.05, 24), (5, 0.2, 21), (5, 1, 12), (5, 10, 6)])
    def test_a_burst_is_known_while_it_begins(self, pods: int, every: float, come: int) -> None:
        assert expected(after(pods, every), NOW) == come

    def test_it_is_over_soon_after(self) -> None:
        assert expected(after(100, 0.05), NOW + timedelta(seconds=20)) <= 1

    def test_of_what_came_long_ago_nothing_is_expected(self) -> None:
        assert expected(Arrivals(), NOW) == expected(after(100, 1), NOW + timedelta(hours=1)) == 0
