"""What failed rests, longer each time; a success, or the end of the name, clears it."""

from datetime import UTC, datetime

from addons.dns.controller.standing import Standing, zone_error
from addons.runtime.errors import Invalid, Throttled
from addons.runtime.outcomes import Ledger

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def standing() -> Standing:
    return Standing(Ledger(), lambda: NOW)


def test_what_failed_rests_longer_each_time() -> None:
    made = standing()
    assert [made.failed("Z1/a", Invalid("no")) for _ in range(3)] == [5, 10, 20]
    assert (made.rest("Z1/a"), made.failures) == (20, {"Z1/a": "no"})


def test_what_the_other_side_asks_for_is_kept() -> None:
    assert standing().failed("Z1", Throttled("slow", retry_after=60)) == 60


def test_a_success_clears_it() -> None:
    made = standing()
    made.failed("Z1/a", Invalid("no"))
    made.succeeded("Z1/a")
    assert (made.rest("Z1/a"), made.failures) == (0, {})


def test_names_that_are_gone_are_forgotten_in_their_zone_only() -> None:
    made = standing()
    for key in ("Z1", "Z1/a", "Z1/a#blue", "Z1/b", "Z2/b"):
        made.failed(key, Invalid("no"))
    made.forget_names("Z1", {"a"})
    assert sorted(made.failures) == ["Z1", "Z1/a", "Z1/a#blue", "Z2/b"]
    assert sorted(made.blocked()) == sorted(made.failures)


def test_only_a_refused_name_is_no_matter_of_the_zone() -> None:
    assert zone_error(None) is None
    assert zone_error(Invalid("no")) is None
    assert isinstance(zone_error(Throttled("slow")), Throttled)
