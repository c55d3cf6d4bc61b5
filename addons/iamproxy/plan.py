"""Decide which credentials to fetch, renew and drop. Pure: no clock, no network, no logging."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from addons.iamproxy import names
from addons.iamproxy.model.actions import Action, Drop, Fetch, Held, Plan, Renew
from addons.iamproxy.model.credentials import CredentialKey
from addons.iamproxy.model.verdicts import Grant, Verdict
from addons.runtime.outcomes import Blocked, PlanLine, Skip

LINGER = timedelta(minutes=5)
"""Credentials stay this long when the last pod that used them is gone: the next one may be on its way."""


def plan_credentials(
    wanted: Collection[CredentialKey],
    held: Mapping[CredentialKey, Held],
    blocked: Mapping[CredentialKey, Blocked],
    *,
    now: datetime,
    prefetch: bool,
) -> Plan:
    """Have credentials for every pod before it asks, and none that no pod may have.

    Keys without credentials come first, then those whose credentials end soonest; `blocked` ones are skipped.
    """
    due: list[tuple[datetime, str, Action]] = []
    skips = []
    for key in sorted(wanted, key=_order):
        action = _action(key, held.get(key), now, prefetch)
        if action is None:
            continue
        if key in blocked:
            rest = blocked[key]
            skips.append(_skip(key, rest.message, now + timedelta(seconds=rest.seconds)))
        else:
            until = max(action.expires, now) if isinstance(action, Renew) else now
            due.append((until, _order(key), action))
    due.sort(key=lambda entry: entry[:2])
    drops = [
        Drop(key, "no pod of this node uses them any more")
        for key, entry in sorted(held.items(), key=lambda item: _order(item[0]))
        if key not in wanted and entry.unwanted_since is not None and now - entry.unwanted_since >= LINGER
    ]
    return Plan((*(action for _, _, action in due), *drops), tuple(skips))


def guard(plan: Plan, *, room: int, now: datetime) -> Plan:
    """Make at most `room` calls to STS now; what is less urgent waits for a second."""
    calls = [action for action in plan.actions if not isinstance(action, Drop)]
    others = [action for action in plan.actions if isinstance(action, Drop)]
    later = calls[max(room, 0) :]
    skips = [_skip(action.key, "others are more urgent", now + timedelta(seconds=1)) for action in later]
    return Plan((*calls[: max(room, 0)], *others), (*plan.skips, *skips))


def next_look(
    plan: Plan, wanted: Collection[CredentialKey], held: Mapping[CredentialKey, Held], *, now: datetime
) -> datetime | None:
    """When there will be something to do, if nothing happens meanwhile; None: never."""
    times = [entry.renew_at for key, entry in held.items() if key in wanted and entry.renew_at > now]
    times += [
        entry.unwanted_since + LINGER
        for key, entry in held.items()
        if key not in wanted and entry.unwanted_since is not None
    ]
    times += [skip.retry_at for skip in plan.skips if skip.retry_at is not None]
    return min(times, default=None)


def _action(key: CredentialKey, entry: Held | None, now: datetime, prefetch: bool) -> Fetch | Renew | None:
    if entry is None:
        return Fetch(key) if prefetch else None
    return Renew(key, entry.expires) if entry.renew_at <= now else None


def _skip(key: CredentialKey, why: str, until: datetime) -> Skip:
    return Skip(str(key), None, names.CREDENTIALS_HELD, f"not asked of STS: {why}", until)


def _order(key: CredentialKey) -> str:
    return "\n".join(
        (key.role_arn, key.session_name, key.external_id, *key.service_account, str(key.session_tags))
    )


def preview(verdicts: Iterable[Verdict], plan: Plan) -> Iterator[PlanLine]:
    """Give what pods are granted and refused, by their names, and what would be asked of STS."""
    for verdict in sorted(verdicts, key=lambda verdict: str(verdict.pod)):
        who = str(verdict.pod.ref) if verdict.pod else ""
        if isinstance(verdict, Grant):
            details = {"role": verdict.key.role_arn, "session": verdict.key.session_name}
            because = f"may have {verdict.key.role_arn}: {verdict.because}"
            yield PlanLine(who, "grant", who, because, details)
        else:
            yield PlanLine(who, "refuse", who, verdict.message, {"reason": verdict.reason})
    for action in plan.actions:
        yield PlanLine(str(action.key), type(action).__name__.lower(), "", _because(action))
    for skip in plan.skips:
        yield PlanLine(skip.key, "skip", "", skip.message, {"reason": skip.reason})


def _because(action: Action) -> str:
    if isinstance(action, Drop):
        return action.because
    return "pods will ask for them" if isinstance(action, Fetch) else "they end before long"
