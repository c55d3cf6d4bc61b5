"""The names of cells: what their stacks and their groups are called."""

import hashlib
import re
from typing import Final

LONGEST: Final = 128
"""CloudFormation takes no longer names of stacks."""

_HASH = 8
_OTHER_SIGNS = re.compile(r"[^A-Za-z0-9-]")
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]+")
_SHORT = {"on-demand": "od", "spot": "spot"}


def region_of(zone: str) -> str:
    """The region of a zone: eu-central-1 of eu-central-1a, us-west-2 of us-west-2-lax-1a."""
    found = _REGION.match(zone)
    return found[0] if found else zone


def name_of(cluster: str, service: str, instance_type: str, capacity: str, zone: str) -> str:
    """CLUSTER-SERVICE-TYPE-od|spot-ZONE, with the letters of the zone behind its region, dashes for all other
    signs.

    A name begins with a letter. One that is too long ends with a hash of what it was made of, in place of its
    end.
    """
    suffix = zone.removeprefix(region_of(zone)).strip("-")
    parts = (cluster, service, instance_type, _SHORT[capacity], suffix)
    name = _OTHER_SIGNS.sub("-", "-".join(parts))
    if not name[0].isalpha():
        name = f"k-{name}"
    if len(name) <= LONGEST:
        return name
    digest = hashlib.sha256("/".join((*parts[:-1], zone)).encode()).hexdigest()
    return f"{name[: LONGEST - _HASH - 1].rstrip('-')}-{digest[:_HASH]}"
