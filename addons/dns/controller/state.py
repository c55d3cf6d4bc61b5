"""What the status page and `/api/state` show of the zones."""

from collections.abc import Container, Iterable, Mapping

from addons.dns import names
from addons.dns.controller.delete_budget import HeldDeletes
from addons.dns.controller.metrics import Counts
from addons.dns.kube.reports import SkipReport
from addons.dns.model.records import Zone
from addons.runtime.clock import rfc3339
from addons.runtime.reporter import Report


def zone_state(
    zone: Zone,
    *,
    records: int | None,
    wanted_names: int,
    counts: Counts | None,
    held: HeldDeletes | None,
    left_out: HeldDeletes | None,
    failure: str,
    next_pass: str,
) -> Mapping[str, object]:
    """One zone: what is wanted of it and what it holds, by record type, and what is in the way.

    `counts` is None before the zone was looked at in full; `wanted_names` is how many names are
    wanted of it, `next_pass` when it is looked at again.
    """
    shown: dict[str, object] = {
        "id": zone.id,
        "name": zone.name,
        "private": zone.private,
        "records": records,
        "names": wanted_names,
    }
    if counts:
        shown["wanted"] = dict(sorted(counts.wanted.items()))
        shown["existing"] = dict(sorted(counts.verified.items()))
        missing = {type_: number - counts.verified.get(type_, 0) for type_, number in counts.wanted.items()}
        shown["missing"] = {type_: number for type_, number in sorted(missing.items()) if number}
        shown["owned"] = counts.owned
    shown["nextPass"] = next_pass
    for what, deletes in (("heldDeletes", held), ("filteredOut", left_out)):
        if deletes:
            names_shown = list(deletes.names[:_SHOWN])
            shown[what] = {"approval": deletes.approval, "count": len(deletes.names), "names": names_shown}
    if failure:
        shown["failure"] = failure
    return shown


def left_out_state(left_out: Mapping[Zone, str]) -> list[dict[str, object]]:
    """The zones that the settings leave out, and by which of them."""
    found = sorted(left_out.items(), key=lambda item: (item[0].name, item[0].id))[:_MOST]
    return [
        {"id": zone.id, "name": zone.name, "private": zone.private, "leftOutBy": setting}
        for zone, setting in found
    ]


def problem_state(reports: Iterable[Report]) -> list[dict[str, str]]:
    """The faults that objects have now."""
    found = sorted((report.ref, report.reason, report.message) for report in reports if report.ref)
    return [{"object": str(ref), "reason": reason, "message": message} for ref, reason, message in found]


def conflict_state(reports: Iterable[Report], zone_ids: Container[str]) -> list[dict[str, str]]:
    """Names in these zones that somebody else holds, and who: an owner id, or an object."""
    conflicts = [report for report in reports if isinstance(report, SkipReport) and report.holder]
    found: list[dict[str, str]] = []
    for conflict in sorted(conflicts, key=lambda conflict: (conflict.key, str(conflict.ref))):
        zone_id, _, name = conflict.key.partition("/")
        if zone_id in zone_ids and len(found) < _MOST:
            shown = {"zone": zone_id, "name": name, "object": str(conflict.ref), "heldBy": conflict.holder}
            found.append(shown | {"reason": conflict.reason, "message": conflict.message})
    return found


def waiting_state(reports: Iterable[Report], errors: Mapping[str, str]) -> list[dict[str, object]]:
    """Names that are not as objects ask for, and why; those that others hold are among the conflicts."""
    found = [report for report in reports if not (isinstance(report, SkipReport) and report.holder)]
    rows: list[dict[str, object]] = [
        {
            "reason": report.reason,
            "name": report.key,
            "message": report.message,
            "object": str(report.ref or ""),
            "again": rfc3339(report.retry_at) if report.retry_at else "",
        }
        for report in sorted(found, key=lambda report: (report.reason, report.key, report.message))
    ]
    told = {row["name"] for row in rows}
    failed: list[dict[str, object]] = [
        {"reason": names.RECORD_ERROR, "name": key, "message": message}
        for key, message in sorted(errors.items())
        if key not in told
    ]
    return [*failed, *rows][:_MOST_NAMES]


_MOST = 100
"""So many conflicts, and zones left out, are shown; metric and decisions have all conflicts."""

_MOST_NAMES = 1000
"""So many names that wait are in the state; the page shows fewer, and looks among these."""

_SHOWN = 20
"""So many names of held deletes are shown; the dry run has all of them."""
