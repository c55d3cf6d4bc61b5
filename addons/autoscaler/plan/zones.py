"""How pods with a spread over zones are shared out over groups of several zones, in one plan."""

from collections.abc import Mapping


def zone_counts(
    count: int, there: Mapping[str, int], room: Mapping[str, int], *, max_skew: int, min_domains: int = 1
) -> dict[str, int]:
    """Return how many of `count` pods go to each zone: as many as can, each to the zone with the fewest.

    `there` has the pods that each domain has already, zones that cannot grow included; `room` says how many
    more a zone can take. Zones of `room` are domains too. No step on the way breaks `max_skew`; while there
    are fewer than `min_domains` domains, no zone gets more than that. Ties go by name.
    """
    levels = {**dict.fromkeys(room, 0), **there}
    given = dict.fromkeys(sorted(room), 0)
    while count > 0:
        floor = 0 if len(levels) < min_domains else min(levels.values())
        open_zones = [
            zone for zone in given if given[zone] < room[zone] and levels[zone] + 1 - floor <= max_skew
        ]
        if not open_zones:
            break
        zone = min(open_zones, key=lambda each: (levels[each], each))
        levels[zone] += 1
        given[zone] += 1
        count -= 1
    return {zone: some for zone, some in given.items() if some}
