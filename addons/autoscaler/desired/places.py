"""Where the next node of a group will be, and what its labels say of that."""

import re

from addons.autoscaler import names
from addons.autoscaler.model.groups import Group
from addons.autoscaler.model.pods import Labels

_REGION = re.compile(r"[a-z]+(-[a-z]+)+-[0-9]+")

OF_ZONE = (names.ZONE, names.OLD_ZONE, names.EBS_ZONE, "topology.k8s.aws/zone-id")
"""Labels that tell the zone of a node."""


def next_zone(group: Group) -> str:
    """The zone that the group launches in next: the one where it has the fewest instances; "" without any."""
    counts = dict.fromkeys(sorted(group.zones), 0)
    for instance in group.instances:
        if instance.zone in counts and not instance.is_leaving:
            counts[instance.zone] += 1
    return min(counts, key=counts.__getitem__, default="")


def labels_of_zone(zone: str) -> Labels:
    """The labels of a node in a zone, in both generations; none where the zone is not known."""
    if not zone:
        return {}
    found = {names.ZONE: zone, names.OLD_ZONE: zone, names.EBS_ZONE: zone}
    if region := _REGION.match(zone):
        found |= {names.REGION: region.group(), names.OLD_REGION: region.group()}
    return found


def host_name(group: Group) -> str:
    """A name for the next node, which is nobody else's."""
    return f"next-node-of-{group.name}"
