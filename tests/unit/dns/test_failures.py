"""Which failures are of a name and which of a zone, and which are over."""

from addons.dns.controller.zone_reconciler import forget_names, zone_error
from addons.runtime.errors import Invalid, Throttled, Withheld
from addons.runtime.ledger import Ledger


async def test_names_that_are_gone_are_forgotten_in_their_zone_only() -> None:
    ledger: Ledger[str] = Ledger()
    for key in ("Z1/a", "Z1/a#blue", "Z1/b", "Z2/b"):
        ledger.failed(key, Invalid("no"))
    forget_names(ledger, "Z1", {"a"}.__contains__)
    assert sorted(ledger.errors) == ["Z1/a", "Z1/a#blue", "Z2/b"]
    assert sorted(ledger.blocked()) == sorted(ledger.errors)


def test_a_refused_name_and_what_was_not_sent_are_no_matter_of_the_zone() -> None:
    assert zone_error(None) is None
    assert zone_error(Invalid("no")) is None
    assert zone_error(Withheld("told to stop")) is None
    assert isinstance(zone_error(Throttled("slow")), Throttled)
