"""What the status page and `/api/state` show of the zones."""

from collections.abc import Mapping

from addons.dns.controller.budget import Held
from addons.dns.controller.metrics import Counts
from addons.dns.model.records import Zone


def zone_state(
    zone: Zone, *, records: int | None, names: int, counts: Counts | None, held: Held | None, failure: str
) -> Mapping[str, object]:
    """One zone: what is wanted of it and what it holds, by record type, and what is in the way.

    `counts` is None before the zone was looked at in full; `names` is how many names are wanted of it.
    """
    shown: dict[str, object] = {
        "id": zone.id,
        "name": zone.name,
        "private": zone.private,
        "records": records,
        "names": names,
    }
    if counts:
        shown["wanted"] = dict(sorted(counts.wanted.items()))
        shown["existing"] = dict(sorted(counts.verified.items()))
        shown["owned"] = counts.owned
    if held:
        shown["heldDeletes"] = {
            "approval": held.approval,
            "count": len(held.names),
            "names": list(held.names[:_SHOWN]),
        }
    if failure:
        shown["failure"] = failure
    return shown


_SHOWN = 20
"""So many names of held deletes are shown; the dry run has all of them."""
