"""Tags of whatever has an id."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from addons.sim.aws.ec2.account import Account
from addons.sim.aws.ec2.errors import Ec2Error, invalid, not_found
from addons.sim.aws.ec2.model import Tags

_MOST, _LONGEST_KEY, _LONGEST_VALUE = 50, 128, 256
KINDS = {
    "eni": "network-interface",
    "i": "instance",
    "subnet": "subnet",
    "vpc": "vpc",
    "rtb": "route-table",
    "sg": "security-group",
}
"""Types of resources by the beginning of their ids."""


def check_tags(tags: Tags) -> None:
    """Refuse tags that EC2 does not take."""
    for key, value in tags.items():
        if key.startswith("aws:"):
            raise invalid("Tag keys starting with 'aws:' are reserved for internal use")
        if not 1 <= len(key) <= _LONGEST_KEY:
            raise invalid(f"Tag key exceeds the maximum length of {_LONGEST_KEY} characters, or is empty")
        if len(value) > _LONGEST_VALUE:
            raise invalid(f"Tag value exceeds the maximum length of {_LONGEST_VALUE} characters")
    if len(tags) > _MOST:
        raise Ec2Error("TagLimitExceeded", f"More than {_MOST} tags specified")


def all_tags(account: Account, *, lag_seconds: float = 0.0) -> Iterator[tuple[str, Tags]]:
    """Give the tags of everything by its id."""
    for eni in account.interfaces.before(lag_seconds).values():
        yield eni.id, eni.tags
    for instance in account.instances.before(lag_seconds).values():
        yield instance.id, instance.tags
    for things in (account.vpcs, account.subnets, account.route_tables, account.security_groups):
        for thing in things.values():
            yield thing.id, thing.tags


def put_tags(account: Account, ids: Collection[str], tags: Tags) -> None:
    """Add tags to all of some things, or to none of them."""
    check_tags(tags)
    there = _tags_of(account, ids)
    for id_ in ids:
        check_tags({**there[id_], **tags})
    for id_ in ids:
        _set_tags(account, id_, {**there[id_], **tags})


def remove_tags(account: Account, ids: Collection[str], tags: Mapping[str, str | None]) -> None:
    """Remove tags by key, and by value where it is not None; all of them when none are given."""
    for id_, before in _tags_of(account, ids).items():
        kept = {
            key: value
            for key, value in before.items()
            if tags and (key not in tags or tags[key] not in (None, value))
        }
        _set_tags(account, id_, kept)


def _tags_of(account: Account, ids: Collection[str]) -> dict[str, Tags]:
    there = dict(all_tags(account))
    for id_ in ids:
        kind = id_.rpartition("-")[0]
        if kind not in KINDS:
            raise Ec2Error("InvalidID", f"The ID '{id_}' is not valid")
        if id_ not in there:
            raise not_found(kind, id_)
    return {id_: there[id_] for id_ in ids}


def _set_tags(account: Account, id_: str, tags: Tags) -> None:
    if eni := account.interfaces.get(id_):
        account.put(replace(eni, tags=tags))
    elif instance := account.instances.get(id_):
        account.instances.put(id_, replace(instance, tags=tags))
    elif vpc := account.vpcs.get(id_):
        account.vpcs[id_] = replace(vpc, tags=tags)
    elif subnet := account.subnets.get(id_):
        account.subnets[id_] = replace(subnet, tags=tags)
    elif table := account.route_tables.get(id_):
        account.route_tables[id_] = replace(table, tags=tags)
    else:
        group = account.security_groups[id_]
        account.security_groups[id_] = replace(group, tags=tags)
