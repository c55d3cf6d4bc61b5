"""How far two clocks are apart at least, when one of them shows whole seconds over a slow connection."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.runtime.clock import least_difference

START = datetime(2026, 11, 29, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("shown", "sent", "received", "told"),
    [
        (10, 10.9, 10.95, 0),
        (10, 5, 20, 0),
        (100, 10, 11, 89),
        (10, 100, 101, -89),
        (10, 0, 3600, 0),
    ],
)
def test_only_what_is_sure_is_told(shown: float, sent: float, received: float, told: float) -> None:
    assert least_difference(at(shown), at(sent), at(received)) == told


@given(st.floats(-1e6, 1e6), st.floats(0, 100), st.floats(0, 1))
def test_it_is_never_more_than_the_clocks_differ(ahead: float, seconds: float, share: float) -> None:
    shown = at(int(1e7 + seconds * share + ahead))
    told = least_difference(shown, at(1e7), at(1e7 + seconds))
    assert abs(told) <= abs(ahead) + 1e-5
    assert abs(told) >= abs(ahead) - seconds - 1 - 1e-5
