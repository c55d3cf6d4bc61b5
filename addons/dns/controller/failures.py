"""Which failures concern a single name, and which the zone or the account; and whose failures are over."""

from collections.abc import Container

from addons.runtime.errors import Invalid, OutsideError, Withheld
from addons.runtime.ledger import Ledger


def zone_error(error: OutsideError | None) -> OutsideError | None:
    """The error, when it is none of a single name but of the zone or the whole account."""
    return None if error is None or isinstance(error, Invalid | Withheld) else error


def forget_names(ledger: Ledger[str], zone_id: str, existing: Container[str]) -> None:
    """Drop the keys of names in a zone that are none of `existing`: not wanted, and not there."""

    def is_gone(key: str) -> bool:
        zone, slash, name = key.partition("#")[0].partition("/")
        return bool(slash) and zone == zone_id and name not in existing

    ledger.forget(is_gone)
