"""A clock that is set is followed slowly, and never backwards."""

from datetime import datetime, timedelta

from addons.autoscaler.controller.steady_clock import SteadyClock
from tests.support.virtual import START


class Clocks:
    """Seconds that pass, and a clock on the wall that somebody sets."""

    def __init__(self) -> None:
        self.seconds = 7.0
        self.wrong = 0.0
        self.steady = SteadyClock(self.time_of_day, lambda: self.seconds)

    def time_of_day(self) -> datetime:
        return START + timedelta(seconds=self.seconds + self.wrong)

    def shows(self, seconds: float) -> float:
        """By how much it shows another time than the right one, after so many seconds."""
        self.seconds += seconds
        return round((self.steady.now() - self.time_of_day()).total_seconds(), 3)


def test_it_shows_the_time_of_day() -> None:
    clocks = Clocks()
    assert [clocks.shows(seconds) for seconds in (0.0, 0.1, 3600.0)] == [0.0, 0.0, 0.0]


def test_where_that_jumps_it_follows_by_half_a_second_in_each() -> None:
    clocks = Clocks()
    clocks.wrong = 3600.0
    assert [clocks.shows(seconds) for seconds in (0.0, 10.0, 100.0)] == [-3600.0, -3595.0, -3545.0]
    assert clocks.shows(7090.0) == clocks.shows(10.0) == 0.0


def test_where_that_is_set_back_it_goes_on_slowly() -> None:
    clocks = Clocks()
    before = clocks.steady.now()
    clocks.wrong = -3600.0
    clocks.seconds += 10.0
    assert (clocks.steady.now() - before).total_seconds() == 5.0
    assert clocks.shows(7190.0) == 0.0


def test_a_jitter_of_the_clock_is_no_jump() -> None:
    clocks = Clocks()
    clocks.wrong = 0.0005
    assert clocks.shows(0.0) == 0.0
