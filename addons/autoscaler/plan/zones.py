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
        lowest = _lowest(levels, given, room, max_skew=max_skew, min_domains=min_domains)
        if not lowest:
            break
        bound = _bound(levels, lowest, max_skew=max_skew, min_domains=min_domains)
        spare = min(room[zone] - given[zone] for zone in lowest)
        rounds = min(bound - levels[lowest[0]], spare, count // len(lowest))
        step = max(1, rounds)
        for zone in lowest[: count if rounds < 1 else None]:
            levels[zone] += step
            given[zone] += step
            count -= step
    return {zone: some for zone, some in given.items() if some}


def _lowest(
    levels: Mapping[str, int],
    given: Mapping[str, int],
    room: Mapping[str, int],
    *,
    max_skew: int,
    min_domains: int,
) -> list[str]:
    """Return the zones with the fewest pods that may get one more, by name."""
    floor = 0 if len(levels) < min_domains else min(levels.values())
    open_zones = [zone for zone in given if given[zone] < room[zone] and levels[zone] < floor + max_skew]
    low = min((levels[zone] for zone in open_zones), default=0)
    return [zone for zone in open_zones if levels[zone] == low]


def _bound(levels: Mapping[str, int], lowest: list[str], *, max_skew: int, min_domains: int) -> int:
    """Return up to which level these zones can rise side by side while all others stay as they are."""
    others = [level for zone, level in levels.items() if zone not in lowest]
    if len(levels) < min_domains:
        others.append(0)
    low = levels[lowest[0]]
    higher = min((level for level in others if level > low), default=None)
    skewed = min(others) + max_skew if others else None
    return min((each for each in (higher, skewed) if each is not None), default=1 << 62)
