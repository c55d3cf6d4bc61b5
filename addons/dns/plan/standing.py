"""What stands because of an object that asks for it in a way that cannot be used now. Pure.

Such an object asks for what its records are already, whatever that is: nothing of it is given up, and
nothing is made. What it asks for beside that, in a way that can be used, it gets.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from addons.dns import names as reasons
from addons.dns.model.endpoint import Endpoint
from addons.dns.model.records import RecordSet, meaning
from addons.dns.plan.current import Current
from addons.runtime.outcomes import Skip


def with_standing(asked: Sequence[Endpoint], unclear: Iterable[Endpoint], current: Current) -> list[Endpoint]:
    """`asked`, and an endpoint for each record of `current` that was made for an object of `unclear`.

    These are the unusable endpoints of the name; those of objects that `current` was not made for have
    nothing to keep. An endpoint that only stands is unusable still, but has what its record has.
    """
    found = list(asked)
    for one in unclear:
        if _is_holder(one, asked, current):
            found = _standing(found, one, current)
    return found


def kept(asked: Sequence[Endpoint], standing: Iterable[Endpoint], current: Current) -> Iterator[Skip]:
    """Tell the object that `current` was made for that something of it stays, if it does."""
    for endpoint in standing:
        if endpoint not in asked:
            how = f"how {endpoint.asked_by.resource} asks for it cannot be used"
            message = f"{current.name} keeps what it has: {how}"
            yield Skip(current.key, endpoint.asked_by.ref, reasons.RECORD_KEPT, message)
            return


def _is_holder(unclear: Endpoint, asked: Iterable[Endpoint], current: Current) -> bool:
    """True for the object that the records were made for; if no text says which, for the one that asks."""
    resource = unclear.asked_by.resource
    return current.resource == resource or (
        not current.resource and all(endpoint.asked_by.resource == resource for endpoint in asked)
    )


def _standing(asked: Iterable[Endpoint], unclear: Endpoint, current: Current) -> list[Endpoint]:
    """The endpoints of all objects, with what stands of the one that `unclear` is of."""
    resource = unclear.asked_by.resource
    others = [endpoint for endpoint in asked if endpoint.asked_by.resource != resource]
    own = {
        endpoint.type: endpoint
        for endpoint in asked
        if endpoint.asked_by.resource == resource and not endpoint.keeps
    }
    records = {kind: current.data[kind] for kind in current.ours}
    for kind, record in records.items():
        usable = own.get(kind)
        if usable is None:
            own[kind] = _as_it_is(record, unclear)
        elif (unclear.type, unclear.set_identifier) == (kind, record.set_identifier):
            own[kind] = _joined(usable, record, unclear)
    if "CNAME" in own and not own.keys() <= {"CNAME", ""}:
        own = {kind: _as_it_is(record, unclear) for kind, record in records.items()}
    return [*others, *own.values()]


def _as_it_is(record: RecordSet, unclear: Endpoint) -> Endpoint:
    return Endpoint(
        record.name,
        record.type,
        record.values,
        record.ttl,
        unclear.asked_by,
        record.set_identifier,
        record.alias,
        record.routing,
        record.health_check_id,
        is_unusable=True,
    )


def _joined(usable: Endpoint, record: RecordSet, unclear: Endpoint) -> Endpoint:
    """A record set that is asked for in part: it gains what can be used, and loses nothing."""
    if usable.is_unusable or usable.alias or record.alias or usable.type == "CNAME":
        return _as_it_is(record, unclear)
    known = meaning(usable.type, usable.targets)
    left = (value for value in record.values if not meaning(usable.type, (value,)) <= known)
    return replace(usable, targets=tuple(sorted((*usable.targets, *left))))
