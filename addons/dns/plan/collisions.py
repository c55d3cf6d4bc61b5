"""Two groups of a plan that exclude each other: a CNAME where another record, or ownership text, goes."""

from collections.abc import Iterable

from addons.dns import names as reasons
from addons.dns.model.actions import ChangeGroup, Plan
from addons.runtime.outcomes import Skip


def separate(groups: Iterable[ChangeGroup], skips: Iterable[Skip]) -> Plan:
    """Keep the first of two groups that exclude each other, and say why the other one has to wait."""
    kept: list[ChangeGroup] = []
    waiting = list(skips)
    holders: dict[tuple[str, bool], str] = {}
    for group in groups:
        created = [change.record for change in group.changes if change.action == "CREATE"]
        places = [(record.name, record.type == "CNAME") for record in created]
        rivals = [holders[name, not alone] for name, alone in places if (name, not alone) in holders]
        if rivals:
            waiting.append(_refusal(group, rivals[0]))
        else:
            kept.append(group)
            holders.update((place, group.name) for place in places)
    return Plan(tuple(kept), tuple(waiting))


def _refusal(group: ChangeGroup, rival: str) -> Skip:
    if group.name == rival:
        message = f"{rival} is about to be made with a CNAME and with other records, which exclude each other"
        return Skip(group.key, group.ref, reasons.CNAME_EXCLUSIVE, message)
    message = f"{group.name} and {rival} exclude each other: a CNAME and an ownership text"
    return Skip(group.key, group.ref, reasons.OWNERSHIP_TEXT_TAKEN, message)
